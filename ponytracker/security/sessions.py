"""Signed-in sessions: a random token in the cookie, its hash in the database.

A row for each session, so that it can be listed and ended; the cookie alone proves nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from collections.abc import Sequence
from typing import Any

from pyramid.session import JSONSerializer, SignedCookieSessionFactory
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from ponytracker.models.account import AccountToken, SignInSession, TokenPurpose, User
from ponytracker.models.base import now
from ponytracker.text import clean_line

KEY = "sign_in"
"""The key of the token in the cookie session."""

STAY = "stay"
"""The key in the cookie session that is there where someone wants to stay signed in."""

MAX_MESSAGES = 2_000
"""Characters, as JSON, of the messages that wait in the cookie, which holds 4,093 in all."""

ONE_DAY = 1
"""Days that a session lasts of someone who does not want to stay signed in."""


def start_session(session: Session, user: User, *, days: int, address: str, user_agent: str) -> str:
    """Store a new signed-in session of *user* and return its token; sweep those that expired."""
    token = secrets.token_urlsafe(32)
    started = now()
    session.execute(delete(SignInSession).where(SignInSession.expires_at < started))
    session.add(
        SignInSession(
            user_id=user.id,
            token_hash=hash_token(token),
            created_at=started,
            expires_at=started + dt.timedelta(days=days),
            address=address[:64],
            user_agent=clean_line(user_agent)[:255],
        )
    )
    return token


def has_session(token: str) -> ColumnElement[bool]:
    """Return the condition on `User` that holds for whoever the session *token* is of."""
    return User.id.in_(
        select(SignInSession.user_id).where(
            SignInSession.token_hash == hash_token(token), SignInSession.expires_at > now()
        )
    )


def is_going_on(session: Session, user_id: int, token: object) -> bool:
    """Return whether *token* opens a session of *user_id* that has not ended meanwhile."""
    return any(is_session(row, token) for row in list_sessions(session, user_id))


def list_sessions(session: Session, user_id: int) -> Sequence[SignInSession]:
    """Return the sessions in which *user_id* is signed in, the latest first."""
    return session.scalars(
        select(SignInSession)
        .where(SignInSession.user_id == user_id, SignInSession.expires_at > now())
        .order_by(SignInSession.id.desc())
    ).all()


def is_session(row: SignInSession, token: object) -> bool:
    """Return whether *token* is the one that opens *row*."""
    return isinstance(token, str) and row.token_hash == hash_token(token)


def end_session(session: Session, token: object) -> None:
    """End the session that *token* opens, if it is one."""
    if isinstance(token, str):
        session.execute(delete(SignInSession).where(SignInSession.token_hash == hash_token(token)))


def end_all(session: Session, user_id: int) -> None:
    """End every session of *user_id*, and all mailed links that would let them in.

    For whoever is disabled, whose password has changed, or who wants to be signed out everywhere.
    """
    session.execute(delete(SignInSession).where(SignInSession.user_id == user_id))
    session.execute(
        delete(AccountToken).where(
            AccountToken.user_id == user_id, AccountToken.purpose == TokenPurpose.RESET
        )
    )


def hash_token(token: str) -> str:
    """Return what is stored of *token*."""
    # The token has 256 random bits, so nothing slower is needed; look-up by hash leaks nothing.
    return hashlib.sha256(token.encode()).hexdigest()


def _with_our_ways(session_class: Any) -> Any:
    class CookieSession(session_class):
        """The cookie lasts while the browser is open, unless someone wants to stay signed in."""

        @property
        def _cookie_max_age(self) -> int | None:
            return super()._cookie_max_age if self.get(STAY) else None

        def flash(self, message: str, queue: str = "", allow_duplicate: bool = False) -> None:
            """Keep no message twice that is still to be shown, and only the last of too many.

            A cookie holds only so much, and whoever sends form after form sees no page between.
            """
            super().flash(message, queue, allow_duplicate)
            queues = [waiting for key, waiting in self.items() if key.startswith("_f_")]
            while len(json.dumps(queues)) > MAX_MESSAGES and sum(map(len, queues)) > 1:
                max(queues, key=len).pop(0)

    return CookieSession


def includeme(config: Any) -> None:
    """Sign the cookie session, as JSON; over https it is sent over https only."""
    settings = config.registry["ponytracker.settings"]
    factories = {
        secure: _with_our_ways(
            SignedCookieSessionFactory(
                settings.secret,
                serializer=JSONSerializer(),
                cookie_name="ponytracker",
                path=settings.prefix or "/",
                max_age=settings.session_days * 86_400,
                timeout=settings.session_days * 86_400,
                reissue_time=86_400,
                httponly=True,
                secure=secure,
                samesite="Lax",
            )
        )
        for secure in (True, False)
    }
    config.set_session_factory(lambda request: factories[request.scheme == "https"](request))
