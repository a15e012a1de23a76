"""Projects and what their issues are sorted by: labels and milestones; and who watches them."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from ponytracker.models.base import NEVER_REUSED, Base, Id, now, words
from ponytracker.text import fold

_NOT_DELETED = text("NOT deleted")


class Access(StrEnum):
    """Who sees a project besides those with a grant on it."""

    PUBLIC = "public"
    REGISTERED = "registered"
    PRIVATE = "private"


class Project(Base):
    """A project. Its counters change only with its row locked (see ``issues/service.py``)."""

    __tablename__ = "projects"
    __table_args__ = NEVER_REUSED

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(32))
    name_key: Mapped[str] = mapped_column(String(32), unique=True)
    display_name: Mapped[str] = mapped_column(String(32))
    display_name_key: Mapped[str] = mapped_column(String(128), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    access: Mapped[Access] = mapped_column(words(Access), default=Access.PUBLIC)
    archived: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    last_issue_number: Mapped[int] = mapped_column(default=0)
    open_count: Mapped[int] = mapped_column(default=0)
    closed_count: Mapped[int] = mapped_column(default=0)

    @validates("name")
    def _remember_name_key(self, _attribute: str, name: str) -> str:
        self.name_key = fold(name)
        return name

    @validates("display_name")
    def _remember_display_name_key(self, _attribute: str, display_name: str) -> str:
        self.display_name_key = fold(display_name)
        return display_name


class ProjectSubscription(Base):
    """Someone watches a project."""

    __tablename__ = "project_subscriptions"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Label(Base):
    """A coloured word on issues. A deleted one stays for the timeline; its name is free again.

    Its text is black or white, whichever stands out more from the colour; white if `inverted`.
    The colour is ``#RRGGBB``; see ``labels/colors.py``.
    """

    __tablename__ = "labels"
    __table_args__ = (
        Index(
            "uq_labels_project_id_name",
            "project_id",
            "name",
            unique=True,
            sqlite_where=_NOT_DELETED,
            postgresql_where=_NOT_DELETED,
        ),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    color: Mapped[str] = mapped_column(String(7), default="#000000")
    inverted: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[bool] = mapped_column(default=False)

    project: Mapped[Project] = relationship()


class Milestone(Base):
    """A goal that issues are gathered under. Its URL name is a slug of its name."""

    __tablename__ = "milestones"
    __table_args__ = (
        Index(
            "uq_milestones_project_id_name",
            "project_id",
            "name",
            unique=True,
            sqlite_where=_NOT_DELETED,
            postgresql_where=_NOT_DELETED,
        ),
        Index(
            "uq_milestones_project_id_slug",
            "project_id",
            "slug",
            unique=True,
            sqlite_where=_NOT_DELETED,
            postgresql_where=_NOT_DELETED,
        ),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(128))
    slug: Mapped[str] = mapped_column(String(128))
    description: Mapped[str] = mapped_column(Text, default="")
    due_at: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]
    deleted: Mapped[bool] = mapped_column(default=False)

    project: Mapped[Project] = relationship()

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def is_overdue(self) -> bool:
        """Whether it should have been reached by now; a closed one never is."""
        return self.is_open and self.due_at is not None and self.due_at < now()
