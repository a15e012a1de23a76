"""Doing what a plan says, each change with its entry in the audit log, and taking a run back."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, exists, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ponytracker.accounts.service import change_user, create_user, find_user
from ponytracker.directory.here import lock
from ponytracker.directory.plan import DISABLED, UNDOES, Action, Change
from ponytracker.errors import DomainError
from ponytracker.models import AuditEntry, Base, Group, User
from ponytracker.models.account import group_users
from ponytracker.models.base import now
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity
from ponytracker.security.sessions import end_all

NAME = "(directory)"
"""What the audit log calls the directory."""

USER_KEY, GROUP_KEY = "directory_user", "directory_group"
"""Under which an entry of the audit log names the entries of the directory that it is about."""


class Left(DomainError):
    """A change that no longer fits what is there."""


SYNC, SIGN_IN = "sync-ldap", "sign-in"
"""What can run: bringing all accounts to what the directory says, or that of one who signs in."""


def new_run(kind: str = SYNC) -> Identity:
    """Return who a new run is: its name stands in each entry that it writes."""
    run = f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    return Identity(username=NAME, is_superuser=True, address=f"{kind} {run}")


def run_of(actor: Identity) -> str:
    """Return the name of the run that *actor* is."""
    return actor.address.rpartition(" ")[2]


def apply(session: Session, actor: Identity, changes: Iterable[Change]) -> None:
    """Do *changes*; raise `Left` where one does not fit what is there."""
    changes = list(changes)
    for change in changes:
        _do(session, change)
    _record(session, actor, changes)


def _record(session: Session, actor: Identity, changes: Iterable[Change]) -> None:
    """Write *changes* into the audit log, after all of them: its lock is taken last."""
    for change in changes:
        keys = {USER_KEY: change.user, GROUP_KEY: change.group}
        record(
            session,
            actor,
            change.action,
            change.target,
            before=change.before,
            after={**change.after, **{name: key for name, key in keys.items() if key}},
        )


def undo(session: Session, actor: Identity, run: str) -> tuple[list[Change], list[str]]:
    """Take back what the run *run* has done, the last first.

    Return what was taken back, and why each of the others was not: somebody has changed it since.
    """
    lock(session)
    entries = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.actor_name == NAME)
        .where(AuditEntry.address.in_([f"{kind} {run}" for kind in (SYNC, SIGN_IN)]))
        .order_by(AuditEntry.id.desc())
    ).all()
    done: list[Change] = []
    notes: list[str] = []
    for entry in entries:
        try:
            change = _read(entry).undone()
            with session.begin_nested():
                _do(session, change)
        except IntegrityError:
            notes.append(f"{entry.action} {entry.target}: left as it is. Its name is taken here.")
        except (DomainError, KeyError, ValueError) as error:
            notes.append(f"{entry.action} {entry.target}: left as it is. {_plain(error)}")
        else:
            done.append(change)
    _record(session, actor, done)
    return done, notes


def list_runs(session: Session, limit: int = 50) -> list[tuple[str, str]]:
    """Return the kind and the name of the last runs that changed anything, the last first."""
    rows = session.scalars(
        select(AuditEntry.address)
        .where(AuditEntry.actor_name == NAME)
        .where(or_(*(AuditEntry.address.startswith(f"{kind} ") for kind in (SYNC, SIGN_IN))))
        .group_by(AuditEntry.address)
        .order_by(func.max(AuditEntry.id).desc())
        .limit(limit)
    )
    found = [address.partition(" ") for address in rows]
    return [(kind, run) for kind, _blank, run in found]


def _read(entry: AuditEntry) -> Change:
    after = dict(entry.after or {})
    user, group = after.pop(USER_KEY, ""), after.pop(GROUP_KEY, "")
    action = Action(entry.action)
    if action not in UNDOES:
        raise Left("It cannot be taken back.")
    return Change(action, entry.target, user, group, entry.before or {}, after)


def _do(session: Session, change: Change) -> None:
    match change.action:
        case Action.ADD_USER:
            create_user(session, **change.after).directory_id = change.user
        case Action.DELETE_USER:
            _remove_user(session, _user(session, change))
        case Action.EDIT_USER | Action.DISABLE | Action.ACTIVATE:
            user = _user(session, change)
            _check(user, change.before)
            change_user(session, user, **change.after)
        case Action.ADD_GROUP:
            session.add(Group(name=change.after["name"], directory_id=change.group))
        case Action.DELETE_GROUP:
            group = _group(session, change)
            if _is_referred_to(session, Group, group.id):
                raise Left("It has users, is in a team, or was granted something.")
            session.delete(group)
        case Action.EDIT_GROUP:
            group = _group(session, change)
            _check(group, change.before)
            group.name = change.after["name"]
        case Action.ADD_TO_GROUP | Action.REMOVE_FROM_GROUP:
            _move(session, change)
    session.flush()


def _move(session: Session, change: Change) -> None:
    place = {"group_id": _group(session, change).id, "user_id": _user(session, change).id}
    is_there = (group_users.c.group_id == place["group_id"]) & (
        group_users.c.user_id == place["user_id"]
    )
    there = session.scalar(select(exists().where(is_there)))
    if there == (change.action is Action.ADD_TO_GROUP):
        raise Left("It is so already.")
    if there:
        session.execute(delete(group_users).where(is_there))
    else:
        session.execute(insert(group_users).values(**place))


def _remove_user(session: Session, user: User) -> None:
    """Delete an account that a run has made; disable it where anything was done with it since."""
    if user.last_sign_in_at is None and not _is_referred_to(session, User, user.id):
        session.delete(user)
    else:
        change_user(session, user, **DISABLED)


def _user(session: Session, change: Change) -> User:
    user = session.scalar(select(User).where(User.directory_id == change.user))
    if user is None:
        raise Left("There is no such account any more.")
    return user


def _group(session: Session, change: Change) -> Group:
    group = session.scalar(select(Group).where(Group.directory_id == change.group))
    if group is None:
        raise Left("There is no such group any more.")
    return group


def _check(row: User | Group, before: Any) -> None:
    changed = [name for name, value in before.items() if getattr(row, name) != value]
    if changed:
        raise Left(f"Changed since: {', '.join(changed)}.")


def _is_referred_to(session: Session, model: type[User | Group], row_id: int) -> bool:
    """Return whether any row of any table names this one."""
    id_ = model.__table__.c.id
    return any(
        session.scalar(select(exists().where(key.parent == row_id)))
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column is id_
    )


def _plain(error: Exception) -> str:
    text = error.args[0] if error.args else type(error).__name__
    return str(text.interpolate() if hasattr(text, "interpolate") else text)


@dataclasses.dataclass(frozen=True, slots=True)
class Linked:
    """An account that was given to an entry of the directory."""

    username: str
    had_password: bool


def link(session: Session, actor: Identity, username: str, key: str) -> Linked:
    """Let the account *username* be that of the entry *key*; its password here ends.

    Raise `Left` where there is no such account, or either is linked already.
    """
    user = find_user(session, username)
    if user is None:
        raise Left(f"There is no account {username} here.")
    if user.directory_id == key:
        raise Left(f"{user.username} is linked to this entry already.")
    other = session.scalar(select(User.username).where(User.directory_id == key))
    if other is not None:
        raise Left(f"This entry is the one of the account {other} already.")
    before = {"directory_id": user.directory_id, "has_password": bool(user.password_hash)}
    user.directory_id = key
    user.password_hash = None
    end_all(session, user.id)
    after = {"directory_id": key, "has_password": False}
    record(session, actor, "user.link", user.username, before=before, after=after)
    return Linked(user.username, bool(before["has_password"]))


def release_groups(session: Session, actor: Identity) -> int:
    """Let every group of the directory be one of our own; return how many those are."""
    groups = session.scalars(
        select(Group).where(Group.directory_id.is_not(None)).order_by(Group.id)
    ).all()
    keys = [group.directory_id for group in groups]
    for group in groups:
        group.directory_id = None
    for group, key in zip(groups, keys, strict=True):
        before, after = {"directory_id": key}, {"directory_id": None}
        record(session, actor, "group.release", group.name, before=before, after=after)
    return len(groups)
