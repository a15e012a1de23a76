"""The pages of projects."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.models import Access
from ponytracker.projects import service, watching
from ponytracker.projects.forms import DeleteProjectForm, ProjectForm
from ponytracker.resources import ProjectResource, Root
from ponytracker.security.permissions import Permission
from ponytracker.web.paths import site_path


@view_config(context=Root, request_method="GET", renderer="templates/project_list.jinja2")
def project_list(context: Root, request: Any) -> Any:
    projects = service.list_projects(request.dbsession, request.identity, archived=False)
    if not projects and request.has_permission(Permission.CREATE_PROJECT):
        request.session.flash(_("Start by creating a project."), "info")
        return HTTPSeeOther(request.resource_path(context, "add", ""))
    return {"projects": projects, "archived": False}


@view_config(
    context=Root,
    name="archived",
    request_method="GET",
    renderer="templates/project_list.jinja2",
)
def archived_project_list(context: Root, request: Any) -> dict[str, Any]:
    projects = service.list_projects(request.dbsession, request.identity, archived=True)
    return {"projects": projects, "archived": True}


@view_config(
    context=Root,
    name="add",
    request_method=("GET", "POST"),
    permission=Permission.CREATE_PROJECT,
    renderer="templates/project_form.jinja2",
)
def add_project(context: Root, request: Any) -> Any:
    form = ProjectForm(request)
    if form.accepts():
        project = service.create_project(
            request.dbsession,
            request.user,
            name=form.name.data,
            display_name=form.display_name.data,
            description=form.description.data,
            access=Access(form.access.data),
            actor=request.identity,
        )
        request.session.flash(_("Project added successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, project.name, "issues", ""))
    return {"form": form, "cancel": request.resource_path(context)}


@view_config(
    context=ProjectResource,
    name="edit",
    request_method=("GET", "POST"),
    permission=Permission.MODIFY_PROJECT,
    renderer="templates/project_form.jinja2",
)
def edit_project(context: ProjectResource, request: Any) -> Any:
    form = ProjectForm(request, context.project)
    if form.accepts():
        service.edit_project(
            request.dbsession,
            request.identity,
            context.project,
            name=form.name.data,
            display_name=form.display_name.data,
            description=form.description.data,
            access=Access(form.access.data),
        )
        request.session.flash(_("Project modified successfully."), "success")
        return HTTPSeeOther(
            request.resource_path(context.__parent__, context.project.name, "issues", "")
        )
    return {"form": form, "cancel": request.resource_path(context, "issues", "")}


@view_config(context=ProjectResource, request_method="GET")
def show_project(context: ProjectResource, request: Any) -> HTTPSeeOther:
    return HTTPSeeOther(request.resource_path(context, "issues", ""))


_ARCHIVE = {
    "context": ProjectResource,
    "name": "archive",
    "permission": Permission.MODIFY_PROJECT,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_ARCHIVE)
def confirm_archive(context: ProjectResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to archive this project? It can then be read, not changed.")
    return _confirm(context, request, question, _("Archive this project"))


@view_config(request_method="POST", **_ARCHIVE)
def archive_project(context: ProjectResource, request: Any) -> HTTPSeeOther:
    service.archive_project(request.dbsession, request.identity, context.project)
    request.session.flash(_("Project archived."), "success")
    return HTTPSeeOther(request.resource_path(context, "issues", ""))


_UNARCHIVE = {
    "context": ProjectResource,
    "name": "unarchive",
    "permission": Permission.MODIFY_PROJECT,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_UNARCHIVE)
def confirm_unarchive(context: ProjectResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to bring this project back from the archive?")
    return _confirm(context, request, question, _("Un-archive this project"))


@view_config(request_method="POST", **_UNARCHIVE)
def unarchive_project(context: ProjectResource, request: Any) -> HTTPSeeOther:
    service.unarchive_project(request.dbsession, request.identity, context.project)
    request.session.flash(_("Project un-archived."), "success")
    return HTTPSeeOther(request.resource_path(context, "issues", ""))


@view_config(
    context=ProjectResource,
    name="delete",
    request_method=("GET", "POST"),
    permission=Permission.DELETE_PROJECT,
    renderer="templates/project_delete.jinja2",
)
def delete_project(context: ProjectResource, request: Any) -> Any:
    form = DeleteProjectForm(request, context.project)
    if form.accepts():
        service.delete_project(request.dbsession, request.identity, context.project)
        request.session.flash(_("Project deleted successfully."), "success")
        return HTTPSeeOther(request.resource_path(context.__parent__))
    contents = service.count_contents(request.dbsession, context.project)
    return {"form": form, "contents": contents}


_SUBSCRIBE = {
    "context": ProjectResource,
    "name": "subscribe",
    "permission": Permission.SIGNED_IN,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_SUBSCRIBE)
def confirm_subscribe(context: ProjectResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to hear of everything that happens in this project?")
    return _confirm(context, request, question, _("Watch"))


@view_config(request_method="POST", **_SUBSCRIBE)
def subscribe(context: ProjectResource, request: Any) -> HTTPSeeOther:
    try:
        watching.watch_project(request.dbsession, request.identity, context.project)
    except watching.CannotWatch as error:
        request.session.flash(error.args[0], "error")
    else:
        text = _("You have been subscribed to this project successfully.")
        request.session.flash(text, "success")
    return _back(context, request)


_UNSUBSCRIBE = {
    "context": ProjectResource,
    "name": "unsubscribe",
    "permission": Permission.SIGNED_IN,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_UNSUBSCRIBE)
def confirm_unsubscribe(context: ProjectResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to hear no more of this project?")
    return _confirm(context, request, question, _("Unwatch"))


@view_config(request_method="POST", **_UNSUBSCRIBE)
def unsubscribe(context: ProjectResource, request: Any) -> HTTPSeeOther:
    try:
        watching.unwatch_project(request.dbsession, request.identity, context.project)
    except watching.CannotWatch as error:
        request.session.flash(error.args[0], "error")
    else:
        text = _("You will not receive any notifications for this project anymore.")
        request.session.flash(text, "success")
    return _back(context, request)


_MARK_READ = {
    "context": ProjectResource,
    "name": "markread",
    "permission": Permission.SIGNED_IN,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_MARK_READ)
def confirm_mark_read(context: ProjectResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to mark everything in this project as read?")
    return _confirm(context, request, question, _("Mark as read"))


@view_config(request_method="POST", **_MARK_READ)
def mark_read(context: ProjectResource, request: Any) -> HTTPSeeOther:
    watching.mark_project_read(request.dbsession, request.identity, context.project)
    return _back(context, request)


def _back(context: ProjectResource, request: Any) -> HTTPSeeOther:
    """Lead to where the button was, or to the project."""
    path = site_path(request, "next") or request.resource_path(context, "issues", "")
    return HTTPSeeOther(path)


def _confirm(context: ProjectResource, request: Any, question: str, button: str) -> dict[str, Any]:
    return {
        "title": context.project.display_name,
        "question": question,
        "button": button,
        "cancel": site_path(request, "next") or request.resource_path(context, "issues", ""),
    }
