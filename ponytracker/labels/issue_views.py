"""The labels of an issue: what its page offers, and putting them on and taking them off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.issues import service
from ponytracker.issues.answers import confirmation, to_issue
from ponytracker.labels.service import list_labels
from ponytracker.models import Label
from ponytracker.resources import IssueResource
from ponytracker.security.permissions import Permission


def project_labels(request: Any) -> Sequence[Label]:
    """Return the labels of the project that the page is in, for its menus."""
    return list_labels(request.dbsession, request.context.project)


def label_choices(request: Any) -> Sequence[Label]:
    """Return the labels that could be put on the issue that the page is of."""
    present = {label.id for label in request.context.issue.labels}
    return [label for label in request.project_labels if label.id not in present]


@view_config(
    context=IssueResource,
    name="add-label",
    subpath=True,
    request_method="GET",
    permission=Permission.MANAGE_TAGS,
    renderer="confirm.jinja2",
)
def confirm_add_label(context: IssueResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to put the label “${name}” on this issue?")
    return _confirm(context, request, question, _("Add this label"))


@view_config(
    context=IssueResource,
    name="add-label",
    subpath=True,
    request_method="POST",
    permission=Permission.MANAGE_TAGS,
)
def add_label(context: IssueResource, request: Any) -> HTTPSeeOther:
    label = _label(context, request)
    if not service.add_label(request.dbsession, context.issue, request.user, label):
        request.session.flash(_("This issue has this label already."), "info")
    return to_issue(context, request)


@view_config(
    context=IssueResource,
    name="remove-label",
    subpath=True,
    request_method="GET",
    permission=Permission.MANAGE_TAGS,
    renderer="confirm.jinja2",
)
def confirm_remove_label(context: IssueResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to take the label “${name}” off this issue?")
    return _confirm(context, request, question, _("Remove this label"))


@view_config(
    context=IssueResource,
    name="remove-label",
    subpath=True,
    request_method="POST",
    permission=Permission.MANAGE_TAGS,
)
def remove_label(context: IssueResource, request: Any) -> HTTPSeeOther:
    label = _label(context, request)
    if not service.remove_label(request.dbsession, context.issue, request.user, label):
        request.session.flash(_("This issue does not have this label."), "info")
    return to_issue(context, request)


def _label(context: IssueResource, request: Any) -> Label:
    """Return the label whose id stands behind the view's name."""
    labels: Any = context.__parent__.__parent__["labels"]
    try:
        (label_id,) = request.subpath
        label: Label = labels[label_id].label
    except (KeyError, ValueError):
        raise HTTPNotFound from None
    return label


def _confirm(context: IssueResource, request: Any, question: str, button: str) -> dict[str, Any]:
    name = {"name": _label(context, request).name}
    return confirmation(context, request, _(question, mapping=name), button)
