"""The pages of milestones."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.issues.asked import issue_asked_for
from ponytracker.issues.filters.printing import print_filter
from ponytracker.issues.filters.tree import And, Choice, Name, Term
from ponytracker.issues.service import set_milestone
from ponytracker.milestones import service
from ponytracker.milestones.burn_up import read_burn_up
from ponytracker.milestones.forms import MilestoneForm
from ponytracker.milestones.service import Show
from ponytracker.models import Milestone, State
from ponytracker.resources import MilestoneResource, MilestonesResource
from ponytracker.security.permissions import Permission


@view_config(
    context=MilestonesResource,
    request_method="GET",
    renderer="templates/milestone_list.jinja2",
)
def milestone_list(context: MilestonesResource, request: Any) -> dict[str, Any]:
    asked = request.GET.get("show", Show.OPEN)
    is_known = asked in list(Show)
    show = Show(asked) if is_known else Show.OPEN
    return {
        "milestones": service.list_milestones(request.dbsession, context.project, show),
        "show": show,
        "error": None if is_known else _("There is an error in your filter."),
        "issues_filter": _issues_filter,
    }


@view_config(
    context=MilestoneResource,
    request_method="GET",
    renderer="templates/milestone_show.jinja2",
)
def show_milestone(context: MilestoneResource, request: Any) -> dict[str, Any]:
    zone = ZoneInfo(request.identity.time_zone)
    return {
        "progress": service.find_progress(request.dbsession, context.milestone),
        "chart": read_burn_up(request.dbsession, context.milestone, zone),
        "issues_filter": _issues_filter,
    }


@view_config(
    context=MilestonesResource,
    name="add",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_TAGS,
    renderer="templates/milestone_form.jinja2",
)
def add_milestone(context: MilestonesResource, request: Any) -> Any:
    issue = issue_asked_for(context.__parent__, request)
    form = MilestoneForm(request, context.project)
    if form.accepts():
        milestone = service.create_milestone(request.dbsession, context.project, **form.values)
        if issue is not None:
            set_milestone(request.dbsession, issue.issue, request.user, milestone)
        request.session.flash(_("Milestone added successfully."), "success")
        return HTTPSeeOther(request.resource_path(issue or context, ""))
    return {"form": form, "cancel": request.resource_path(issue or context, "")}


@view_config(
    context=MilestoneResource,
    name="edit",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_TAGS,
    renderer="templates/milestone_form.jinja2",
)
def edit_milestone(context: MilestoneResource, request: Any) -> Any:
    form = MilestoneForm(request, context.project, context.milestone)
    if form.accepts():
        service.edit_milestone(request.dbsession, request.user, context.milestone, **form.values)
        request.session.flash(_("Milestone modified successfully."), "success")
        slug = context.milestone.slug
        return HTTPSeeOther(request.resource_path(context.__parent__, slug, ""))
    return {"form": form, "cancel": request.resource_path(context, "")}


_CLOSE = {"context": MilestoneResource, "name": "close", "permission": Permission.MANAGE_TAGS}


@view_config(request_method="GET", renderer="confirm.jinja2", **_CLOSE)
def confirm_close(context: MilestoneResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to close this milestone? Its issues stay as they are.")
    return _confirm(context, request, question, _("Close this milestone"))


@view_config(request_method="POST", **_CLOSE)
def close_milestone(context: MilestoneResource, request: Any) -> HTTPSeeOther:
    service.close_milestone(request.dbsession, context.milestone)
    request.session.flash(_("Milestone closed."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))


_REOPEN = {"context": MilestoneResource, "name": "reopen", "permission": Permission.MANAGE_TAGS}


@view_config(request_method="GET", renderer="confirm.jinja2", **_REOPEN)
def confirm_reopen(context: MilestoneResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to reopen this milestone?")
    return _confirm(context, request, question, _("Reopen this milestone"))


@view_config(request_method="POST", **_REOPEN)
def reopen_milestone(context: MilestoneResource, request: Any) -> HTTPSeeOther:
    service.reopen_milestone(request.dbsession, context.milestone)
    request.session.flash(_("Milestone reopened."), "success")
    return HTTPSeeOther(request.resource_path(context, ""))


_DELETE = {"context": MilestoneResource, "name": "delete", "permission": Permission.DELETE_TAGS}


@view_config(request_method="GET", renderer="templates/milestone_delete.jinja2", **_DELETE)
def confirm_delete(context: MilestoneResource, request: Any) -> dict[str, Any]:
    question = _("Are you sure to delete this milestone?")
    return {
        **_confirm(context, request, question, _("Delete this milestone")),
        "danger": True,
        "progress": service.find_progress(request.dbsession, context.milestone),
    }


@view_config(request_method="POST", **_DELETE)
def delete_milestone(context: MilestoneResource, request: Any) -> HTTPSeeOther:
    service.delete_milestone(request.dbsession, request.user, context.milestone)
    request.session.flash(_("Milestone deleted successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))


def _confirm(
    context: MilestoneResource, request: Any, question: str, button: str
) -> dict[str, Any]:
    return {
        "title": context.milestone.name,
        "question": question,
        "button": button,
        "cancel": request.resource_path(context, ""),
    }


def _issues_filter(milestone: Milestone, state: State) -> str:
    """Return the filter of the list that shows the issues in *state* under *milestone*."""
    named = Term("milestone", (Name(milestone.name),))
    return print_filter(And((Term("is", (Choice(state),)), named)))
