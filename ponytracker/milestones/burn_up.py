"""The burn-up chart of a milestone: how many issues it had, and how many were done, day by day.

Both are read off the timelines of its issues, also of those that have left it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.models import Event, EventKind, Milestone
from ponytracker.models.base import now

MAX_POINTS = 400
"""How many points a chart has at most: more than can be told apart on a screen."""

_TOLD = (
    EventKind.MILESTONED,
    EventKind.DEMILESTONED,
    EventKind.CLOSED,
    EventKind.REOPENED,
)


class Step(NamedTuple):
    """An event, as far as it changes a chart."""

    day: dt.date
    issue_id: int
    kind: EventKind
    is_about: bool
    """Whether it is about this milestone, and not about another."""


class Point(NamedTuple):
    """The issues at the end of a day: all of them (*scope*), and those closed."""

    day: dt.date
    scope: int
    done: int


@dataclasses.dataclass(frozen=True, slots=True)
class Chart:
    """The points of a chart, and as they lie in a picture 100 wide and high, from its top left."""

    points: Sequence[Point]
    due: dt.date | None = None

    @property
    def first(self) -> Point:
        return self.points[0]

    @property
    def last(self) -> Point:
        return self.points[-1]

    @property
    def top(self) -> int:
        """The number at the upper edge."""
        return max(point.scope for point in self.points) or 1

    @property
    def scope_line(self) -> str:
        return self._line([point.scope for point in self.points])

    @property
    def done_line(self) -> str:
        return self._line([point.done for point in self.points])

    @property
    def done_area(self) -> str:
        return f"0,100 {self.done_line} 100,100"

    @property
    def due_across(self) -> float | None:
        """How far to the right the due date lies, if it is one of the days between the others."""
        is_between = self.due and self.first.day < self.due < self.last.day
        return self._across(self.due) if self.due and is_between else None

    def _across(self, day: dt.date) -> float:
        days = (self.last.day - self.first.day).days or 1
        return round((day - self.first.day).days * 100 / days, 2)

    def _line(self, numbers: Sequence[int]) -> str:
        places = [
            (self._across(point.day), round(100 - number * 100 / self.top, 2))
            for point, number in zip(self.points, numbers, strict=True)
        ]
        if len(places) == 1:  # a single day is as wide as the picture
            places.append((100, places[0][1]))
        return " ".join(f"{across:g},{down:g}" for across, down in places)


def read_burn_up(session: Session, milestone: Milestone, zone: dt.tzinfo) -> Chart | None:
    """Return the chart of *milestone*, by the days of *zone*: one query. None without an issue."""
    ever_under = select(Event.issue_id).where(
        Event.milestone_id == milestone.id, Event.kind == EventKind.MILESTONED
    )
    rows = session.execute(
        select(Event.created_at, Event.issue_id, Event.kind, Event.milestone_id)
        .where(Event.issue_id.in_(ever_under), Event.kind.in_(_TOLD))
        .order_by(Event.created_at, Event.id)
    )
    steps = [
        Step(at.astimezone(zone).date(), issue_id, kind, milestone_id == milestone.id)
        for at, issue_id, kind, milestone_id in rows
    ]
    end = (milestone.closed_at or now()).astimezone(zone).date()
    points = burn_up(steps, end)
    due = milestone.due_at and milestone.due_at.astimezone(zone).date()
    return Chart(points, due) if points else None


def burn_up(steps: Iterable[Step], end: dt.date) -> list[Point]:
    """Return the points from the first day on which there is an issue to *end*, or beyond it.

    *steps* come in the order in which they happened. Where there would be more than `MAX_POINTS`,
    there is one for each week, or each several weeks, up to the last day.
    """
    under: set[int] = set()
    closed: set[int] = set()
    changes: dict[dt.date, Point] = {}
    for step in steps:
        match step.kind:
            case EventKind.CLOSED:
                closed.add(step.issue_id)
            case EventKind.REOPENED:
                closed.discard(step.issue_id)
            case EventKind.MILESTONED if step.is_about:
                under.add(step.issue_id)
            case _:  # out of this one, or under another
                under.discard(step.issue_id)
        if under or changes:
            changes[step.day] = Point(step.day, len(under), len(under & closed))
    if not changes:
        return []
    return _evenly(changes, max(end, *changes))


def _evenly(changes: dict[dt.date, Point], last: dt.date) -> list[Point]:
    """Return points at equal distances up to *last*; between two changes all stays as it was."""
    changed = sorted(changes)
    days = (last - changed[0]).days
    apart = 1 if days < MAX_POINTS else 7 * (days // (7 * MAX_POINTS) + 1)
    points = []
    for after in range(days % apart, days + 1, apart):
        day = changed[0] + dt.timedelta(after)
        latest = changes[changed[bisect_right(changed, day) - 1]]
        points.append(latest._replace(day=day))
    return points
