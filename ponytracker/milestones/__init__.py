"""Milestones: the list, the page of one with its burn-up chart, and changing them."""

from typing import Any

from ponytracker.milestones.issue_views import milestone_choices, open_milestones


def includeme(config: Any) -> None:
    config.add_request_method(open_milestones, "open_milestones", reify=True)
    config.add_request_method(milestone_choices, "milestone_choices", reify=True)
    config.scan("ponytracker.milestones.views")
    config.scan("ponytracker.milestones.issue_views")
