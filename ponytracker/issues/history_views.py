"""The pages with the versions of a description or a comment, and what each has changed."""

from __future__ import annotations

import re
from typing import Any

from pyramid.view import view_config

from ponytracker.issues import history
from ponytracker.issues.difference import compare
from ponytracker.issues.service import find_description
from ponytracker.models import Event
from ponytracker.resources import CommentResource, IssueResource
from ponytracker.web.pages import Page

PER_PAGE = 50

_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

_HISTORY = {
    "name": "history",
    "request_method": "GET",
    "renderer": "templates/history.jinja2",
}


@view_config(context=IssueResource, **_HISTORY)
def show_description_history(context: IssueResource, request: Any) -> dict[str, Any]:
    return _show_history(context, request, find_description(request.dbsession, context.issue))


@view_config(context=CommentResource, **_HISTORY)
def show_comment_history(context: CommentResource, request: Any) -> dict[str, Any]:
    return _show_history(context.__parent__.__parent__, request, context.comment)


def _show_history(place: IssueResource, request: Any, event: Event) -> dict[str, Any]:
    """Show the versions, and of one, by the parameter `version`, the difference it made."""
    session = request.dbsession
    total = history.count_versions(session, event)
    page = Page.asked_for(request.GET.get("page"), size=PER_PAGE, total=total)
    asked = request.GET.get("version", "")
    number = min(int(asked), total) if _NUMBER.fullmatch(asked) else total
    text = history.read_version(session, event, number, total)
    before = history.read_version(session, event, number - 1, total) if number > 1 else None
    return {
        "issue": place.issue,
        "event": event,
        "versions": history.list_versions(session, event, page),
        "page": page,
        "number": number,
        "text": text,
        "before": before,
        "difference": None if before is None else compare(before, text),
        "back": request.resource_path(place, "", anchor=f"event-{event.id}"),
    }
