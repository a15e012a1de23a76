"""What several pages of issues answer with: a way back, a question, a preview."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from pyramid.httpexceptions import HTTPSeeOther

from ponytracker.issues.texts import show_text
from ponytracker.models import Event
from ponytracker.resources import IssueResource


def to_issue(context: IssueResource, request: Any, event: Event | None = None) -> HTTPSeeOther:
    """Lead to the page of an issue, or to an event on it."""
    if event is None:
        return HTTPSeeOther(request.resource_path(context, ""))
    request.dbsession.flush()
    return HTTPSeeOther(request.resource_path(context, "", anchor=f"event-{event.id}"))


def confirmation(
    context: IssueResource, request: Any, question: str, button: str
) -> dict[str, Any]:
    """Ask whether what *button* says shall be done to an issue."""
    return {
        "title": context.issue.title,
        "question": question,
        "button": button,
        "cancel": request.resource_path(context, ""),
    }


def preview(request: Any, text: str | None) -> Markup | None:
    """Return *text* as it would look, where the button "Preview" was pressed."""
    if "preview" not in request.POST:
        return None
    context = request.context
    return show_text(request, context.project, text or "", getattr(context, "issue", None))
