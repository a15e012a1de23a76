"""The timeline of an issue, ready to be read: its events with who did them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from ponytracker.models import Event, EventKind, Issue

ICONS = {
    EventKind.CLOSED: "issue-closed",
    EventKind.REOPENED: "issue-reopened",
    EventKind.RENAMED: "pencil",
    EventKind.LABELED: "tag",
    EventKind.UNLABELED: "tag",
    EventKind.MILESTONED: "milestone",
    EventKind.MILESTONE_RENAMED: "milestone",
    EventKind.DEMILESTONED: "milestone",
    EventKind.ASSIGNED: "person",
    EventKind.UNASSIGNED: "person",
    EventKind.DUE_SET: "calendar",
    EventKind.DUE_CHANGED: "calendar",
    EventKind.DUE_UNSET: "calendar",
    EventKind.COMMENT_DELETED: "trash",
    EventKind.REFERENCED: "cross-reference",
    EventKind.MENTIONED: "person",
}
"""The icon of each event that is one line; a description or comment shows its text instead."""


def read_timeline(session: Session, issue: Issue) -> Sequence[Event]:
    """Return all events of *issue*, in order, with their actors: one query."""
    return session.scalars(
        select(Event)
        .where(Event.issue_id == issue.id)
        .order_by(Event.id)
        .options(joinedload(Event.actor))
    ).all()
