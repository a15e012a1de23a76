"""The list of a project's issues: what was asked for, one page of it, and what can be asked for."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.issues import query
from ponytracker.issues.filters import Filter, Special
from ponytracker.issues.unread import count_unread_events
from ponytracker.resources import IssuesResource
from ponytracker.text import MAX_USERNAME
from ponytracker.web.forms import searched_text


@view_config(context=IssuesResource, request_method="GET", renderer="templates/issue_list.jinja2")
def issue_list(context: IssuesResource, request: Any) -> Any:
    session, reader = request.dbsession, request.identity
    asked = query.parse_query(
        session, request.GET.get("q"), request.GET.get("sort"), reader, context.project
    )
    if narrowed := _narrowed(asked.filter, request):
        return HTTPSeeOther(request.resource_path(context, "", query={"q": str(narrowed)}))
    size = request.root.settings.items_per_page
    page, count = query.find_page(session, asked, request.GET.get("page"), size=size)
    issues = query.list_issues(session, asked, page)
    ids = [issue.id for issue in issues]
    return {
        "query": asked,
        "page": page,
        "count": count,
        "issues": issues,
        "states": query.count_states(session, asked),
        "unread": count_unread_events(session, reader.user_id, ids) if reader.user_id else {},
        "sorts": query.SORTS,
        "special": Special,
    }


def _narrowed(filter_: Filter, request: Any) -> Filter | None:
    """Return the filter with who was typed into the menu of authors or of assignees."""
    if author := _typed_name(request, "author"):
        return filter_.with_author(author)
    if assignee := _typed_name(request, "assignee"):
        return filter_.with_assignee(assignee)
    return None


def _typed_name(request: Any, parameter: str) -> str:
    return searched_text(request, parameter).removeprefix("@").replace("\\", "")[:MAX_USERNAME]
