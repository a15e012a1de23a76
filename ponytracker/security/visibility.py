"""Which projects someone may see, as SQL. There is no other such rule; the ACLs agree with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    exists,
    false,
    not_,
    or_,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute

from ponytracker.models.account import User, group_users, team_groups, team_users
from ponytracker.models.grant import Grant, GrantPermission
from ponytracker.models.project import Access, Project
from ponytracker.security.permissions import Permission
from ponytracker.security.principals import Identity

Ids = InstrumentedAttribute[Any] | int


@dataclasses.dataclass(frozen=True, slots=True)
class Viewer:
    """Whom the rule asks about, each answer a condition: one person, or every row of `User`."""

    is_signed_in: ColumnElement[bool]
    is_superuser: ColumnElement[bool]
    is_grantee: ColumnElement[bool]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What is about to be removed, as conditions on the rows that will be gone.

    *people* narrows down whom it can concern, and *touched* which grants somebody may lose by it.
    A condition on what goes must be false, not NULL, for what stays.
    """

    people: ColumnElement[bool]
    touched: Callable[[type[Grant]], ColumnElement[bool]] = lambda grant: true()
    grants: Callable[[type[Grant]], ColumnElement[bool]] = lambda grant: false()
    group_users: ColumnElement[bool] = dataclasses.field(default_factory=false)
    team_users: ColumnElement[bool] = dataclasses.field(default_factory=false)
    team_groups: ColumnElement[bool] = dataclasses.field(default_factory=false)


NOTHING = Removal(people=true())


def may_see_project(viewer: Identity | Viewer) -> ColumnElement[bool]:
    """Return the condition on `Project` that holds for those *viewer* may see.

    Everyone sees the public ones, whoever is signed in those that ask for registration too, and
    the private ones are for those with a grant on them or a global access_project.
    """
    if isinstance(viewer, Identity):
        viewer = one(viewer)
    # Said in full what the subqueries are about: in the ON of a join nothing is taken for granted.
    on_this_project = (
        exists().where(Grant.project_id == Project.id, viewer.is_grantee).correlate(Project, User)
    )
    on_all_projects = (
        exists()
        .where(
            Grant.project_id.is_(None),
            viewer.is_grantee,
            Grant.id == GrantPermission.grant_id,
            GrantPermission.permission == Permission.ACCESS_PROJECT,
        )
        .correlate(User)
    )
    return or_(
        viewer.is_superuser,
        Project.access == Access.PUBLIC,
        and_(
            viewer.is_signed_in,
            or_(Project.access == Access.REGISTERED, on_this_project, on_all_projects),
        ),
    )


def one(identity: Identity) -> Viewer:
    """Return *identity* as a viewer."""
    return Viewer(
        is_signed_in=true() if identity.is_signed_in else false(),
        is_superuser=true() if identity.is_superuser else false(),
        is_grantee=is_grantee(identity),
    )


def is_grantee(identity: Identity) -> ColumnElement[bool]:
    """Return the condition on `Grant` that holds for those given to *identity*."""
    if not identity.is_signed_in:
        return false()
    return or_(
        Grant.user_id == identity.user_id,
        _is_one_of(Grant.group_id, identity.group_ids),
        _is_one_of(Grant.team_id, identity.team_ids),
        is_for_anyone(),
    )


def each_user(without: Removal = NOTHING, grant: type[Grant] = Grant) -> Viewer:
    """Return each row of `User` as a viewer, as it would be *without* some rows.

    *grant* is the alias of `Grant` that is asked about.
    """
    return Viewer(
        is_signed_in=User.is_active.is_(True),
        is_superuser=and_(User.is_active, User.is_superuser),
        is_grantee=and_(
            or_(
                grant.user_id == User.id,
                is_in_group(grant.group_id, without),
                is_in_team(grant.team_id, without),
                is_for_anyone(grant),
            ),
            not_(without.grants(grant)),
        ),
    )


def is_in_group(group_id: Ids, without: Removal = NOTHING) -> ColumnElement[bool]:
    """Return the condition that the row of `User` is in the group *group_id*."""
    member = group_users.c
    return _exists(member.group_id == group_id, member.user_id == User.id, ~without.group_users)


def is_in_team(team_id: Ids, without: Removal = NOTHING) -> ColumnElement[bool]:
    """Return the condition that the row of `User` is in the team, directly or by a group."""
    member, part, grouped = team_users.c, team_groups.c, group_users.c
    return or_(
        _exists(member.team_id == team_id, member.user_id == User.id, ~without.team_users),
        _exists(
            part.team_id == team_id,
            part.group_id == grouped.group_id,
            grouped.user_id == User.id,
            ~without.team_groups,
            ~without.group_users,
        ),
    )


def _exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return that there is such a row of a membership; all else is that of the query around."""
    return exists().where(*conditions).correlate_except(group_users, team_users, team_groups)


def is_for_anyone(grant: type[Grant] = Grant) -> ColumnElement[bool]:
    """Return the condition on `Grant` that holds for those given to anyone signed in."""
    return and_(grant.user_id.is_(None), grant.group_id.is_(None), grant.team_id.is_(None))


def _is_one_of(column: InstrumentedAttribute[Any], ids: frozenset[int]) -> ColumnElement[bool]:
    return column.in_(ids) if ids else false()
