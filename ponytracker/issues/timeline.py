"""The timeline of an issue, ready to be read: its events, and which of them read as one line."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, defer, joinedload

from ponytracker.issues.unread import is_new
from ponytracker.models import Event, EventKind, Issue, Project
from ponytracker.security.principals import Identity
from ponytracker.security.visibility import may_see_project

ICONS = {
    EventKind.OPENED: "issue-opened",
    EventKind.COMMENTED: "comment",
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
"""The icon of each event that is one line."""

FOLDED_WITHIN = dt.timedelta(hours=1)
"""How long after the first of some changes another still belongs to them."""

_FAMILIES = {
    EventKind.LABELED: "sorting",
    EventKind.UNLABELED: "sorting",
    EventKind.MILESTONED: "sorting",
    EventKind.DEMILESTONED: "sorting",
    EventKind.ASSIGNED: "assignee",
    EventKind.UNASSIGNED: "assignee",
    EventKind.MENTIONED: "mentions",
}
"""Kinds whose events fold with each other."""


class Change(NamedTuple):
    """What something was before some events, and what it was after them; nothing, for none."""

    old: str | None
    new: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One piece of a timeline: a text, or a line about one event or several that were folded."""

    events: tuple[Event, ...]
    is_new: bool = False

    @property
    def event(self) -> Event:
        return self.events[0]

    @property
    def is_text(self) -> bool:
        """Whether this is a description or a comment, and not only a line."""
        return self.event.kind is EventKind.OPENED or (
            self.event.kind is EventKind.COMMENTED and not self.event.deleted_at
        )

    @property
    def labels_added(self) -> list[dict[str, Any]]:
        return self._labels(EventKind.LABELED)

    @property
    def labels_removed(self) -> list[dict[str, Any]]:
        return self._labels(EventKind.UNLABELED)

    def _labels(self, kind: EventKind) -> list[dict[str, Any]]:
        found = {event.args["name"]: event.args for event in self.events if event.kind is kind}
        return list(found.values())

    @property
    def milestone(self) -> Change | None:
        return self._change("name", EventKind.MILESTONED, EventKind.DEMILESTONED)

    @property
    def assignee(self) -> Change | None:
        return self._change("username", EventKind.ASSIGNED, EventKind.UNASSIGNED)

    def _change(self, argument: str, put: EventKind, taken: EventKind) -> Change | None:
        about = [event for event in self.events if event.kind in (put, taken)]
        if not about:
            return None
        first, last = about[0], about[-1]
        return Change(
            first.args[argument] if first.kind is taken else None,
            last.args[argument] if last.kind is put else None,
        )

    @property
    def mentioned(self) -> list[str]:
        return list(dict.fromkeys(event.args["username"] for event in self.events))


def read_timeline(session: Session, reader: Identity, issue: Issue) -> Sequence[Event]:
    """Return the events of *issue* that *reader* may see, in order, with their actors: one query.

    Their HTML is read, the texts it was made of are not.
    """
    source, place = aliased(Issue), Project
    return session.scalars(
        select(Event)
        .outerjoin(source, Event.source_issue_id == source.id)
        .outerjoin(place, source.project_id == place.id)
        .where(Event.issue_id == issue.id, is_shown(reader))
        .order_by(Event.id)
        .options(
            joinedload(Event.actor),
            contains_eager(Event.source_issue.of_type(source)).options(
                contains_eager(source.project)
            ),
            defer(Event.text),
        )
    ).all()


def is_shown(reader: Identity) -> ColumnElement[bool]:
    """Return the condition that *reader* may see the row of `Event`, joined with `Project`.

    That an issue was referenced tells of the project where that was, which is the one joined.
    """
    return or_(Event.kind != EventKind.REFERENCED, may_see_project(reader))


def fold(events: Iterable[Event], new: Collection[int] = ()) -> list[Entry]:
    """Return *events*, which are in order, with neighbouring changes of one person in one entry.

    Only what the reader may see is to be among them: nothing may tell of the rest, not even a line
    that ends before it. *new* are the ids of those unread.
    """
    runs: list[list[Event]] = []
    for event in events:
        if runs and _continues(runs[-1][0], event):
            runs[-1].append(event)
        else:
            runs.append([event])
    return [Entry(tuple(run), any(event.id in new for event in run)) for run in runs]


def _continues(first: Event, event: Event) -> bool:
    """Return whether *event* belongs to a run that began with *first*."""
    family = _FAMILIES.get(event.kind)
    return (
        family is not None
        and family == _FAMILIES.get(first.kind)
        and event.issue_id == first.issue_id
        and event.actor_id is not None
        and event.actor_id == first.actor_id
        and abs(event.created_at - first.created_at) <= FOLDED_WITHIN
    )


def find_comments(events: Iterable[Event]) -> list[Event]:
    """Return those of *events* that are comments and not deleted."""
    return [event for event in events if event.kind is EventKind.COMMENTED and not event.deleted_at]


def find_new(events: Iterable[Event], reader: Identity, mark: int) -> list[int]:
    """Return the ids of those of *events* that *reader*, who has read up to *mark*, has not."""
    if reader.user_id is None:
        return []
    return [event.id for event in events if is_new(event, reader.user_id, mark)]
