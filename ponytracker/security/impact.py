"""What people lose by the removal of a grant or membership, before it is done.

The rules are those that hold otherwise, asked once as things stand and once as they would: see
``visibility.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from sqlalchemy import (
    ColumnElement,
    and_,
    distinct,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from ponytracker.models.account import Group, Team, User, group_users, team_groups, team_users
from ponytracker.models.grant import Grant, GrantPermission
from ponytracker.models.project import Access, Project
from ponytracker.security.permissions import Permission
from ponytracker.security.visibility import (
    Removal,
    each_user,
    groups_of_user,
    may_see_project,
    teams_of_user,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Impact:
    """*people* lose sight of *projects*; and so many lose each of *rights* somewhere."""

    people: int
    projects: int
    rights: Mapping[Permission, int]

    def __bool__(self) -> bool:
        return bool(self.people or self.rights)


def assess(session: Session, removal: Removal) -> Impact:
    """Return what active people, superusers aside, would lose by *removal*: two queries."""
    before, after = each_user(), each_user(removal)
    concerned = and_(User.is_active, not_(User.is_superuser), removal.people)
    people, projects = session.execute(
        select(func.count(distinct(User.id)), func.count(distinct(Project.id)))
        .select_from(User)
        .join(Project, true())
        .where(
            concerned,
            Project.access == Access.PRIVATE,
            may_see_project(before),
            not_(may_see_project(after)),
        )
    ).one()
    other = aliased(Grant)
    theirs = aliased(GrantPermission)
    kept = (
        exists()
        .where(
            other.id == theirs.grant_id,
            theirs.permission == GrantPermission.permission,
            or_(other.project_id.is_(None), other.project_id == Grant.project_id),
            each_user(removal, other).is_grantee,
        )
        .correlate(User, Grant, GrantPermission)
    )
    rights = session.execute(
        select(GrantPermission.permission, func.count(distinct(User.id)))
        .select_from(GrantPermission)
        .join(Grant, Grant.id == GrantPermission.grant_id)
        .join(User, concerned)
        # Comparing with the grantee that a grant has not gives NULL, which is neither.
        .where(before.is_grantee, not_(func.coalesce(after.is_grantee, false())), not_(kept))
        .group_by(GrantPermission.permission)
        .order_by(GrantPermission.permission)
    ).all()
    return Impact(people, projects, {Permission(name): count for name, count in rights})


def grant_removal(grant: Grant) -> Removal:
    """Return the removal of *grant*."""
    return Removal(people=_grantees(grant), grants=lambda row: row.id == grant.id)


def user_removal(user: User) -> Removal:
    """Return the removal of all that *user* was given: grants, and places in groups and teams."""
    return Removal(
        people=User.id == user.id,
        grants=lambda row: row.user_id.is_not_distinct_from(user.id),
        group_users=group_users.c.user_id == user.id,
        team_users=team_users.c.user_id == user.id,
    )


def group_removal(group: Group) -> Removal:
    """Return the removal of *group*, with the grants to it."""
    return Removal(
        people=_in_group(group.id),
        grants=lambda row: row.group_id.is_not_distinct_from(group.id),
        group_users=group_users.c.group_id == group.id,
    )


def team_removal(team: Team) -> Removal:
    """Return the removal of *team*, with the grants to it."""
    return Removal(
        people=_in_team(team.id),
        grants=lambda row: row.team_id.is_not_distinct_from(team.id),
        team_users=team_users.c.team_id == team.id,
        team_groups=team_groups.c.team_id == team.id,
    )


def group_user_removal(group: Group, user: User) -> Removal:
    """Return the removal of *user* from *group*."""
    columns = group_users.c
    gone = and_(columns.group_id == group.id, columns.user_id == user.id)
    return Removal(people=User.id == user.id, group_users=gone)


def team_user_removal(team: Team, user: User) -> Removal:
    """Return the removal of *user* from *team*, in which a group may keep them."""
    columns = team_users.c
    gone = and_(columns.team_id == team.id, columns.user_id == user.id)
    return Removal(people=User.id == user.id, team_users=gone)


def team_group_removal(team: Team, group: Group) -> Removal:
    """Return the removal of *group* from *team*."""
    columns = team_groups.c
    gone = and_(columns.team_id == team.id, columns.group_id == group.id)
    return Removal(people=_in_group(group.id), team_groups=gone)


def _grantees(grant: Grant) -> ColumnElement[bool]:
    if grant.user_id is not None:
        return User.id == grant.user_id
    if grant.group_id is not None:
        return _in_group(grant.group_id)
    if grant.team_id is not None:
        return _in_team(grant.team_id)
    return true()


def _in_group(group_id: int) -> ColumnElement[bool]:
    return literal(group_id).in_(groups_of_user())


def _in_team(team_id: int) -> ColumnElement[bool]:
    return literal(team_id).in_(teams_of_user())
