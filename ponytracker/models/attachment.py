"""Files that belong to issues; their octets lie in a folder, under the hash of them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ponytracker.models.account import User
from ponytracker.models.base import NEVER_REUSED, Base, Id, now

MAX_NAME = 120
"""Characters that the name of a file may have."""

_PENDING = text("event_id IS NULL")


class Attachment(Base):
    """A file of the description or comment that `event_id` wrote.

    Until the form is sent that it was chosen for, it is pending: it has no event, and is its
    uploader's. `digest` is the SHA-256 of what is in it, the name under which the store keeps it
    (``attachments/store.py``). `content_type` is what was found in it, not what was declared; an
    image that may be shown has a width and a height.
    """

    __tablename__ = "attachments"
    __table_args__ = (
        CheckConstraint("(event_id IS NULL) = (issue_id IS NULL)", name="of_an_event"),
        Index(
            "ix_attachments_pending",
            "uploader_id",
            "created_at",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    issue_id: Mapped[int | None] = mapped_column(
        ForeignKey("issues.id", ondelete="CASCADE"), index=True
    )
    event_id: Mapped[int | None] = mapped_column(
        ForeignKey("events.id", ondelete="CASCADE"), index=True
    )
    uploader_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    content_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64), index=True)
    width: Mapped[int | None]
    height: Mapped[int | None]

    uploader: Mapped[User | None] = relationship()

    @property
    def is_image(self) -> bool:
        """Whether it is an image that pages show."""
        return self.width is not None

    @property
    def is_inline(self) -> bool:
        """Whether a browser may show it, in its own right; anything else is saved as a file."""
        return self.is_image or self.content_type == "text/plain"
