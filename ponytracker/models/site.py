"""What belongs to the site as a whole: its settings that pages can change, and the audit log."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from ponytracker.models.base import NEVER_REUSED, Base, Id, now, words


class EditPolicy(StrEnum):
    """How long people may edit what they wrote themselves."""

    ALWAYS = "always"
    MINUTES = "minutes"
    UNTIL_NEXT_COMMENT = "until_next_comment"


class SiteSettings(Base):
    """The one row of settings; the first migration writes it."""

    __tablename__ = "site_settings"
    __table_args__ = (
        CheckConstraint("id = 1", name="single_row"),
        CheckConstraint("items_per_page BETWEEN 1 AND 500", name="items_per_page"),
        CheckConstraint("edit_policy_minutes >= 1", name="edit_policy_minutes"),
    )

    id: Mapped[Id] = mapped_column(autoincrement=False, default=1)
    items_per_page: Mapped[int] = mapped_column(default=25)
    edit_policy: Mapped[EditPolicy] = mapped_column(words(EditPolicy), default=EditPolicy.ALWAYS)
    edit_policy_minutes: Mapped[int] = mapped_column(default=30)


class AuditEntry(Base):
    """Who did what to accounts, rights and settings, when and from where.

    Append-only: triggers of the database refuse to change or delete a row. So no foreign key may
    want to, and the actor is kept by name too. See ``security/audit.py``.
    """

    __tablename__ = "audit_log"
    __table_args__ = NEVER_REUSED

    id: Mapped[Id]
    created_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    actor_id: Mapped[int | None] = mapped_column(index=True)
    actor_name: Mapped[str] = mapped_column(String(150), default="")
    address: Mapped[str] = mapped_column(String(64), default="")
    action: Mapped[str] = mapped_column(String(64), index=True)
    target: Mapped[str] = mapped_column(String(255), default="")
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    # Unique: no two entries can follow the same one, whatever the isolation of transactions.
    previous_hash: Mapped[str] = mapped_column(String(64), default="", unique=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
