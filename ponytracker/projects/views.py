"""The pages of projects."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.models import Access
from ponytracker.projects import service
from ponytracker.projects.forms import ProjectForm
from ponytracker.resources import ProjectResource, Root
from ponytracker.security.permissions import Permission


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


_ADD = {
    "context": Root,
    "name": "add",
    "permission": Permission.CREATE_PROJECT,
    "renderer": "templates/project_form.jinja2",
}


@view_config(request_method="GET", **_ADD)
@view_config(request_method="POST", **_ADD)
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
        )
        request.session.flash(_("Project added successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, project.name, "issues", ""))
    return {"form": form, "cancel": request.resource_path(context)}


_EDIT = {
    "context": ProjectResource,
    "name": "edit",
    "permission": Permission.MODIFY_PROJECT,
    "renderer": "templates/project_form.jinja2",
}


@view_config(request_method="GET", **_EDIT)
@view_config(request_method="POST", **_EDIT)
def edit_project(context: ProjectResource, request: Any) -> Any:
    form = ProjectForm(request, context.project)
    if form.accepts():
        service.edit_project(
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
