"""Issues: the list, the page of one with its timeline, and the door for changes (service.py)."""

from typing import Any


def includeme(config: Any) -> None:
    config.scan("ponytracker.issues.views")
    config.scan("ponytracker.issues.bulk_views")
