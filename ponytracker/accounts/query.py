"""Reading accounts: the list and its search, names as people type them, what someone has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, SelectBase, func, not_, or_, select, true
from sqlalchemy.orm import Session, joinedload

from ponytracker.models import (
    Event,
    EventKind,
    Grant,
    Group,
    Issue,
    IssueSubscription,
    Project,
    ProjectSubscription,
    SignInSession,
    Team,
    User,
)
from ponytracker.models.account import group_users, team_groups, team_users
from ponytracker.models.base import now
from ponytracker.security.principals import Identity
from ponytracker.security.visibility import is_grantee, may_see_project
from ponytracker.text import MAX_USERNAME, fold
from ponytracker.web.pages import Page

MAX_SUGGESTIONS = 10

MAX_TYPED = 2 * MAX_USERNAME + 310
"""Characters of a user as the suggestions write them: "username (First Last)"."""

_BEFORE_FULL_NAME = re.compile(r" \(")


def list_users(session: Session, text: str, page: Page) -> Sequence[User]:
    """Return one page of the users in whose name or address *text* is, by username."""
    return session.scalars(
        select(User)
        .where(has_text(text))
        .order_by(User.username_key)
        .offset(page.offset)
        .limit(page.size)
    ).all()


def count_users(session: Session, text: str) -> int:
    return session.scalars(select(func.count()).select_from(User).where(has_text(text))).one()


def suggest_users(
    session: Session,
    text: str,
    besides: SelectBase | None = None,
    among: ColumnElement[bool] | None = None,
) -> Sequence[User]:
    """Return the first users whose name has *text* in it, but for those with the ids *besides*.

    With *among*, a condition on `User`, only of those for whom it holds.
    """
    wanted = select(User).where(or_(*_in_names(text)))
    if among is not None:
        wanted = wanted.where(among)
    if besides is not None:
        wanted = wanted.where(User.id.not_in(besides))
    return session.scalars(wanted.order_by(User.username_key).limit(MAX_SUGGESTIONS)).all()


def has_text(text: str) -> ColumnElement[bool]:
    """Return the condition on `User` that *text* is in a name or the address, in whatever case."""
    if not text:
        return true()
    return or_(*_in_names(text), User.email.icontains(text, autoescape=True))


def _in_names(text: str) -> tuple[ColumnElement[bool], ...]:
    full_name = User.first_name + " " + User.last_name
    return (
        User.username.icontains(text, autoescape=True),
        full_name.icontains(text, autoescape=True),
    )


def find_typed_user(session: Session, typed: str) -> User | None:
    """Return the user whom *typed* names: "alice" or, as suggested, "alice (Alice Liddell)".

    Where it names two, because an old or imported username reads like that, it is neither.
    """
    # A username may hold brackets itself, so each of them may be where it ends.
    ends = [match.start() for match in _BEFORE_FULL_NAME.finditer(typed)]
    keys = {fold(typed[:end]) for end in ends if end <= MAX_USERNAME}
    users = session.scalars(select(User).where(User.username_key.in_({fold(typed), *keys}))).all()
    fitting = [
        user
        for user in users
        if fold(typed) in (user.username_key, fold(user.username_and_full_name))
    ]
    return fitting[0] if len(fitting) == 1 else None


@dataclasses.dataclass(frozen=True, slots=True)
class TeamMembership:
    """Someone in a team: directly, or through groups, or both."""

    team: Team
    is_direct: bool
    through: tuple[Group, ...]


def list_groups_of(session: Session, user: User) -> Sequence[Group]:
    """Return the groups that *user* is in, by name."""
    return session.scalars(
        select(Group)
        .join(group_users, group_users.c.group_id == Group.id)
        .where(group_users.c.user_id == user.id)
        .order_by(func.lower(Group.name), Group.id)
    ).all()


def list_teams_of(session: Session, user: User) -> list[TeamMembership]:
    """Return the teams that *user* is in, by name, each with the groups that bring them in."""
    rows = session.execute(
        select(Team, team_users.c.user_id, Group)
        .outerjoin(
            team_users,
            (team_users.c.team_id == Team.id) & (team_users.c.user_id == user.id),
        )
        .outerjoin(
            team_groups,
            (team_groups.c.team_id == Team.id)
            & team_groups.c.group_id.in_(
                select(group_users.c.group_id).where(group_users.c.user_id == user.id)
            ),
        )
        .outerjoin(Group, Group.id == team_groups.c.group_id)
        .where(or_(team_users.c.user_id.is_not(None), Group.id.is_not(None)))
        .order_by(func.lower(Team.name), Team.id, func.lower(Group.name), Group.id)
    ).all()
    through: dict[Team, tuple[Group, ...]] = {}
    for team, _user_id, group in rows:
        through[team] = (*through.get(team, ()), *([group] if group else []))
    direct = {team for team, user_id, _group in rows if user_id}
    return [TeamMembership(team, team in direct, groups) for team, groups in through.items()]


def list_grants_of(
    session: Session,
    user: User,
    groups: Iterable[Group],
    teams: Iterable[TeamMembership],
    *,
    viewer: Identity,
) -> Sequence[Grant]:
    """Return the grants that *user* has, in those *groups* and *teams*; first those on all.

    A grant on a project that *viewer* may not see is not among them: it would tell of the project.
    """
    someone = Identity(
        user_id=user.id,
        group_ids=frozenset(group.id for group in groups),
        team_ids=frozenset(membership.team.id for membership in teams),
    )
    found = session.scalars(
        select(Grant)
        .outerjoin(Project, Project.id == Grant.project_id)
        .where(is_grantee(someone), or_(Project.id.is_(None), may_see_project(viewer)))
        .order_by(not_(Project.id.is_(None)), Project.display_name_key, Grant.id)
        .options(
            joinedload(Grant.project),
            joinedload(Grant.user),
            joinedload(Grant.group),
            joinedload(Grant.team),
            # Not one more query for each 500 of them.
            joinedload(Grant.permissions),
        )
    )
    return found.unique().all()


def count_sessions_of(session: Session, user: User) -> int:
    """Return in how many browsers *user* is signed in."""
    return session.scalars(
        select(func.count())
        .select_from(SignInSession)
        .where(SignInSession.user_id == user.id, SignInSession.expires_at > now())
    ).one()


@dataclasses.dataclass(frozen=True, slots=True)
class Traces:
    """How much there is of someone: what stays when the account is deleted, and what goes."""

    issues: int
    comments: int
    groups: int
    teams: int
    grants: int
    subscriptions: int


def count_traces_of(session: Session, user: User) -> Traces:
    """Return how much *user* has written, and was given: one query."""
    counts = (
        select(func.count()).where(Issue.author_id == user.id),
        select(func.count()).where(
            Event.actor_id == user.id,
            Event.kind == EventKind.COMMENTED,
            Event.deleted_at.is_(None),
        ),
        select(func.count()).where(group_users.c.user_id == user.id),
        select(func.count()).where(team_users.c.user_id == user.id),
        select(func.count()).where(Grant.user_id == user.id),
        select(func.count()).where(IssueSubscription.user_id == user.id),
        select(func.count()).where(ProjectSubscription.user_id == user.id),
    )
    issues, comments, groups, teams, grants, on_issues, on_projects = session.execute(
        select(*(count.scalar_subquery() for count in counts))
    ).one()
    return Traces(issues, comments, groups, teams, grants, on_issues + on_projects)
