"""Mail owed to someone because of an event, and mail that came in."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ponytracker.models.account import User
from ponytracker.models.base import NEVER_REUSED, Base, Id, now, words
from ponytracker.models.event import Event
from ponytracker.models.project import Project


class MailReason(StrEnum):
    """Why someone is owed a mail, the most telling first: `X-PonyTracker-Reason`."""

    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    OWN = "own"
    AUTHOR = "author"
    SUBSCRIBED = "subscribed"


class MailState(StrEnum):
    """Where an owed mail stands: `DROPPED` is no longer wanted, `FAILED` was given up."""

    OWED = "owed"
    SENT = "sent"
    DROPPED = "dropped"
    FAILED = "failed"


class OwedMail(Base):
    """One mail that an event owes to one person, from its writing until it was sent.

    Who is meant by the event itself, and not only follows its issue, gets it in any case
    (`is_personal`). Whoever sends it moves `next_try_at` on before: should they die, it is tried
    again then.
    """

    __tablename__ = "owed_mails"
    __table_args__ = (
        UniqueConstraint("event_id", "user_id"),
        Index("ix_owed_mails_state_next_try_at", "state", "next_try_at"),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    reason: Mapped[MailReason] = mapped_column(words(MailReason))
    is_personal: Mapped[bool] = mapped_column(default=False, server_default=false())
    state: Mapped[MailState] = mapped_column(words(MailState), default=MailState.OWED)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[dt.datetime] = mapped_column(default=now)
    last_error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[dt.datetime | None]

    event: Mapped[Event] = relationship()
    user: Mapped[User] = relationship()


_KEPT = text("raw IS NOT NULL")


class ReceivedMail(Base):
    """One mail as it came in, to one recipient, and what became of it.

    `message_id` is its Message-ID, or the SHA-256 of the mail where it has none. `taken_as` is set
    once the mail has made something: a mail of the same Message-ID and recipient is then a
    duplicate. `raw` is the mail itself, until its time is up.
    """

    __tablename__ = "received_mails"
    __table_args__ = (
        Index("ix_received_mails_user_id_answered_at", "user_id", "answered_at"),
        # What is still kept, the oldest first: all others are only a line of the log.
        Index("ix_received_mails_kept", "received_at", sqlite_where=_KEPT, postgresql_where=_KEPT),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    message_id: Mapped[str] = mapped_column(String(998))
    taken_as: Mapped[str | None] = mapped_column(String(64), unique=True)
    sender: Mapped[str] = mapped_column(String(320), default="")
    recipient: Mapped[str] = mapped_column(String(320), default="")
    subject: Mapped[str] = mapped_column(String(255), default="", server_default=text("''"))
    received_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    outcome: Mapped[str] = mapped_column(String(40))
    status: Mapped[int] = mapped_column(server_default="200")
    detail: Mapped[str] = mapped_column(Text, default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    event_id: Mapped[int | None] = mapped_column(
        ForeignKey("events.id", ondelete="SET NULL"), index=True
    )
    answered_at: Mapped[dt.datetime | None]
    replayed_at: Mapped[dt.datetime | None]
    raw: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)

    user: Mapped[User | None] = relationship()
    event: Mapped[Event | None] = relationship()


class PersonalAddress(Base):
    """To where one person mails new issues of one project; the id, never used again, is in it."""

    __tablename__ = "personal_addresses"
    __table_args__ = (UniqueConstraint("user_id", "project_id"), NEVER_REUSED)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship()
    project: Mapped[Project] = relationship()
