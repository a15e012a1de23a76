"""What befell an issue, made whole: replaying it gives the state in which the archive found it.

An archive may tell no events, some, some twice, out of order, or under names that have changed
since. What is told is kept where it makes sense; what must have happened besides is added, by
nobody known: what was there from the start right after the opening, the rest at the end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ponytracker.importers.records import ImportedComment, ImportedEvent, ImportedIssue
from ponytracker.models import EventKind, State

Step = ImportedComment | ImportedEvent


@dataclasses.dataclass(frozen=True, slots=True)
class History:
    """The title an issue was opened with, and all that followed, in order."""

    title: str
    steps: tuple[Step, ...]


def reconstruct(issue: ImportedIssue) -> History:
    """Return the history of *issue*, in order of time.

    A step that the archive dates before the opening keeps its time, but comes after it.
    """
    past = _Past(issue)
    # A comment comes before the closing that it was sent with, in the same second.
    steps: list[Step] = [
        *issue.comments,
        *past.renames(),
        *past.state_changes(),
        *past.label_changes(),
        *past.milestone_changes(),
        *past.assignee_changes(),
    ]
    steps.sort(key=lambda step: max(step.at, issue.created_at))
    return History(past.first_title, tuple(steps))


class _Past:
    """What an archive tells of one issue; each property of it changes apart from the others."""

    def __init__(self, issue: ImportedIssue) -> None:
        self.issue = issue
        self.events = sorted(issue.events, key=lambda event: event.at)
        times = [comment.at for comment in issue.comments] + [event.at for event in issue.events]
        self.start = issue.created_at
        self.end = max(self.start, issue.closed_at or self.start, *times)
        renames = self._told(EventKind.RENAMED)
        self.first_title = renames[0].old_title if renames else issue.title

    def renames(self) -> Iterator[ImportedEvent]:
        title = self.first_title
        for event in self._told(EventKind.RENAMED):
            if event.subject != title:
                title = event.subject
                yield event
        if title != self.issue.title:
            yield ImportedEvent(
                EventKind.RENAMED,
                self.end,
                actor_known=False,
                old_title=title,
                subject=self.issue.title,
            )

    def state_changes(self) -> Iterator[ImportedEvent]:
        """Yield closings and reopenings by turns; the last closing is at the issue's `closed_at`.

        GitHub tells a closing twice where a commit and a person did it, and dates many of them a
        second after the `closed_at` that they caused.
        """
        turns: list[ImportedEvent] = []
        for event in self._told(EventKind.CLOSED, EventKind.REOPENED):
            if event.kind is (EventKind.REOPENED if len(turns) % 2 else EventKind.CLOSED):
                turns.append(event)
        closing = turns.pop() if len(turns) % 2 else None
        if self.issue.state is State.OPEN:
            yield from turns
            if closing:
                yield closing
                yield ImportedEvent(EventKind.REOPENED, self.end, actor_known=False)
            return
        at = self.issue.closed_at or (closing.at if closing else self.end)
        turns = [event for event in turns if event.at <= at]
        if len(turns) % 2:  # what reopened it came later than the archive's closing
            closing = turns.pop()
        if closing is None:
            closed_by = self.issue.closed_by
            closing = ImportedEvent(EventKind.CLOSED, at, closed_by, closed_by is not None)
        yield from turns
        yield dataclasses.replace(closing, at=at, reason=self.issue.state_reason or closing.reason)

    def label_changes(self) -> Iterator[ImportedEvent]:
        on, off = EventKind.LABELED, EventKind.UNLABELED
        present = [label.name for label in self.issue.labels]
        told = self._told(on, off)
        for name in dict.fromkeys([*(event.subject for event in told), *present]):
            events = [event for event in told if event.subject == name]
            final = name if name in present else None
            # Where there are events, one that none of them tells of was renamed to what it is.
            yield from self._changes(events, on, off, final, first=None if told else final)

    def milestone_changes(self) -> Iterator[ImportedEvent]:
        milestone = self.issue.milestone
        yield from self._property_changes(
            EventKind.MILESTONED, EventKind.DEMILESTONED, milestone.name if milestone else None
        )

    def assignee_changes(self) -> Iterator[ImportedEvent]:
        """Yield changes of the one assignee that an issue has here: who was assigned last."""
        yield from self._property_changes(
            EventKind.ASSIGNED, EventKind.UNASSIGNED, self.issue.assignee
        )

    def _property_changes(
        self, on: EventKind, off: EventKind, final: str | None
    ) -> Iterator[ImportedEvent]:
        told = self._told(on, off)
        yield from self._changes(told, on, off, final, first=None if told else final)

    def _changes(
        self,
        told: list[ImportedEvent],
        on: EventKind,
        off: EventKind,
        final: str | None,
        first: str | None,
    ) -> Iterator[ImportedEvent]:
        """Yield how something that was *first* was set and unset until it was *final*."""
        if told and told[0].kind is off:
            first = told[0].subject
        if first is not None:
            yield ImportedEvent(on, self.start, actor_known=False, subject=first)
        value = first
        for event in told:
            # A move to another milestone may be told as setting the new, then unsetting the old.
            if event.kind is on and event.subject != value:
                value = event.subject
                yield event
            elif event.kind is off and event.subject == value:
                value = None
                yield event
        if final is not None and value != final:
            yield ImportedEvent(on, self.end, actor_known=False, subject=final)
        elif final is None and value is not None:
            yield ImportedEvent(off, self.end, actor_known=False, subject=value)

    def _told(self, *kinds: EventKind) -> list[ImportedEvent]:
        return [event for event in self.events if event.kind in kinds]
