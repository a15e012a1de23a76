"""The pages of teams: they are always managed here, also where a directory has the groups."""

from __future__ import annotations

from functools import partial
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.accounts import groups, query, teams
from ponytracker.admin.forms import AddGroupForm, AddTeamForm, AddUserForm, TeamForm
from ponytracker.admin.suggestions import Suggestions, suggest
from ponytracker.i18n import _
from ponytracker.models import Team
from ponytracker.resources import (
    TeamGroupResource,
    TeamResource,
    TeamsResource,
    TeamUserResource,
    UserResource,
)
from ponytracker.security import impact
from ponytracker.security.permissions import Permission
from ponytracker.web.forms import searched_text
from ponytracker.web.pages import Page


@view_config(context=TeamsResource, request_method="GET", renderer="templates/team_list.jinja2")
def team_list(context: TeamsResource, request: Any) -> dict[str, Any]:
    text = searched_text(request)
    page = Page.asked_for(
        request.GET.get("page"),
        size=request.root.settings.items_per_page,
        total=teams.count_teams(request.dbsession, text),
    )
    return {"text": text, "page": page, "rows": teams.list_teams(request.dbsession, text, page)}


@view_config(context=TeamResource, request_method="GET", renderer="templates/team_show.jinja2")
def show_team(context: TeamResource, request: Any) -> dict[str, Any]:
    session, team = request.dbsession, context.team
    size = request.root.settings.items_per_page
    asked, asked_groups = request.GET.get("page"), request.GET.get("groups")
    page = Page.asked_for(asked, size=size, total=teams.count_users(session, team))
    group_page = Page.asked_for(asked_groups, size=size, total=teams.count_groups(session, team))
    return {
        "team": team,
        "page": page,
        "users": teams.list_users(session, team, page),
        "group_page": group_page,
        "groups": teams.list_groups(session, team, group_page),
    }


