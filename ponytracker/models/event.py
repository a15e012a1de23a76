"""The timeline: what happened to an issue, in order, and the earlier versions of its texts."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from markupsafe import Markup
from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ponytracker.models.account import User
from ponytracker.models.base import NEVER_REUSED, Base, Id, now, words
from ponytracker.models.issue import Issue
from ponytracker.models.project import Label, Milestone


class EventKind(StrEnum):
    """What can happen to an issue. ``issues/replay.py`` says what each does to it."""

    OPENED = "opened"
    COMMENTED = "commented"
    COMMENT_DELETED = "comment_deleted"
    CLOSED = "closed"
    REOPENED = "reopened"
    RENAMED = "renamed"
    LABELED = "labeled"
    UNLABELED = "unlabeled"
    MILESTONED = "milestoned"
    MILESTONE_RENAMED = "milestone_renamed"
    DEMILESTONED = "demilestoned"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    DUE_SET = "due_set"
    DUE_CHANGED = "due_changed"
    DUE_UNSET = "due_unset"
    REFERENCED = "referenced"
    MENTIONED = "mentioned"


_SUBJECTS = ("user_id", "label_id", "milestone_id", "source_issue_id", "batch")
_MENTIONED = text("kind = 'mentioned'")


def _index_where_set(column: str) -> Index:
    is_set = text(f"{column} IS NOT NULL")
    return Index(f"ix_events_{column}", column, sqlite_where=is_set, postgresql_where=is_set)


class Event(Base):
    """One thing that happened. Ids rise with time within an issue, so that they mark what is read.

    What it is about is a row: a `user` for whom it assigned or mentioned, a `label`, a `milestone`,
    the `source_issue` for where the issue was referenced. `args` holds names as they were, so that
    it still reads when the row is gone. `batch` is shared by the events of one change to many
    issues. `text` is the description (`EventKind.OPENED`) or comment as typed; `html` is made from
    it when it is written, by the renderer of `html_version`. `submission` is the id of the form
    that made the event: a form sent twice is taken once. `elided` is what a mail had besides: what
    it quoted, and its signature.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_issue_id_id", "issue_id", "id"),
        # The activity of a project is read without joining its issues, newest first.
        Index("ix_events_project_id_created_at", "project_id", "created_at", "id"),
        # What someone has done, and to which issues, without reading the events.
        Index("ix_events_actor", "actor_id", "kind", "issue_id", "deleted_at"),
        # Most events are about none of these, and are not in the index.
        *(_index_where_set(column) for column in _SUBJECTS),
        # An issue is referenced from another once, and a person is mentioned in it for the first
        # time once, however many say so at the same moment.
        Index("uq_events_issue_id_source_issue_id", "issue_id", "source_issue_id", unique=True),
        Index(
            "uq_events_issue_id_mentioned",
            "issue_id",
            "user_id",
            unique=True,
            sqlite_where=_MENTIONED,
            postgresql_where=_MENTIONED,
        ),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[dt.datetime]
    kind: Mapped[EventKind] = mapped_column(words(EventKind))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    label_id: Mapped[int | None] = mapped_column(ForeignKey("labels.id", ondelete="SET NULL"))
    milestone_id: Mapped[int | None] = mapped_column(
        ForeignKey("milestones.id", ondelete="SET NULL")
    )
    source_issue_id: Mapped[int | None] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    batch: Mapped[str | None] = mapped_column(String(36))
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[Markup | None]
    html_version: Mapped[int | None]
    elided: Mapped[str | None] = mapped_column(Text)
    edited_at: Mapped[dt.datetime | None]
    editor_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    deleted_at: Mapped[dt.datetime | None]
    submission: Mapped[str | None] = mapped_column(String(36), unique=True)

    issue: Mapped[Issue] = relationship(foreign_keys=issue_id)
    actor: Mapped[User | None] = relationship(foreign_keys=actor_id)
    editor: Mapped[User | None] = relationship(foreign_keys=editor_id)
    user: Mapped[User | None] = relationship(foreign_keys=user_id)
    label: Mapped[Label | None] = relationship()
    milestone: Mapped[Milestone | None] = relationship()
    source_issue: Mapped[Issue | None] = relationship(foreign_keys=source_issue_id)


class TextRevision(Base):
    """What an event's text was before it was edited, who wrote it and until when it stood."""

    __tablename__ = "text_revisions"
    __table_args__ = NEVER_REUSED

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    text: Mapped[str] = mapped_column(Text)
    replaced_at: Mapped[dt.datetime] = mapped_column(default=now)

    author: Mapped[User | None] = relationship()
