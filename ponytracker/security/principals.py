"""Principals: the names under which an ACL knows someone, and whose they are in this request."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pyramid.authorization import Authenticated, Everyone
from sqlalchemy import ColumnElement, Select, String, cast, func, select
from sqlalchemy.orm import Session

from ponytracker.models.account import User, group_users, team_groups, team_users

if TYPE_CHECKING:
    from ponytracker.models.grant import Grant

SUPERUSER = "superuser"


def user_principal(user_id: int) -> str:
    return f"user:{user_id}"


def group_principal(group_id: int) -> str:
    return f"group:{group_id}"


def team_principal(team_id: int) -> str:
    return f"team:{team_id}"


def grantee_principal(grant: Grant) -> str:
    """Return the principal that *grant* is given to."""
    if grant.user_id is not None:
        return user_principal(grant.user_id)
    if grant.group_id is not None:
        return group_principal(grant.group_id)
    if grant.team_id is not None:
        return team_principal(grant.team_id)
    return str(Authenticated)


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Someone, signed in or not, as the rules see them; and where they are asking from.

    Plain values instead of a row: they outlive the transaction that read them, so that an error
    page knows who asked. Services take it as the actor of what they do.
    """

    user_id: int | None = None
    username: str = ""
    time_zone: str = "UTC"
    is_superuser: bool = False
    group_ids: frozenset[int] = frozenset()
    team_ids: frozenset[int] = frozenset()
    address: str = ""

    @property
    def is_signed_in(self) -> bool:
        return self.user_id is not None

    @property
    def principals(self) -> frozenset[str]:
        if self.user_id is None:
            return frozenset({Everyone})
        return frozenset(
            {
                Everyone,
                Authenticated,
                user_principal(self.user_id),
                *(group_principal(group_id) for group_id in self.group_ids),
                *(team_principal(team_id) for team_id in self.team_ids),
                *((SUPERUSER,) if self.is_superuser else ()),
            }
        )


ANONYMOUS = Identity()

SHELL = Identity(username="(shell)", is_superuser=True, address="shell")
"""Whoever runs a command on the machine itself: nobody stands above them."""


def identify(session: Session, user: User) -> Identity:
    """Return *user* with the groups and teams they are in; a disabled one is like anyone."""
    found = find_identities(session, User.id == user.id)
    return found[0] if found else ANONYMOUS


def find_identities(session: Session, *conditions: ColumnElement[bool]) -> list[Identity]:
    """Return the active users that fit *conditions*, each with their memberships: one query."""
    rows = session.execute(
        select(User, *_MEMBERSHIPS).where(User.is_active, *conditions).order_by(User.username_key)
    )
    return [
        Identity(
            user_id=user.id,
            username=user.username,
            time_zone=user.time_zone,
            is_superuser=user.is_superuser,
            group_ids=_ids(groups),
            team_ids=_ids(teams) | _ids(teams_by_group),
        )
        for user, groups, teams, teams_by_group in rows
    ]


def _listed(column: ColumnElement[int]) -> Select[tuple[str]]:
    """Return a select of the ids in *column* as one text, "1,2,3"."""
    return select(func.aggregate_strings(cast(column, String), ","))


_MEMBERSHIPS = (
    _listed(group_users.c.group_id).where(group_users.c.user_id == User.id).scalar_subquery(),
    _listed(team_users.c.team_id).where(team_users.c.user_id == User.id).scalar_subquery(),
    _listed(team_groups.c.team_id)
    .join(group_users, group_users.c.group_id == team_groups.c.group_id)
    .where(group_users.c.user_id == User.id)
    .scalar_subquery(),
)


def _ids(listed: str | None) -> frozenset[int]:
    return frozenset(int(id_) for id_ in listed.split(",")) if listed else frozenset()
