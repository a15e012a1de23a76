"""Links by mail that work once: a random token in the link, its hash in the database."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from ponytracker.errors import DomainError
from ponytracker.models import AccountToken, TokenPurpose, User
from ponytracker.models.base import now
from ponytracker.security.sessions import hash_token

LASTS = {TokenPurpose.RESET: dt.timedelta(hours=1), TokenPurpose.SIGN_UP: dt.timedelta(hours=24)}

SEAL = "seal"
"""The key in the data of a user's token of what that user was like when it was made."""


class UsedLink(DomainError):
    """A link was followed that is used up, has expired, or was never one."""


def make_token(
    session: Session,
    purpose: TokenPurpose,
    *,
    user: User | None = None,
    data: dict[str, Any] | None = None,
) -> str:
    """Store a new token and return it; sweep those that expired."""
    token = secrets.token_urlsafe(32)
    made = now()
    session.execute(delete(AccountToken).where(AccountToken.expires_at < made))
    session.add(
        AccountToken(
            purpose=purpose,
            token_hash=hash_token(token),
            user_id=user and user.id,
            data={**(data or {}), **({SEAL: _seal(user)} if user else {})},
            created_at=made,
            expires_at=made + LASTS[purpose],
        )
    )
    return token


def find_token(session: Session, purpose: TokenPurpose, token: str) -> AccountToken:
    """Return what *token* stands for, if it is still good for *purpose*; else raise `UsedLink`."""
    found = session.scalar(
        select(AccountToken)
        .where(
            AccountToken.purpose == purpose,
            AccountToken.token_hash == hash_token(token),
            AccountToken.expires_at > now(),
        )
        .options(joinedload(AccountToken.user))
    )
    if found is None or not _is_sealed(found):
        raise UsedLink
    return found


def use_token(session: Session, purpose: TokenPurpose, token: str) -> AccountToken:
    """Return what *token* stands for, once: also of those who come with it at the same moment."""
    found = find_token(session, purpose, token)
    # On PostgreSQL the second waits here for the first, and then finds no row.
    gone = session.scalars(
        delete(AccountToken)
        .where(AccountToken.id == found.id)
        .returning(AccountToken.id)
        .execution_options(synchronize_session=False)
    ).all()
    session.expunge(found)
    if not gone:
        raise UsedLink
    return found


def _is_sealed(token: AccountToken) -> bool:
    """Return whether the user whose token it is, if any, is active and as they were then."""
    user = token.user
    return user is None or (user.is_active and token.data[SEAL] == _seal(user))


def _seal(user: User) -> str:
    """Return what differs once the user's address or password has changed."""
    return hashlib.sha256(f"{user.email}\0{user.password_hash}".encode()).hexdigest()
