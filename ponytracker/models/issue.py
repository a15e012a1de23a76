"""Issues, their labels, and who is subscribed to them."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.orm import Mapped, attribute_keyed_dict, mapped_column, relationship

from ponytracker.models.account import User
from ponytracker.models.base import NEVER_REUSED, Base, Id, now, words
from ponytracker.models.project import Label, Milestone, Project
from ponytracker.text import MAX_TITLE

if TYPE_CHECKING:
    from ponytracker.models.event import Event


class State(StrEnum):
    """Whether an issue still wants something done."""

    OPEN = "open"
    CLOSED = "closed"


class StateReason(StrEnum):
    """Why an issue was closed."""

    COMPLETED = "completed"
    NOT_PLANNED = "not_planned"
    DUPLICATE = "duplicate"


class SubscriptionReason(StrEnum):
    """Why someone hears of an issue, the first reason that there was."""

    AUTHOR = "author"
    COMMENTED = "commented"
    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    MANUAL = "manual"


class IssueLabel(Base):
    """An issue has a label."""

    __tablename__ = "issue_labels"

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True
    )
    label_id: Mapped[int] = mapped_column(
        ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Issue(Base):
    """An issue as its timeline has left it: what it is follows from its events.

    `author_id` is empty where the author's account was deleted ("ghost").
    """

    __tablename__ = "issues"
    # One index for each order in which a project's list is read, with and without a state.
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        Index("ix_issues_state_created", "project_id", "state", "created_at", "number"),
        Index("ix_issues_state_updated", "project_id", "state", "updated_at", "number"),
        Index("ix_issues_created", "project_id", "created_at", "number"),
        Index("ix_issues_updated", "project_id", "updated_at", "number"),
        Index("ix_issues_state_due", "project_id", "state", "due_at", "number"),
        Index("ix_issues_due", "project_id", "due_at", "number"),
        Index("ix_issues_state_comments", "project_id", "state", "comment_count", "number"),
        Index("ix_issues_comments", "project_id", "comment_count", "number"),
        # How far a milestone has come.
        Index("ix_issues_milestone_state", "milestone_id", "state"),
        # What is new since a project was marked as read.
        Index("ix_issues_last_event", "project_id", "last_event_id"),
        NEVER_REUSED,
    )

    id: Mapped[Id]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(String(MAX_TITLE))
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    state: Mapped[State] = mapped_column(words(State), default=State.OPEN)
    state_reason: Mapped[StateReason | None] = mapped_column(words(StateReason))
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    closed_at: Mapped[dt.datetime | None]
    due_at: Mapped[dt.datetime | None]
    milestone_id: Mapped[int | None] = mapped_column(
        ForeignKey("milestones.id", ondelete="SET NULL")
    )
    assignee_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    # A position in the timeline, and no foreign key: issues and events would need each other first.
    last_event_id: Mapped[int | None]
    comment_count: Mapped[int] = mapped_column(default=0)
    imported_from: Mapped[str | None] = mapped_column(String(255))

    project: Mapped[Project] = relationship()
    author: Mapped[User | None] = relationship(foreign_keys=author_id)
    assignee: Mapped[User | None] = relationship(foreign_keys=assignee_id)
    milestone: Mapped[Milestone | None] = relationship()
    label_links: Mapped[set[IssueLabel]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )
    label_ids: AssociationProxy[set[int]] = association_proxy(
        "label_links", "label_id", creator=lambda label_id: IssueLabel(label_id=label_id)
    )
    labels: Mapped[list[Label]] = relationship(
        secondary="issue_labels", order_by=[func.lower(Label.name), Label.id], viewonly=True
    )
    subscriptions: Mapped[dict[int, IssueSubscription]] = relationship(
        collection_class=attribute_keyed_dict("user_id"),
        cascade="all, delete-orphan",
        passive_deletes=True,
    )
    # The id exists only once the event is stored, hence the second statement (post_update).
    last_event: Mapped[Event | None] = relationship(
        primaryjoin="foreign(Issue.last_event_id) == Event.id", post_update=True
    )

    @property
    def is_open(self) -> bool:
        return self.state is State.OPEN

    @property
    def is_overdue(self) -> bool:
        """Whether it should have been done by now; a closed issue never is."""
        return self.is_open and self.due_at is not None and self.due_at < now()


class IssueSubscription(Base):
    """Someone hears of what happens to an issue."""

    __tablename__ = "issue_subscriptions"

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    reason: Mapped[SubscriptionReason] = mapped_column(words(SubscriptionReason))
