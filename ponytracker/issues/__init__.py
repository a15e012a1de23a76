"""Issues: the list, the page of one with its timeline, and the door for changes (service.py)."""

from collections.abc import Iterable, Mapping
from typing import Any

from ponytracker.issues.unread import count_unread_issues
from ponytracker.models import Project


def includeme(config: Any) -> None:
    config.add_request_method(_unread_issues, "unread_issues")
    config.scan("ponytracker.issues.views")
    config.scan("ponytracker.issues.list_views")
    config.scan("ponytracker.issues.bulk_views")
    config.scan("ponytracker.issues.comment_views")
    config.scan("ponytracker.issues.history_views")
    config.scan("ponytracker.issues.assignee_views")
    config.scan("ponytracker.issues.subscription_views")
    config.scan("ponytracker.issues.activity_views")
    config.scan("ponytracker.issues.suggestion_views")


def _unread_issues(request: Any, projects: Iterable[Project]) -> Mapping[int, int]:
    """Return how many issues of each of *projects* have something that the reader has not read."""
    if not request.identity.is_signed_in:
        return {}
    ids = [project.id for project in projects]
    return count_unread_issues(request.dbsession, request.identity.user_id, ids)
