"""Who may do something: the policy's answer for all users at once, as a condition in SQL.

It is made of the very entries that `policy.may` walks through, in their order, and a property test
holds the two together.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pyramid.authorization import Allow, Authenticated, Everyone
from sqlalchemy import ColumnElement, and_, false, not_, or_, select, true

from ponytracker.models.account import User, group_users, team_groups, team_users
from ponytracker.security.acl import entries
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import enclosures
from ponytracker.security.principals import SUPERUSER


def holds(context: Any, permission: Permission) -> ColumnElement[bool]:
    """Return the condition on `User` that holds for who may do *permission* on *context*.

    The tree must have been made for everyone.
    """
    allowed, _ = _decided(context, permission)
    for place in enclosures(context):
        seen, _ = _decided(place, Permission.VIEW)
        _, refused = _decided(place, permission)
        allowed = and_(allowed, seen, not_(refused))
    return and_(User.is_active, allowed)


def _decided(node: Any, permission: Permission) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return for whom the first entry that fits allows *permission*, and for whom it denies it."""
    allowed: ColumnElement[bool] = false()
    denied: ColumnElement[bool] = false()
    run: list[frozenset[str]] = []
    action = Allow
    for _, ace in [*entries(node, permission), (None, None)]:
        if ace is not None and ace.action == action:
            run.append(ace.principals)
            continue
        # A run of entries that say the same is one condition; who was decided before is out of it.
        if action == Allow:
            allowed = or_(allowed, and_(_has_any(run), not_(denied)))
        else:
            denied = or_(denied, and_(_has_any(run), not_(allowed)))
        if ace is not None:
            run, action = [ace.principals], ace.action
    return allowed, denied


def _has_any(wanted: Collection[frozenset[str]]) -> ColumnElement[bool]:
    """Return the condition for having all principals of at least one set of *wanted*."""
    single = {
        principal for principals in wanted if len(principals) == 1 for principal in principals
    }
    several = {principals for principals in wanted if len(principals) > 1}
    return or_(
        _has_one(single),
        *(and_(*(_has_one({principal}) for principal in sorted(each))) for each in several),
    )


def _has_one(principals: Collection[str]) -> ColumnElement[bool]:
    """Return the condition for having at least one of *principals*."""
    if not {Everyone, Authenticated}.isdisjoint(principals):
        return true()
    conditions: list[ColumnElement[bool]] = []
    if SUPERUSER in principals:
        conditions.append(User.is_superuser.is_(True))
    if users := _ids(principals, "user"):
        conditions.append(User.id.in_(users))
    in_group, in_team, has_group = group_users.c, team_users.c, team_groups.c
    if groups := _ids(principals, "group"):
        conditions.append(
            User.id.in_(select(in_group.user_id).where(in_group.group_id.in_(groups)))
        )
    if teams := _ids(principals, "team"):
        directly = select(in_team.user_id).where(in_team.team_id.in_(teams))
        by_group = (
            select(in_group.user_id)
            .join(team_groups, has_group.group_id == in_group.group_id)
            .where(has_group.team_id.in_(teams))
        )
        conditions += [User.id.in_(directly), User.id.in_(by_group)]
    return or_(false(), *conditions)


def _ids(principals: Collection[str], kind: str) -> list[int]:
    """Return the ids in principals such as "group:3"."""
    split = (principal.partition(":") for principal in principals)
    return sorted(int(id_) for found, _, id_ in split if found == kind)
