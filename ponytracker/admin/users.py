"""The pages of users."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.accounts import query, service
from ponytracker.admin.forms import UserForm
from ponytracker.i18n import _
from ponytracker.resources import UserResource, UsersResource
from ponytracker.security import impact
from ponytracker.security.permissions import Permission
from ponytracker.web.forms import searched_text
from ponytracker.web.pages import Page


@view_config(context=UsersResource, request_method="GET", renderer="templates/user_list.jinja2")
def user_list(context: UsersResource, request: Any) -> dict[str, Any]:
    text = searched_text(request)
    page = Page.asked_for(
        request.GET.get("page"),
        size=request.root.settings.items_per_page,
        total=query.count_users(request.dbsession, text),
    )
    users = query.list_users(request.dbsession, text, page)
    return {"text": text, "page": page, "users": users}


@view_config(context=UserResource, request_method="GET", renderer="templates/user_show.jinja2")
def show_user(context: UserResource, request: Any) -> dict[str, Any]:
    session, user = request.dbsession, context.user
    groups, teams = query.list_groups_of(session, user), query.list_teams_of(session, user)
    return {
        "user": user,
        "groups": groups,
        "teams": teams,
        "grants": query.list_grants_of(session, user, groups, teams, viewer=request.identity),
        "sessions": query.count_sessions_of(session, user),
    }


@view_config(
    context=UsersResource,
    name="add",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/user_form.jinja2",
)
def add_user(context: UsersResource, request: Any) -> Any:
    form = UserForm(request)
    if form.accepts():
        password_hash = request.hash_password(form.typed_password) if form.typed_password else None
        user = service.add_user(
            request.dbsession, request.identity, **form.facts, password_hash=password_hash
        )
        request.session.flash(_("User added successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, str(user.id), ""))
    return {"form": form, "cancel": request.resource_path(context, "")}


@view_config(
    context=UserResource,
    name="edit",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/user_form.jinja2",
)
def edit_user(context: UserResource, request: Any) -> Any:
    form = UserForm(request, context.user)
    if form.accepts():
        service.edit_user(request.dbsession, request.identity, context.user.id, **form.facts)
        request.session.flash(_("User modified successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {"form": form, "cancel": request.resource_path(context, "")}


@view_config(
    context=UserResource,
    name="activate",
    request_method="GET",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="confirm.jinja2",
)
def confirm_activate(context: UserResource, request: Any) -> dict[str, Any]:
    return {
        "title": context.user.username,
        "question": _("Do you want to let them sign in again?"),
        "button": _("Activate this account"),
        "cancel": request.resource_path(context, ""),
    }


@view_config(
    context=UserResource,
    name="activate",
    request_method="POST",
    permission=Permission.MANAGE_ACCOUNTS,
)
def activate_user(context: UserResource, request: Any) -> HTTPSeeOther:
    if service.activate_user(request.dbsession, request.identity, context.user.id):
        request.session.flash(_("Account activated successfully."), "success")
    else:
        request.session.flash(_("Account already activated."), "info")
    return HTTPSeeOther(request.resource_path(context, ""))


@view_config(
    context=UserResource,
    name="disable",
    request_method="GET",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="confirm.jinja2",
)
def confirm_disable(context: UserResource, request: Any) -> dict[str, Any]:
    return {
        "title": context.user.username,
        "question": _(
            "Do you want to disable this account? They are signed out at once, cannot sign in and"
            " get no mail. What they wrote and were given stays."
        ),
        "button": _("Disable this account"),
        "cancel": request.resource_path(context, ""),
    }


@view_config(
    context=UserResource,
    name="disable",
    request_method="POST",
    permission=Permission.MANAGE_ACCOUNTS,
)
def disable_user(context: UserResource, request: Any) -> HTTPSeeOther:
    if service.disable_user(request.dbsession, request.identity, context.user.id):
        request.session.flash(_("Account disabled successfully."), "success")
    else:
        request.session.flash(_("Account already disabled."), "info")
    return HTTPSeeOther(request.resource_path(context, ""))


@view_config(
    context=UserResource,
    name="delete",
    request_method="GET",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/user_delete.jinja2",
)
def confirm_delete(context: UserResource, request: Any) -> dict[str, Any]:
    return {
        "title": context.user.username,
        "question": _("Do you want to delete this account? This cannot be undone."),
        "button": _("Delete this account"),
        "cancel": request.resource_path(context, ""),
        "traces": query.count_traces_of(request.dbsession, context.user),
        "impact": impact.assess(request.dbsession, impact.user_removal(context.user)),
    }


@view_config(
    context=UserResource,
    name="delete",
    request_method="POST",
    permission=Permission.MANAGE_ACCOUNTS,
)
def delete_user(context: UserResource, request: Any) -> HTTPSeeOther:
    service.delete_user(request.dbsession, request.identity, context.user.id)
    request.session.flash(_("User deleted successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))
