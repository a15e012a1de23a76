"""Signing in: who it is, whether the password is right, and the session that follows."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ponytracker.accounts.service import find_user
from ponytracker.models import User
from ponytracker.models.base import now
from ponytracker.security.passwords import Passwords
from ponytracker.security.sessions import start_session


def find_credentials(session: Session, username: str) -> tuple[int | None, str | None]:
    """Return id and password hash of the active account of that name, or nothing for either."""
    user = find_user(session, username)
    return (user.id, user.password_hash) if user and user.is_active else (None, None)


def sign_in(
    session: Session,
    passwords: Passwords,
    *,
    user_id: int | None,
    password: str,
    days: int,
    address: str,
    user_agent: str,
) -> str | None:
    """Return the token of a new signed-in session of *user_id*, whose *password* was right.

    Or nothing, where the account has gone meanwhile. A hash made at another cost than today's is
    replaced.
    """
    user = session.get(User, user_id)
    if user is None or user.password_hash is None or not user.is_active:
        return None
    if passwords.needs_rehash(user.password_hash):
        user.password_hash = passwords.hash(password)
    user.last_sign_in_at = now()
    return start_session(session, user, days=days, address=address, user_agent=user_agent)
