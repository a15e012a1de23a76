"""The milestone of an issue: what its page offers, and putting it under one and out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.issues.answers import confirmation, to_issue
from ponytracker.milestones.service import list_open_milestones, put_under, take_out
from ponytracker.models import Milestone
from ponytracker.resources import IssueResource
from ponytracker.security.permissions import Permission


def open_milestones(request: Any) -> Sequence[Milestone]:
    """Return the open milestones of the project that the page is in, for its menus."""
    return list_open_milestones(request.dbsession, request.context.project)


def milestone_choices(request: Any) -> Sequence[Milestone]:
    """Return the milestones that the issue of the page could be put under."""
    present = request.context.issue.milestone_id
    return [milestone for milestone in request.open_milestones if milestone.id != present]


_ADD = {
    "context": IssueResource,
    "name": "add-milestone",
    "subpath": True,
    "permission": Permission.MANAGE_TAGS,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_ADD)
def confirm_add_milestone(context: IssueResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to put this issue under the milestone “${name}”?")
    return _confirm(context, request, question, _("Set this milestone"))


@view_config(request_method="POST", **_ADD)
def add_milestone(context: IssueResource, request: Any) -> HTTPSeeOther:
    milestone = _milestone(context, request)
    if not put_under(request.dbsession, context.issue, request.user, milestone):
        request.session.flash(_("This issue is under this milestone already."), "info")
    return to_issue(context, request)


_REMOVE = {
    "context": IssueResource,
    "name": "remove-milestone",
    "subpath": True,
    "permission": Permission.MANAGE_TAGS,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_REMOVE)
def confirm_remove_milestone(context: IssueResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to take this issue out of the milestone “${name}”?")
    return _confirm(context, request, question, _("Remove this milestone"))


@view_config(request_method="POST", **_REMOVE)
def remove_milestone(context: IssueResource, request: Any) -> HTTPSeeOther:
    milestone = _milestone(context, request)
    if not take_out(request.dbsession, context.issue, request.user, milestone):
        request.session.flash(_("This issue is not under this milestone."), "info")
    return to_issue(context, request)


def _milestone(context: IssueResource, request: Any) -> Milestone:
    """Return the milestone whose slug stands behind the view's name."""
    milestones: Any = context.__parent__.__parent__["milestones"]
    try:
        (slug,) = request.subpath
        milestone: Milestone = milestones[slug].milestone
    except (KeyError, ValueError):
        raise HTTPNotFound from None
    return milestone


def _confirm(context: IssueResource, request: Any, question: str, button: str) -> dict[str, Any]:
    name = {"name": _milestone(context, request).name}
    return confirmation(context, request, _(question, mapping=name), button)
