"""One's own account: what it is in, what it watches, where it is signed in; another password."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, delete, select
from sqlalchemy.orm import Session

from ponytracker.accounts.service import edit_user
from ponytracker.errors import Conflict, DomainError
from ponytracker.i18n import _
from ponytracker.models import Group, Project, ProjectSubscription, SignInSession, Team, User
from ponytracker.models.account import group_users, team_groups, team_users
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity
from ponytracker.security.sessions import end_all, is_going_on, start_session
from ponytracker.security.throttling import Purpose, Throttle
from ponytracker.security.visibility import may_see_project


class AlreadyGone(DomainError):
    """What was to be ended is no more, or was never there."""


@dataclasses.dataclass(frozen=True, slots=True)
class Membership:
    """A team that someone is in: directly, or through each of *groups*."""

    team: str
    is_direct: bool
    groups: Sequence[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """A project that someone watches; without *project* they may not see it any more."""

    project_id: int
    project: Project | None


def list_groups(session: Session, user_id: int) -> Sequence[str]:
    """Return the names of the groups that *user_id* is in."""
    return session.scalars(
        select(Group.name)
        .join(group_users, group_users.c.group_id == Group.id)
        .where(group_users.c.user_id == user_id)
        .order_by(Group.name)
    ).all()


def list_teams(session: Session, user_id: int) -> list[Membership]:
    """Return the teams that *user_id* is in, each with how."""
    direct = session.scalars(
        select(Team.name)
        .join(team_users, team_users.c.team_id == Team.id)
        .where(team_users.c.user_id == user_id)
    ).all()
    by_group = session.execute(
        select(Team.name, Group.name)
        .join(team_groups, team_groups.c.team_id == Team.id)
        .join(Group, Group.id == team_groups.c.group_id)
        .join(group_users, group_users.c.group_id == Group.id)
        .where(group_users.c.user_id == user_id)
        .order_by(Group.name)
    ).all()
    groups: dict[str, list[str]] = {name: [] for name in direct}
    for team, group in by_group:
        groups.setdefault(team, []).append(group)
    return [Membership(team, team in direct, groups[team]) for team in sorted(groups)]


def list_watched(session: Session, actor: Identity) -> list[Watched]:
    """Return the projects that *actor* watches, those that they may not see any more at the end."""
    visible = case((may_see_project(actor), True), else_=False)
    rows = session.execute(
        select(Project, visible)
        .join(ProjectSubscription, ProjectSubscription.project_id == Project.id)
        .where(ProjectSubscription.user_id == actor.user_id)
        .order_by(visible.desc(), Project.display_name_key)
    ).all()
    return [Watched(project.id, project if seen else None) for project, seen in rows]


def unwatch(session: Session, actor: Identity, project_id: int | None) -> None:
    """Let *actor* hear no more of a project, also of one they may not see; or `AlreadyGone`."""
    gone = session.scalars(
        delete(ProjectSubscription)
        .where(
            ProjectSubscription.user_id == actor.user_id,
            ProjectSubscription.project_id == project_id,
        )
        .returning(ProjectSubscription.project_id)
    ).all()
    if not gone:
        raise AlreadyGone(_("You are not subscribed to this project."))


def end_one_session(session: Session, actor: Identity, session_id: int | None) -> None:
    """Sign *actor* out of one of the browsers they are signed in with; or `AlreadyGone`."""
    gone = session.scalars(
        delete(SignInSession)
        .where(SignInSession.user_id == actor.user_id, SignInSession.id == session_id)
        .returning(SignInSession.id)
    ).all()
    if not gone:
        raise AlreadyGone(_("This session has ended already."))
    record(session, actor, "user.sign_out", actor.username)


def sign_out_everywhere(session: Session, actor: Identity) -> None:
    """End all sessions of *actor*."""
    end_all(session, _lock_own(session, actor).id)
    record(session, actor, "user.sign_out_everywhere", actor.username)


@dataclasses.dataclass(frozen=True, slots=True)
class Proof:
    """What *actor* has shown: the session of *token*, and the password of *password_hash*."""

    token: object
    password_hash: str | None


def edit_profile(
    session: Session,
    actor: Identity,
    throttle: Throttle,
    user_id: int,
    proof: Proof | None,
    **fields: Any,
) -> None:
    """Change those *fields* of *actor*'s account; with a *proof*, only if that still holds."""
    user = edit_user(session, actor, user_id, **fields)
    if proof is not None:
        _check_proof(session, user, proof)
        throttle.forgive(session, Purpose.CHANGE, user.username)


def change_password(
    session: Session,
    actor: Identity,
    throttle: Throttle,
    proof: Proof,
    *,
    password_hash: str,
    days: int,
    user_agent: str,
) -> str:
    """Give *actor* another password, and return the token of the one session that goes on."""
    user = _lock_own(session, actor)
    _check_proof(session, user, proof)
    user.password_hash = password_hash
    end_all(session, user.id)
    token = start_session(session, user, days=days, address=actor.address, user_agent=user_agent)
    throttle.forgive(session, Purpose.CHANGE, user.username)
    record(session, actor, "user.password_changed", user.username)
    return token


def _lock_own(session: Session, actor: Identity) -> User:
    user = session.scalar(
        select(User)
        .where(User.id == actor.user_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if user is None:
        raise Conflict(_("This account was deleted meanwhile."))
    return user


def _check_proof(session: Session, user: User, proof: Proof) -> None:
    """Raise `Conflict` where *proof* does not hold any more for *user*, whose row is locked.

    Checking a password is slow, and holds no lock.
    """
    holds = user.is_active and user.password_hash == proof.password_hash
    if not holds or not is_going_on(session, user.id, proof.token):
        raise Conflict(_("You were signed out, or your password was changed meanwhile."))
