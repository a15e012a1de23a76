"""Changing groups and who is in them; absent where a directory does (group_management = false)."""

from __future__ import annotations

from functools import partial
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.accounts import groups, query
from ponytracker.admin.forms import AddGroupForm, AddUserForm, GroupForm
from ponytracker.admin.suggestions import Suggestions, suggest
from ponytracker.i18n import _
from ponytracker.resources import GroupResource, GroupsResource, GroupUserResource, UserResource
from ponytracker.security import impact
from ponytracker.security.permissions import Permission


@view_config(
    context=GroupsResource,
    name="add",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/group_form.jinja2",
)
def add_group(context: GroupsResource, request: Any) -> Any:
    form = GroupForm(request)
    if form.accepts():
        group = groups.add_group(request.dbsession, request.identity, form.name.data)
        request.session.flash(_("Group added successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, str(group.id), ""))
    return {"form": form, "cancel": request.resource_path(context, "")}


@view_config(
    context=GroupResource,
    name="edit",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/group_form.jinja2",
)
def edit_group(context: GroupResource, request: Any) -> Any:
    form = GroupForm(request, context.group)
    if form.accepts():
        groups.edit_group(request.dbsession, request.identity, context.group, name=form.name.data)
        request.session.flash(_("Group modified successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {"form": form, "cancel": request.resource_path(context, "")}


@view_config(
    context=GroupResource,
    name="delete",
    request_method="GET",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="confirm.jinja2",
)
def confirm_delete(context: GroupResource, request: Any) -> dict[str, Any]:
    return {
        "title": context.group.name,
        "question": _(
            "Do you want to delete this group, with the permissions that were given to it? Its"
            " users stay."
        ),
        "button": _("Delete this group"),
        "cancel": request.resource_path(context, ""),
        "impact": impact.assess(request.dbsession, impact.group_removal(context.group)),
    }


@view_config(
    context=GroupResource,
    name="delete",
    request_method="POST",
    permission=Permission.MANAGE_ACCOUNTS,
)
def delete_group(context: GroupResource, request: Any) -> HTTPSeeOther:
    groups.delete_group(request.dbsession, request.identity, context.group)
    request.session.flash(_("Group deleted successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))


@view_config(
    context=GroupResource,
    name="add-user",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/addition.jinja2",
)
def add_user(context: GroupResource, request: Any) -> Any:
    check = partial(groups.check_addition, request.dbsession, request.identity, context.group)
    form = AddUserForm(request, check)
    if form.accepts():
        groups.add_user(request.dbsession, request.identity, context.group, form.found)
        request.session.flash(_("User added to group successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {
        "form": form,
        "field": form.user,
        "section": "groups",
        "title": _("Add a user to ${group}", mapping={"group": context.group.name}),
        "cancel": request.resource_path(context, ""),
    }


@view_config(
    context=GroupResource,
    name="add-user",
    request_method="GET",
    request_param="query",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="json",
)
def suggest_users(context: GroupResource, request: Any) -> Suggestions:
    besides = groups.user_ids(context.group)
    return suggest(request, partial(query.suggest_users, request.dbsession, besides=besides))


@view_config(
    context=UserResource,
    name="add-group",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/addition.jinja2",
)
def add_group_of_user(context: UserResource, request: Any) -> Any:
    def check(group: Any) -> None:
        groups.check_addition(request.dbsession, request.identity, group, context.user)

    form = AddGroupForm(request, check)
    if form.accepts():
        groups.add_user(request.dbsession, request.identity, form.found, context.user)
        request.session.flash(_("User added to group successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {
        "form": form,
        "field": form.group,
        "section": "users",
        "title": _("Add ${user} to a group", mapping={"user": context.user.username}),
        "cancel": request.resource_path(context, ""),
    }


@view_config(
    context=UserResource,
    name="add-group",
    request_method="GET",
    request_param="query",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="json",
)
def suggest_groups(context: UserResource, request: Any) -> Suggestions:
    besides = groups.group_ids(context.user)
    return suggest(request, partial(groups.suggest_groups, request.dbsession, besides=besides))


@view_config(
    context=GroupUserResource,
    request_method="GET",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="confirm.jinja2",
)
def confirm_remove_user(context: GroupUserResource, request: Any) -> dict[str, Any]:
    groups.check_removal(request.dbsession, request.identity, context.group, context.user)
    removal = impact.group_user_removal(context.group, context.user)
    return {
        "title": context.group.name,
        "question": _(
            "Do you want to remove ${user} from this group?",
            mapping={"user": context.user.username},
        ),
        "button": _("Remove from this group"),
        "cancel": request.resource_path(context.account, ""),
        "impact": impact.assess(request.dbsession, removal),
    }


@view_config(
    context=GroupUserResource, request_method="POST", permission=Permission.MANAGE_ACCOUNTS
)
def remove_user(context: GroupUserResource, request: Any) -> HTTPSeeOther:
    groups.remove_user(request.dbsession, request.identity, context.group, context.user)
    request.session.flash(_("User removed from group successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.account, ""))
