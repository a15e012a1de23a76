"""What each kind of event does to its issue: replaying them all from nothing gives the issue."""

from __future__ import annotations

import datetime as dt
from typing import Any, Protocol

from ponytracker.models import Event, EventKind, State, StateReason


class _IdSet(Protocol):
    def add(self, value: Any, /) -> None: ...
    def discard(self, value: Any, /) -> None: ...


class Replayed(Protocol):
    """The part of an issue that follows from its events: a row, or a plain object in a test."""

    title: Any
    state: Any
    state_reason: Any
    closed_at: Any
    due_at: Any
    milestone_id: Any
    assignee_id: Any
    updated_at: Any
    comment_count: Any

    @property
    def label_ids(self) -> _IdSet: ...


MENTIONS = frozenset({EventKind.REFERENCED, EventKind.MENTIONED})
"""Events that only say where an issue or a person was spoken of."""


def apply(event: Event, issue: Replayed) -> None:
    """Change *issue* as *event* says.

    What was said of it elsewhere changes nothing: the issue must not tell of what may be hidden.
    """
    args = event.args
    if event.kind not in MENTIONS:
        issue.updated_at = event.created_at
    match event.kind:
        case EventKind.OPENED:
            issue.title = args["title"]
            issue.state = State.OPEN
            issue.comment_count = 0
        case EventKind.COMMENTED:
            issue.comment_count += 1
        case EventKind.COMMENT_DELETED:
            issue.comment_count -= 1
        case EventKind.CLOSED:
            issue.state = State.CLOSED
            issue.state_reason = StateReason(args["reason"]) if args.get("reason") else None
            issue.closed_at = event.created_at
        case EventKind.REOPENED:
            issue.state = State.OPEN
            issue.state_reason = issue.closed_at = None
        case EventKind.RENAMED:
            issue.title = args["new_title"]
        case EventKind.LABELED:
            issue.label_ids.add(event.label_id)
        case EventKind.UNLABELED:
            issue.label_ids.discard(event.label_id)
        case EventKind.MILESTONED:
            issue.milestone_id = event.milestone_id
        case EventKind.DEMILESTONED:
            issue.milestone_id = None
        case EventKind.ASSIGNED:
            issue.assignee_id = event.user_id
        case EventKind.UNASSIGNED:
            issue.assignee_id = None
        case EventKind.DUE_SET | EventKind.DUE_CHANGED:
            issue.due_at = dt.datetime.fromisoformat(args["due_at"])
        case EventKind.DUE_UNSET:
            issue.due_at = None
        case EventKind.MILESTONE_RENAMED | EventKind.REFERENCED | EventKind.MENTIONED:
            pass
