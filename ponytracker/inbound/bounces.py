"""Mails that came back: after some in a row, someone is sent none until they say so."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from ponytracker.models import User
from ponytracker.models.base import now


def count_bounce(session: Session, user: User, limit: int) -> None:
    """Count that a mail to *user* came back for good; with *limit* of them, pause their mail."""
    # In the database: two may come back at once.
    session.execute(update(User).where(User.id == user.id).values(bounces=User.bounces + 1))
    session.refresh(user, ["bounces", "mail_paused_at"])
    if user.bounces >= limit and user.mail_paused_at is None:
        user.mail_paused_at = now()


def note_delivery(user: User) -> None:
    """Note that mail reaches *user*: they have answered one."""
    if user.bounces and user.mail_paused_at is None:
        user.bounces = 0
