"""A forgotten password: the mail with a link to choose another, and the choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ponytracker.accounts.mails import send_mail
from ponytracker.accounts.tokens import UsedLink, find_token, make_token, use_token
from ponytracker.models import AccountToken, TokenPurpose, User
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity
from ponytracker.security.sessions import end_all
from ponytracker.security.throttling import Purpose, Throttle

MAX_ACCOUNTS = 10
"""Accounts of one address that get a link at once."""


def mail_reset_links(registry: Any, email: str) -> None:
    """Send each active account with this address a link to choose another password.

    One of a directory has none here to choose.

    Run in the background: the request that asked for it has done the same for every address.
    """
    with registry["ponytracker.database"].session(write=True) as session, session.begin():
        links = [
            (user.email, user.username, make_token(session, TokenPurpose.RESET, user=user))
            for user in find_by_email(session, email)
            if user.is_active and user.email and user.directory_id is None
        ]
    for address, username, token in links:
        # To the address that was stored: the one that was typed may only look like it.
        send_mail(registry, address, "reset", username=username, token=token)


def find_by_email(session: Session, email: str) -> Sequence[User]:
    """Return the accounts with this address, in whatever case it is written."""
    return session.scalars(
        select(User)
        .where(func.lower(User.email) == email.lower())
        .order_by(User.id)
        .limit(MAX_ACCOUNTS)
    ).all()


def find_reset(session: Session, token: str) -> User:
    """Return whose password *token* lets someone choose; raise `UsedLink`."""
    return _owner(find_token(session, TokenPurpose.RESET, token))


def reset_password(
    session: Session, actor: Identity, throttle: Throttle, *, token: str, password_hash: str
) -> User:
    """Set the password that someone chose who came with *token*; raise `UsedLink`.

    Every session of theirs ends, and no other link of theirs works any more.
    """
    user = _owner(use_token(session, TokenPurpose.RESET, token))
    user.password_hash = password_hash
    end_all(session, user.id)
    throttle.forgive(session, Purpose.SIGN_IN, user.username)
    record(session, actor, "user.password_reset", user.username)
    return user


def _owner(found: AccountToken) -> User:
    if found.user is None or found.user.directory_id is not None:
        raise UsedLink
    return found.user
