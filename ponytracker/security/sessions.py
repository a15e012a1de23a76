"""Signed-in sessions: a random token in the cookie, its hash in the database.

A row for each session, so that it can be listed and ended; the cookie alone proves nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

from pyramid.session import JSONSerializer, SignedCookieSessionFactory
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from ponytracker.models.account import SignInSession, User
from ponytracker.models.base import now
from ponytracker.text import clean_line

KEY = "sign_in"
"""The key of the token in the cookie session."""


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


def end_session(session: Session, token: object) -> None:
    """End the session that *token* opens, if it is one."""
    if isinstance(token, str):
        session.execute(delete(SignInSession).where(SignInSession.token_hash == hash_token(token)))


def hash_token(token: str) -> str:
    """Return what is stored of *token*."""
    # The token has 256 random bits, so nothing slower is needed; look-up by hash leaks nothing.
    return hashlib.sha256(token.encode()).hexdigest()


def _once_each(session_class: Any) -> Any:
    """Keep no message twice that is still to be shown, lest they outgrow what a cookie can hold."""

    class CookieSession(session_class):
        def flash(self, message: str, queue: str = "", allow_duplicate: bool = False) -> None:
            super().flash(message, queue, allow_duplicate)

    return CookieSession


def includeme(config: Any) -> None:
    """Sign the cookie session, as JSON; over https it is sent over https only."""
    settings = config.registry["ponytracker.settings"]
    factories = {
        secure: _once_each(
            SignedCookieSessionFactory(
                settings.secret,
                serializer=JSONSerializer(),
                cookie_name="ponytracker",
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
