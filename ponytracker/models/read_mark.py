"""Read marks: the last event that someone has read, of one issue or of a whole project."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from ponytracker.models.base import Base


class ReadMark(Base):
    """The last event of an issue that someone has seen. No foreign key: it is a position."""

    __tablename__ = "read_marks"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    last_event_id: Mapped[int]


class ProjectReadMark(Base):
    """Everything in a project up to this event is read: "mark all as read" is this one row."""

    __tablename__ = "project_read_marks"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    last_event_id: Mapped[int]
