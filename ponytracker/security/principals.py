"""Principals: the names under which an ACL knows someone, and whose they are in this request."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pyramid.authorization import Authenticated, Everyone
from sqlalchemy import literal, select, union_all
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
    """Someone, signed in or not, as the rules see them.

    Plain values instead of a row: they outlive the transaction that read them, so that an error
    page knows who asked.
    """

    user_id: int | None = None
    username: str = ""
    time_zone: str = "UTC"
    is_superuser: bool = False
    group_ids: frozenset[int] = frozenset()
    team_ids: frozenset[int] = frozenset()

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


def identify(session: Session, user: User) -> Identity:
    """Return *user* with the groups and teams they are in: one query."""
    groups = select(group_users.c.group_id, literal("group")).where(
        group_users.c.user_id == user.id
    )
    teams = select(team_users.c.team_id, literal("team")).where(team_users.c.user_id == user.id)
    teams_by_group = (
        select(team_groups.c.team_id, literal("team"))
        .join(group_users, group_users.c.group_id == team_groups.c.group_id)
        .where(group_users.c.user_id == user.id)
    )
    rows = session.execute(union_all(groups, teams, teams_by_group)).all()
    return Identity(
        user_id=user.id,
        username=user.username,
        time_zone=user.time_zone,
        is_superuser=user.is_superuser,
        group_ids=frozenset(id_ for id_, kind in rows if kind == "group"),
        team_ids=frozenset(id_ for id_, kind in rows if kind == "team"),
    )
