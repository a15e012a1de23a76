"""What goes with an account, group, team or project that is deleted, as the audit log keeps it.

After the deletion nothing else tells who was in it and what they were given: names, not ids.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, joinedload

from ponytracker.models import Grant, Group, Team, User
from ponytracker.models.account import group_users, team_groups, team_users

MAX_NAMED = 100
"""How many of each kind an entry names; it counts them all."""


def losses_of_user(session: Session, user: User) -> dict[str, Any]:
    """Return the groups and teams that *user* is in, and what they were given."""
    groups = select(Group.name).join(group_users, group_users.c.group_id == Group.id)
    teams = select(Team.name).join(team_users, team_users.c.team_id == Team.id)
    return {
        **_named(session, "group", groups.where(group_users.c.user_id == user.id)),
        **_named(session, "team", teams.where(team_users.c.user_id == user.id)),
        **_granted(session, Grant.user_id == user.id),
    }


def losses_of_group(session: Session, group: Group) -> dict[str, Any]:
    """Return the users of *group*, the teams it is in, and what it was given."""
    users = select(User.username).join(group_users, group_users.c.user_id == User.id)
    teams = select(Team.name).join(team_groups, team_groups.c.team_id == Team.id)
    return {
        **_named(session, "user", users.where(group_users.c.group_id == group.id)),
        **_named(session, "team", teams.where(team_groups.c.group_id == group.id)),
        **_granted(session, Grant.group_id == group.id),
    }


def losses_of_team(session: Session, team: Team) -> dict[str, Any]:
    """Return the users and groups of *team*, and what it was given."""
    users = select(User.username).join(team_users, team_users.c.user_id == User.id)
    groups = select(Group.name).join(team_groups, team_groups.c.group_id == Group.id)
    return {
        **_named(session, "user", users.where(team_users.c.team_id == team.id)),
        **_named(session, "group", groups.where(team_groups.c.team_id == team.id)),
        **_granted(session, Grant.team_id == team.id),
    }


def grants_on(session: Session, project_id: int) -> dict[str, Any]:
    """Return what was given to anybody on a project."""
    return _granted(session, Grant.project_id == project_id)


def _named(session: Session, noun: str, names: Select[str]) -> dict[str, Any]:
    (name,) = names.selected_columns
    return {
        f"{noun}s": session.scalar(select(func.count()).select_from(names.subquery())),
        f"{noun}_names": list(session.scalars(names.order_by(name).limit(MAX_NAMED))),
    }


def _granted(session: Session, condition: ColumnElement[bool]) -> dict[str, Any]:
    rows = session.scalars(
        select(Grant)
        .where(condition)
        .order_by(Grant.id)
        .limit(MAX_NAMED)
        .options(
            joinedload(Grant.project),
            joinedload(Grant.user),
            joinedload(Grant.group),
            joinedload(Grant.team),
            joinedload(Grant.permissions),
        )
    ).unique()
    return {
        "grants": session.scalar(select(func.count(Grant.id)).where(condition)),
        "granted": [_spoken(grant) for grant in rows],
    }


def _spoken(grant: Grant) -> str:
    """Return *grant* as "user alice on web (close_issue, open_issue)"."""
    grantee = "anyone signed in"
    if grant.user:
        grantee = f"user {grant.user.username}"
    elif grant.group:
        grantee = f"group {grant.group.name}"
    elif grant.team:
        grantee = f"team {grant.team.name}"
    place = grant.project.name if grant.project else "PonyTracker"
    permissions = ", ".join(sorted(row.permission for row in grant.permissions))
    return f"{grantee} on {place} ({permissions})"
