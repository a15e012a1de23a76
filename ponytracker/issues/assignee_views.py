"""The page on which an issue is given to someone, and what its field suggests."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.issues import service
from ponytracker.issues.answers import to_issue
from ponytracker.issues.assignees import suggest_assignees
from ponytracker.issues.forms import AssignForm
from ponytracker.resources import IssueResource
from ponytracker.security.permissions import Permission
from ponytracker.web.forms import searched_text

_ASSIGN = {
    "context": IssueResource,
    "name": "assign",
    "permission": Permission.MANAGE_ISSUE,
}


@view_config(request_method=("GET", "POST"), renderer="templates/issue_assign.jinja2", **_ASSIGN)
def assign_issue(context: IssueResource, request: Any) -> Any:
    form = AssignForm(request, context.issue)
    if form.accepts():
        service.assign(request.dbsession, context.issue, request.user, form.found)
        request.session.flash(_message(request, form), "success")
        return to_issue(context, request)
    return {"form": form, "cancel": request.resource_path(context, "")}


@view_config(request_method="GET", request_param="query", renderer="json", **_ASSIGN)
def suggest_people(context: IssueResource, request: Any) -> dict[str, Any]:
    text = searched_text(request, "query")
    if not text:
        raise HTTPNotFound
    found = suggest_assignees(request.dbsession, context.project, text)
    people = [{"value": user.username_and_full_name, "data": user.id} for user in found]
    return {"suggestions": people}


def _message(request: Any, form: AssignForm) -> str:
    """Return what was done, translated: what a session keeps is only words."""
    if form.found is None:
        return str(_("Issue unassigned."))
    text = _("Issue assigned to ${name}.", mapping={"name": form.found.username})
    return str(request.localizer.translate(text))
