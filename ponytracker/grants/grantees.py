"""Whom rights can be given to: found by what was typed, and suggested while it is."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy.orm import Session

from ponytracker.accounts.groups import find_group, suggest_groups
from ponytracker.accounts.query import find_typed_user, suggest_users
from ponytracker.accounts.teams import find_team, suggest_teams
from ponytracker.models import Grant, Group, Team, User

Grantee = User | Group | Team | None
"""Whom a grant is for; nobody in particular is anyone signed in."""


class GranteeType(StrEnum):
    """What kind of grantee there is."""

    USER = "user"
    GROUP = "group"
    TEAM = "team"
    ANYONE = "anyone"


def find_grantee(session: Session, grantee_type: GranteeType, name: str) -> Grantee:
    """Return the user, group or team that *name* stands for, if there is one."""
    match grantee_type:
        case GranteeType.USER:
            return find_typed_user(session, name)
        case GranteeType.GROUP:
            return find_group(session, name)
        case GranteeType.TEAM:
            return find_team(session, name)
        case GranteeType.ANYONE:
            return None


def suggest_grantees(session: Session, grantee_type: GranteeType, text: str) -> list[Grantee]:
    """Return the first grantees with *text* in their name."""
    match grantee_type:
        case GranteeType.USER:
            return [*suggest_users(session, text)]
        case GranteeType.GROUP:
            return [*suggest_groups(session, text)]
        case GranteeType.TEAM:
            return [*suggest_teams(session, text)]
        case GranteeType.ANYONE:
            return []


def typed_name(grantee: Grantee) -> str:
    """Return how *grantee* is typed into a form."""
    if grantee is None:
        return ""
    return grantee.username_and_full_name if isinstance(grantee, User) else grantee.name


def grantee_of(grant: Grant) -> Grantee:
    return grant.user or grant.group or grant.team


def type_of(grantee: Grantee) -> GranteeType:
    match grantee:
        case User():
            return GranteeType.USER
        case Group():
            return GranteeType.GROUP
        case Team():
            return GranteeType.TEAM
        case _:
            return GranteeType.ANYONE