@view_config(
    context=TeamsResource,
    name="add",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/team_form.jinja2",
)
def add_team(context: TeamsResource, request: Any) -> Any:
    form = TeamForm(request)
    if form.accepts():
        team = teams.add_team(request.dbsession, request.identity, form.name.data)
        request.session.flash(_("Team added successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, str(team.id), ""))
    return {"form": form, "cancel": request.resource_path(context, "")}


@view_config(
    context=TeamResource,
    name="edit",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/team_form.jinja2",
)
def edit_team(context: TeamResource, request: Any) -> Any:
    form = TeamForm(request, context.team)
    if form.accepts():
        teams.edit_team(request.dbsession, request.identity, context.team, name=form.name.data)
        request.session.flash(_("Team modified successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {"form": form, "cancel": request.resource_path(context, "")}


@view_config(
    context=TeamResource,
    name="delete",
    request_method="GET",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="confirm.jinja2",
)
def confirm_delete(context: TeamResource, request: Any) -> dict[str, Any]:
    return {
        "title": context.team.name,
        "question": _(
            "Do you want to delete this team, with the permissions that were given to it? Its"
            " users and groups stay."
        ),
        "button": _("Delete this team"),
        "cancel": request.resource_path(context, ""),
        "impact": impact.assess(request.dbsession, impact.team_removal(context.team)),
    }


@view_config(
    context=TeamResource,
    name="delete",
    request_method="POST",
    permission=Permission.MANAGE_ACCOUNTS,
)
def delete_team(context: TeamResource, request: Any) -> HTTPSeeOther:
    teams.delete_team(request.dbsession, request.identity, context.team)
    request.session.flash(_("Team deleted successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.__parent__, ""))


@view_config(
    context=TeamResource,
    name="add-user",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/addition.jinja2",
)
def add_user(context: TeamResource, request: Any) -> Any:
    check = partial(teams.check_user_addition, request.dbsession, request.identity, context.team)
    form = AddUserForm(request, check)
    if form.accepts():
        teams.add_user(request.dbsession, request.identity, context.team, form.found)
        request.session.flash(_("User added to team successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {
        "form": form,
        "field": form.user,
        "section": "teams",
        "title": _("Add a user to ${team}", mapping={"team": context.team.name}),
        "cancel": request.resource_path(context, ""),
    }


@view_config(
    context=TeamResource,
    name="add-user",
    request_method="GET",
    request_param="query",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="json",
)
def suggest_users(context: TeamResource, request: Any) -> Suggestions:
    besides = teams.all_user_ids(context.team)
    return suggest(request, partial(query.suggest_users, request.dbsession, besides=besides))


@view_config(
    context=TeamResource,
    name="add-group",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/addition.jinja2",
)
def add_group(context: TeamResource, request: Any) -> Any:
    check = partial(teams.check_group_addition, request.dbsession, request.identity, context.team)
    form = AddGroupForm(request, check)
    if form.accepts():
        teams.add_group(request.dbsession, request.identity, context.team, form.found)
        request.session.flash(_("Group added to team successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {
        "form": form,
        "field": form.group,
        "section": "teams",
        "title": _("Add a group to ${team}", mapping={"team": context.team.name}),
        "cancel": request.resource_path(context, ""),
    }


@view_config(
    context=TeamResource,
    name="add-group",
    request_method="GET",
    request_param="query",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="json",
)
def suggest_groups(context: TeamResource, request: Any) -> Suggestions:
    besides = teams.group_ids(context.team)
    return suggest(request, partial(groups.suggest_groups, request.dbsession, besides=besides))


@view_config(
    context=UserResource,
    name="add-team",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/addition.jinja2",
)
def add_team_of_user(context: UserResource, request: Any) -> Any:
    def check(team: Team) -> None:
        teams.check_user_addition(request.dbsession, request.identity, team, context.user)

    form = AddTeamForm(request, check)
    if form.accepts():
        teams.add_user(request.dbsession, request.identity, form.found, context.user)
        request.session.flash(_("User added to team successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {
        "form": form,
        "field": form.team,
        "section": "users",
        "title": _("Add ${user} to a team", mapping={"user": context.user.username}),
        "cancel": request.resource_path(context, ""),
    }


@view_config(
    context=UserResource,
    name="add-team",
    request_method="GET",
    request_param="query",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="json",
)
def suggest_teams(context: UserResource, request: Any) -> Suggestions:
    besides = teams.team_ids(context.user)
    return suggest(request, partial(teams.suggest_teams, request.dbsession, besides=besides))


@view_config(
    context=TeamUserResource,
    request_method="GET",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/team_remove_user.jinja2",
)
def confirm_remove_user(context: TeamUserResource, request: Any) -> dict[str, Any]:
    teams.check_user_removal(request.dbsession, request.identity, context.team, context.user)
    removal = impact.team_user_removal(context.team, context.user)
    return {
        "title": context.team.name,
        "question": _(
            "Do you want to remove ${user} from this team?",
            mapping={"user": context.user.username},
        ),
        "button": _("Remove from this team"),
        "cancel": request.resource_path(context.account, ""),
        "through": teams.groups_between(request.dbsession, context.team, context.user),
        "impact": impact.assess(request.dbsession, removal),
    }


@view_config(context=TeamUserResource, request_method="POST", permission=Permission.MANAGE_ACCOUNTS)
def remove_user(context: TeamUserResource, request: Any) -> HTTPSeeOther:
    teams.remove_user(request.dbsession, request.identity, context.team, context.user)
    request.session.flash(_("User removed from team successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.account, ""))


@view_config(
    context=TeamGroupResource,
    request_method="GET",
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="confirm.jinja2",
)
def confirm_remove_group(context: TeamGroupResource, request: Any) -> dict[str, Any]:
    teams.check_group_removal(request.dbsession, context.team, context.group)
    removal = impact.team_group_removal(context.team, context.group)
    return {
        "title": context.team.name,
        "question": _(
            "Do you want to remove group ${group} from this team?",
            mapping={"group": context.group.name},
        ),
        "button": _("Remove from this team"),
        "cancel": request.resource_path(context.account, ""),
        "impact": impact.assess(request.dbsession, removal),
    }


@view_config(
    context=TeamGroupResource, request_method="POST", permission=Permission.MANAGE_ACCOUNTS
)
def remove_group(context: TeamGroupResource, request: Any) -> HTTPSeeOther:
    teams.remove_group(request.dbsession, request.identity, context.team, context.group)
    request.session.flash(_("Group removed from team successfully."), "success")
    return HTTPSeeOther(request.resource_path(context.account, ""))
