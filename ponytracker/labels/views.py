"""The pages of labels."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.issues.asked import issue_asked_for
from ponytracker.issues.filters.printing import print_filter
from ponytracker.issues.filters.tree import OPEN, And, Name, Term
from ponytracker.issues.service import add_label as put_label_on
from ponytracker.labels import service
from ponytracker.labels.forms import LabelForm
from ponytracker.models import Label
from ponytracker.resources import IssueResource, LabelResource, LabelsResource
from ponytracker.security.permissions import Permission


@view_config(context=LabelsResource, request_method="GET", renderer="templates/label_list.jinja2")
def label_list(context: LabelsResource, request: Any) -> dict[str, Any]:
    labels = service.list_with_counts(request.dbsession, context.project)
    return {"labels": labels, "issues_filter": _issues_filter}


@view_config(context=LabelResource, request_method="GET")
def show_label(context: LabelResource, request: Any) -> HTTPSeeOther:
    """Lead to the open issues that have the label: a link to it that a new name does not break."""
    project = context.__parent__.__parent__
    query = {"q": _issues_filter(context.label)}
    return HTTPSeeOther(request.resource_path(project["issues"], "", query=query))


@view_config(
    context=LabelsResource,
    name="add",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_TAGS,
    renderer="templates/label_form.jinja2",
)
def add_label(context: LabelsResource, request: Any) -> Any:
    issue = issue_asked_for(context.__parent__, request)
    form = LabelForm(request, context.project)
    if form.accepts():
        label = service.create_label(request.dbsession, context.project, **form.values)
        request.session.flash(_("Label added successfully."), "success")
        return _finish(context, request, label, issue)
    return {"form": form, "cancel": request.resource_path(issue or context, "")}


@view_config(
    context=LabelResource,
    name="edit",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_TAGS,
    renderer="templates/label_form.jinja2",
)
def edit_label(context: LabelResource, request: Any) -> Any:
    labels = context.__parent__
    issue = issue_asked_for(labels.__parent__, request)
    form = LabelForm(request, context.project, context.label)
    if form.accepts():
        service.edit_label(request.dbsession, context.label, **form.values)
        request.session.flash(_("Label modified successfully."), "success")
        return _finish(labels, request, context.label, issue)
    return {"form": form, "cancel": request.resource_path(issue or labels, "")}


@view_config(
    context=LabelResource,
    name="delete",
    request_method="GET",
    permission=Permission.DELETE_TAGS,
    renderer="templates/label_delete.jinja2",
)
def confirm_delete(context: LabelResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Delete label"),
        "question": _("Are you sure to delete this label?"),
        "button": _("Delete this label"),
        "cancel": request.resource_path(context.__parent__, ""),
        "danger": True,
        "count": service.count_issues(request.dbsession, context.label),
    }


@view_config(
    context=LabelResource,
    name="delete",
    request_method="POST",
    permission=Permission.DELETE_TAGS,
)
def delete_label(context: LabelResource, request: Any) -> HTTPSeeOther:
    service.delete_label(request.dbsession, request.user, context.label)
    request.session.flash(_("Label deleted successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))


def _finish(
    context: LabelsResource, request: Any, label: Label, issue: IssueResource | None
) -> HTTPSeeOther:
    """Put *label* on *issue*, if it was made for one, and lead there; else to the list."""
    if issue is None:
        return HTTPSeeOther(request.resource_path(context, ""))
    put_label_on(request.dbsession, issue.issue, request.user, label)
    return HTTPSeeOther(request.resource_path(issue, ""))


def _issues_filter(label: Label) -> str:
    """Return the filter of the list that shows the open issues with *label*."""
    return print_filter(And((OPEN, Term("label", (Name(label.name),)))))
