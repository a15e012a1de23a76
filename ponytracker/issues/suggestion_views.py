"""What an editor suggests while someone writes, as JSON."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from ponytracker.issues.suggestions import suggest_issues, suggest_people
from ponytracker.placeholders import write_mention
from ponytracker.projects.service import find_visible_project
from ponytracker.resources import IssuesResource
from ponytracker.web.forms import searched_text

Suggestions = dict[str, list[dict[str, str]]]


@view_config(context=IssuesResource, name="suggest", request_method="GET", renderer="json")
def suggest(context: IssuesResource, request: Any) -> Suggestions:
    """Answer what may be meant by `query`: each `value` is what to write, `data` whose it is.

    The `type` is user or issue. Issues of other projects are asked for as `name#12`.
    """
    text = searched_text(request, "query")
    match request.GET.get("type"):
        case "user":
            return _suggest_people(context, request, text)
        case "issue":
            return _suggest_issues(context, request, text)
    return {"suggestions": []}


def _suggest_people(context: IssuesResource, request: Any, text: str) -> Suggestions:
    people = suggest_people(request.dbsession, request.identity, context.project, text)
    return {
        "suggestions": [
            {"value": write_mention(user.username), "data": user.full_name} for user in people
        ]
    }


def _suggest_issues(context: IssuesResource, request: Any, text: str) -> Suggestions:
    session, project = request.dbsession, context.project
    name, _, rest = text.rpartition("#")
    other = find_visible_project(session, request.identity, name) if name else None
    issues = suggest_issues(session, other or project, rest if other else text)
    prefix = other.name if other and other is not project else ""
    return {
        "suggestions": [
            {"value": f"{prefix}#{issue.number}", "data": issue.title} for issue in issues
        ]
    }
