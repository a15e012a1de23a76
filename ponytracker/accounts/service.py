"""Accounts: creating and finding them."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import User
from ponytracker.models.account import MAX_USERNAME_KEY
from ponytracker.text import MAX_USERNAME, clean_line, fold


class NameTaken(DomainError):
    """There is an account of that name already, in whatever case."""


class UnfitName(DomainError):
    """No account can have that name."""


def create_user(
    session: Session,
    *,
    username: str,
    password_hash: str | None = None,
    email: str | None = None,
    is_active: bool = True,
    is_superuser: bool = False,
) -> User:
    """Create an account; without a password hash nobody can sign in to it.

    Raises `UnfitName` or `NameTaken`.
    """
    fits = 0 < len(username) <= MAX_USERNAME and len(fold(username)) <= MAX_USERNAME_KEY
    if not fits or username != clean_line(username).strip():
        raise UnfitName(_("A username has 1 to 150 characters, and no blanks at its ends."))
    if find_user(session, username) is not None:
        raise NameTaken(_("There is already a user with this name."))
    user = User(
        username=username,
        email=email,
        password_hash=password_hash,
        is_active=is_active,
        is_superuser=is_superuser,
    )
    session.add(user)
    session.flush()
    return user


def find_user(session: Session, username: str) -> User | None:
    """Return the account of that name, in whatever case it is written."""
    return session.scalar(select(User).where(User.username_key == fold(username)))


def any_user(session: Session) -> bool:
    return bool(session.scalar(select(exists().where(User.id.is_not(None)))))
