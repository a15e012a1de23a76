"""Accounts: creating, changing, disabling and deleting them.

A superuser is changed by superusers only, and the last active one stays one.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from ponytracker.accounts.losses import losses_of_user
from ponytracker.db import let_take_long
from ponytracker.errors import Conflict, DomainError
from ponytracker.i18n import _
from ponytracker.models import Notifications, User
from ponytracker.models.account import MAX_USERNAME_KEY
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity
from ponytracker.security.sessions import end_all
from ponytracker.text import MAX_USERNAME, clean_line, fold

_MARKS = frozenset("@.+-_[]")
"""What a username may have besides letters and digits."""

_RESERVED = frozenset({"ghost"})
"""Names that pages show where there is nobody."""


class NameTaken(Conflict):
    """There is an account of that name already, in whatever case."""


class UnfitName(DomainError):
    """No account can have that name."""


class LastSuperuser(Conflict):
    """Without this one nobody could manage the site."""


class OwnRights(Conflict):
    """Whoever adds themselves would give themselves rights that they were not given."""


def create_user(
    session: Session,
    *,
    username: str,
    password_hash: str | None = None,
    first_name: str = "",
    last_name: str = "",
    email: str | None = None,
    notifications: Notifications = Notifications.OTHERS,
    time_zone: str = "UTC",
    is_active: bool = True,
    is_superuser: bool = False,
) -> User:
    """Create an account; without a password hash nobody can sign in to it.

    Raises `UnfitName` or `NameTaken`.
    """
    check_username(session, username)
    user = User(
        username=username,
        password_hash=password_hash,
        first_name=first_name,
        last_name=last_name,
        email=email,
        notifications=notifications,
        time_zone=time_zone,
        is_active=is_active,
        is_superuser=is_superuser,
    )
    session.add(user)
    session.flush()
    return user


def add_user(session: Session, actor: Identity, **fields: Any) -> User:
    """Create an account of those *fields* (see `create_user`) for someone else."""
    if fields.get("is_superuser") and not actor.is_superuser:
        raise Conflict(_("Only a superuser can make another one."))
    user = create_user(session, **fields)
    record(session, actor, "user.add", user.username, after=_audited(user))
    return user


def edit_user(session: Session, actor: Identity, user_id: int, **fields: Any) -> User:
    """Change those *fields* of an account; the others stay."""
    user = _lock_user(session, actor, user_id)
    before = _audited(user)
    makes_another = fields.get("is_superuser", user.is_superuser) != user.is_superuser
    if makes_another and not actor.is_superuser:
        raise Conflict(_("Only a superuser can make another one."))
    change_user(session, user, **fields)
    after = _audited(user)
    if after != before:
        record(session, actor, "user.edit", before["username"], before=before, after=after)
    return user


def change_user(session: Session, user: User, **fields: Any) -> None:
    """Change those *fields* of an account that is locked, with all that follows from it."""
    was_active, was_superuser = user.is_active, user.is_superuser
    if was_superuser and not (fields.get("is_superuser", True) and fields.get("is_active", True)):
        check_not_last_superuser(session, user)
    if "username" in fields:
        check_username(session, fields["username"], besides=user)
    if "email" in fields and fields["email"] != user.email:
        resume_mail(user)
    for name, value in fields.items():
        setattr(user, name, value)
    if user.is_superuser and not was_superuser:
        # A session or link that somebody else may have had must not become one of a superuser.
        end_all(session, user.id)
    if was_active and not user.is_active:
        end_all(session, user.id)
    if user.is_active and not was_active:
        end_mail_addresses(user)


def set_password(session: Session, actor: Identity, user_id: int, password_hash: str) -> User:
    """Give an account another password; whoever is signed in to it is signed out."""
    user = _lock_user(session, actor, user_id)
    check_password_is_here(user)
    user.password_hash = password_hash
    end_all(session, user.id)
    record(session, actor, "user.set_password", user.username)
    return user


def disable_user(session: Session, actor: Identity, user_id: int) -> bool:
    """Let nobody sign in to an account any more; return whether anybody could."""
    user = _lock_user(session, actor, user_id)
    if not user.is_active:
        return False
    change_user(session, user, is_active=False)
    record(session, actor, "user.disable", user.username)
    return True


def activate_user(session: Session, actor: Identity, user_id: int) -> bool:
    """Let someone sign in to a disabled account again; return whether it was one."""
    user = _lock_user(session, actor, user_id)
    if user.is_active:
        return False
    change_user(session, user, is_active=True, disabled_by_directory=False)
    record(session, actor, "user.activate", user.username)
    return True


def resume_mail(user: User) -> None:
    """Send mail to *user* again, and count what comes back from nothing."""
    user.bounces = 0
    user.mail_paused_at = None


def end_mail_addresses(user: User) -> None:
    """Take no more mail at the addresses that *user* was given so far, which others may know."""
    user.mail_key_version += 1


def delete_user(session: Session, actor: Identity, user_id: int) -> None:
    """Delete an account. What it wrote stays, under "ghost"; what it was given goes with it."""
    user = _lock_user(session, actor, user_id)
    check_not_last_superuser(session, user)
    before = {**_audited(user), **losses_of_user(session, user)}
    let_take_long(session)
    session.delete(user)
    record(session, actor, "user.delete", before["username"], before=before)


def check_password_is_here(user: User) -> None:
    """Raise `Conflict` where the password of *user* is kept by a directory."""
    if user.directory_id is not None:
        raise Conflict(_("This account signs in with the directory, and has no password here."))


def check_username(session: Session, username: str, *, besides: User | None = None) -> None:
    """Raise `UnfitName` or `NameTaken` where *username* is none for an account, or is another's.

    A name that stays as it is, *besides* has it, may be one that nobody could choose today.
    """
    if besides is not None and username == besides.username:
        return
    check_form_of_username(username)
    if find_user(session, username) not in (None, besides):
        raise NameTaken(_("There is already a user with this name."))


def check_form_of_username(username: str) -> None:
    """Raise `UnfitName` where *username* is none for an account, whoever has which."""
    fits = 0 < len(username) <= MAX_USERNAME and len(fold(username)) <= MAX_USERNAME_KEY
    if not fits or username != clean_line(username).strip():
        raise UnfitName(_("A username has 1 to 150 characters, and no blanks at its ends."))
    # Nobody shall pass for another: no blank, bracket or invisible sign, as in "alice (Alice)".
    is_plain = all(character.isalnum() or character in _MARKS for character in username)
    if not is_plain or unicodedata.normalize("NFKC", username) != username:
        raise UnfitName(_("Use only letters, digits and @ . + - _ [ ]."))
    if not any(character.isalnum() for character in username):
        raise UnfitName(_("A username has at least one letter or digit."))
    if fold(username) in _RESERVED:
        raise UnfitName(_("This name stands for people whose account was deleted."))


def check_not_last_superuser(session: Session, user: User) -> None:
    """Raise `LastSuperuser` where *user* is the last one who is active."""
    others = select(func.count()).where(_IS_ACTIVE_SUPERUSER, User.id != user.id)
    if user.is_superuser and user.is_active and not session.scalar(others):
        raise LastSuperuser(
            _("This is the last active superuser: without one nobody could manage the site.")
        )


def check_may_move(actor: Identity, user: User) -> None:
    """Raise `Conflict` where *actor* must not change which groups and teams *user* is in."""
    if user.is_superuser and not actor.is_superuser:
        raise Conflict(_("Only a superuser can change the groups and teams of a superuser."))


def find_user(session: Session, username: str) -> User | None:
    """Return the account of that name, in whatever case it is written."""
    return session.scalar(select(User).where(User.username_key == fold(username)))


def any_user(session: Session) -> bool:
    return bool(session.scalar(select(exists().where(User.id.is_not(None)))))


_IS_ACTIVE_SUPERUSER = and_(User.is_superuser, User.is_active)


def _lock_user(session: Session, actor: Identity, user_id: int) -> User:
    """Return the account as it is now, to be changed by nobody else until the commit.

    With it all active superusers are locked: two of them must not take leave of each other. One
    statement, in the order of ids, so that nobody waits for somebody who waits for them.
    """
    locked = session.scalars(
        select(User)
        .where(or_(User.id == user_id, _IS_ACTIVE_SUPERUSER))
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    user = next((user for user in locked if user.id == user_id), None)
    if user is None:
        raise Conflict(_("This account was deleted meanwhile."))
    if user.is_superuser and not actor.is_superuser:
        raise Conflict(_("Only a superuser can change the account of a superuser."))
    return user


def _audited(user: User) -> dict[str, Any]:
    """Return what the audit log keeps of an account; no password, not even its hash."""
    return {
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "notifications": user.notifications,
        "time_zone": user.time_zone,
        "is_active": user.is_active,
        "is_superuser": user.is_superuser,
    }
