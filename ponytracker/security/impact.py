"""What people lose by the removal of a grant or membership, before it is done.

The rules are those that hold otherwise, asked once as things stand and once as they would: see
``visibility.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    distinct,
    exists,
    func,
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
    is_in_group,
    is_in_team,
    may_see_project,
)

MAX_PAIRS = 50_000
"""Of people and what is at stake for them, that are looked at one by one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Impact:
    """*people* lose sight of *projects*; and so many lose each of *rights* somewhere.

    Where it is not *exact*, these are the most there may be: a group of thousands in hundreds of
    projects is not looked at person by person while somebody waits for a page.
    """

    people: int
    projects: int
    rights: Mapping[Permission, int]
    exact: bool = True

    def __bool__(self) -> bool:
        return bool(self.people or self.rights)


def assess(session: Session, removal: Removal) -> Impact:
    """Return what active people, superusers aside, would lose by *removal*: five queries."""
    concerned = and_(User.is_active, not_(User.is_superuser), removal.people)
    at_stake = select(func.count()).select_from(Project).where(_at_stake(removal))
    stakes = _stakes(removal)
    people = session.scalars(select(func.count()).select_from(User).where(concerned)).one()
    projects = session.scalars(at_stake).one()
    permissions = session.scalars(select(stakes.c.permission)).all()
    if people * max(projects, len(permissions)) > MAX_PAIRS:
        most = dict.fromkeys(map(Permission, sorted(set(permissions))), people)
        return Impact(people if projects else 0, projects, most, exact=False)
    people, projects = session.execute(_lost_sight(concerned, removal)).one()
    rights = session.execute(_lost_rights(concerned, removal, stakes)).all()
    return Impact(people, projects, {Permission(name): count for name, count in rights})


def _at_stake(removal: Removal) -> ColumnElement[bool]:
    """Return the condition on private projects that somebody may lose sight of."""
    touched = aliased(Grant)
    gives_access = touched.permissions.any(permission=Permission.ACCESS_PROJECT)
    shows = or_(touched.project_id == Project.id, and_(touched.project_id.is_(None), gives_access))
    shown = exists().where(removal.touched(touched), shows).correlate(Project)
    return and_(Project.access == Access.PRIVATE, shown)


def _stakes(removal: Removal) -> Subquery:
    """Return the rights that somebody may lose: each with the project, or none, that it is on."""
    touched, theirs = aliased(Grant), aliased(GrantPermission)
    return (
        select(theirs.permission, touched.project_id)
        .join(touched, touched.id == theirs.grant_id)
        .where(removal.touched(touched))
        .distinct()
        .subquery()
    )


def _lost_sight(concerned: ColumnElement[bool], removal: Removal) -> Select[int, int]:
    """Return the query for how many people lose sight of how many projects."""
    return (
        select(func.count(distinct(User.id)), func.count(distinct(Project.id)))
        .select_from(User)
        .join(Project, _at_stake(removal))
        .where(
            concerned,
            may_see_project(each_user()),
            not_(may_see_project(each_user(removal))),
        )
    )


def _lost_rights(
    concerned: ColumnElement[bool], removal: Removal, stakes: Subquery
) -> Select[str, int]:
    """Return the query for how many people lose which right, on some project or on all."""

    def has(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return that some grant gives the user of a row the right of that row."""
        given = GrantPermission.permission == stakes.c.permission
        grant = exists().where(Grant.id == GrantPermission.grant_id, given, *conditions)
        return grant.correlate(User, stakes)

    same_place = Grant.project_id.is_not_distinct_from(stakes.c.project_id)
    before = has(same_place, removal.touched(Grant), each_user().is_grantee)
    after = has(or_(Grant.project_id.is_(None), same_place), each_user(removal).is_grantee)
    return (
        select(stakes.c.permission, func.count(distinct(User.id)))
        .select_from(stakes)
        .join(User, concerned)
        .where(before, not_(after))
        .group_by(stakes.c.permission)
        .order_by(stakes.c.permission)
    )


def grant_removal(grant: Grant) -> Removal:
    """Return the removal of *grant*."""
    return Removal(
        people=_grantees(grant),
        touched=lambda row: row.id == grant.id,
        grants=lambda row: row.id == grant.id,
    )


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
        people=is_in_group(group.id),
        touched=_by_group(group),
        grants=lambda row: row.group_id.is_not_distinct_from(group.id),
        group_users=group_users.c.group_id == group.id,
    )


def team_removal(team: Team) -> Removal:
    """Return the removal of *team*, with the grants to it."""
    return Removal(
        people=is_in_team(team.id),
        touched=_by_team(team),
        grants=lambda row: row.team_id.is_not_distinct_from(team.id),
        team_users=team_users.c.team_id == team.id,
        team_groups=team_groups.c.team_id == team.id,
    )


def group_user_removal(group: Group, user: User) -> Removal:
    """Return the removal of *user* from *group*."""
    columns = group_users.c
    gone = and_(columns.group_id == group.id, columns.user_id == user.id)
    return Removal(people=User.id == user.id, touched=_by_group(group), group_users=gone)


def team_user_removal(team: Team, user: User) -> Removal:
    """Return the removal of *user* from *team*, in which a group may keep them."""
    columns = team_users.c
    gone = and_(columns.team_id == team.id, columns.user_id == user.id)
    return Removal(people=User.id == user.id, touched=_by_team(team), team_users=gone)


def team_group_removal(team: Team, group: Group) -> Removal:
    """Return the removal of *group* from *team*."""
    columns = team_groups.c
    gone = and_(columns.team_id == team.id, columns.group_id == group.id)
    return Removal(people=is_in_group(group.id), touched=_by_team(team), team_groups=gone)


def _by_group(group: Group) -> Callable[[type[Grant]], ColumnElement[bool]]:
    """Return the condition on grants that reach somebody by *group*, itself or in a team."""
    teams = select(team_groups.c.team_id).where(team_groups.c.group_id == group.id)
    return lambda row: or_(row.group_id == group.id, row.team_id.in_(teams))


def _by_team(team: Team) -> Callable[[type[Grant]], ColumnElement[bool]]:
    return lambda row: row.team_id == team.id


def _grantees(grant: Grant) -> ColumnElement[bool]:
    if grant.user_id is not None:
        return User.id == grant.user_id
    if grant.group_id is not None:
        return is_in_group(grant.group_id)
    if grant.team_id is not None:
        return is_in_team(grant.team_id)
    return true()
