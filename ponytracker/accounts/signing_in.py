"""Signing in and out: who it is, whether the password is right, and the session that follows."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.accounts.authentication import Credentials, Proof
from ponytracker.accounts.service import find_user
from ponytracker.models import User
from ponytracker.models.base import now
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity, identify
from ponytracker.security.sessions import end_session, start_session
from ponytracker.security.throttling import Purpose, Throttle

UNKNOWN = "(unknown account)"
"""What the audit log calls a name that is no account's: it may be a password, typed too early."""


def find_credentials(session: Session, username: str) -> Credentials:
    """Return what is here to check a password for that name by."""
    user = find_user(session, username)
    is_ours = user is not None and user.directory_id is None
    if user is None or not user.is_active:
        return Credentials(None, None, is_ours)
    return Credentials(user.id, user.password_hash, is_ours)


def sign_in(
    session: Session,
    actor: Identity,
    throttle: Throttle,
    proof: Proof,
    *,
    username: str,
    before: object,
    days: int,
    user_agent: str,
) -> str | None:
    """Return the token of a new signed-in session of whoever has given *proof*.

    The check is slow: nothing is returned where the account has gone meanwhile, is disabled, or has
    another password. *username* is what was typed, *before* the token of the session that this one
    replaces. *actor* is nobody yet, but somewhere.
    """
    # Locked, so that whoever disables it or changes its password ends this session as well.
    user = session.scalar(
        select(User)
        .where(User.id == proof.user_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if user is None or not user.is_active or user.password_hash != proof.password_hash:
        return None
    user.password_hash = proof.new_hash
    # In this order, as whoever signs out: the account, the session, the audit log, which one writes
    # at a time. Two who take them in another order would wait for each other.
    end_session(session, before)
    user.last_sign_in_at = now()
    token = start_session(session, user, days=days, address=actor.address, user_agent=user_agent)
    throttle.forgive(session, Purpose.SIGN_IN, username)
    actor = dataclasses.replace(identify(session, user), address=actor.address)
    record(session, actor, "user.sign_in", user.username)
    return token


def fail_to_sign_in(session: Session, actor: Identity, username: str) -> None:
    """Note that someone has tried; the same is done whether there is such an account or not."""
    user = find_user(session, username)
    record(session, actor, "user.sign_in_failed", user.username if user else UNKNOWN)


def sign_out(session: Session, actor: Identity, token: object) -> None:
    """End the session that *token* opens."""
    end_session(session, token)
    if actor.is_signed_in:
        record(session, actor, "user.sign_out", actor.username)
