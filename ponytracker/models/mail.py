"""Mail owed to someone because of an event, and mail that came in."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ponytracker.models.base import NEVER_REUSED, Base, Id, now, words


class MailState(StrEnum):
    """Where an owed mail stands."""

    OWED = "owed"
    SENT = "sent"
    DROPPED = "dropped"
    FAILED = "failed"


class OwedMail(Base):
    """One mail that an event owes to one person, from its writing until it was sent."""

    __tablename__ = "owed_mails"
    __table_args__ = (
        UniqueConstraint("event_id", "user_id"),
        Index("ix_owed_mails_state_next_try_at", "state", "next_try_at"),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str] = mapped_column(String(40))
    state: Mapped[MailState] = mapped_column(words(MailState), default=MailState.OWED)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[dt.datetime] = mapped_column(default=now)
    last_error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[dt.datetime | None]


class ReceivedMail(Base):
    """One mail that came in for one recipient, and what became of it.

    `message_id` is its Message-ID, or the SHA-256 of the mail where it has none: the same mail is
    taken once for each recipient.
    """

    __tablename__ = "received_mails"
    __table_args__ = (UniqueConstraint("message_id", "recipient"), NEVER_REUSED)

    id: Mapped[Id]
    message_id: Mapped[str] = mapped_column(String(998))
    recipient: Mapped[str] = mapped_column(String(320))
    sender: Mapped[str] = mapped_column(String(320), default="")
    received_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    outcome: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(Text, default="")
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    event_id: Mapped[int | None] = mapped_column(
        ForeignKey("events.id", ondelete="SET NULL"), index=True
    )
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
