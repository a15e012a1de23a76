from __future__ import annotations

import datetime as dt
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ponytracker.milestones.burn_up import MAX_POINTS, Chart, Point, Step, burn_up
from ponytracker.models import EventKind

BEGIN = dt.date(2026, 1, 1)
KINDS = [EventKind.MILESTONED, EventKind.DEMILESTONED, EventKind.CLOSED, EventKind.REOPENED]

EVENTS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 4), st.sampled_from(KINDS), st.booleans()),
    max_size=40,
).map(lambda rows: [Step(day(after), *rest) for after, *rest in sorted(rows)])


def day(after):
    return BEGIN + dt.timedelta(after)


def at_the_end_of(last, steps):
    """Return what the chart should say of a day: what each issue is, by all its steps so far."""
    scope = done = 0
    for issue in {step.issue_id for step in steps}:
        is_under = is_closed = False
        for step in steps:
            if step.issue_id == issue and step.day <= last:
                match step.kind:
                    case EventKind.MILESTONED:
                        is_under = step.is_about
                    case EventKind.DEMILESTONED:
                        is_under = False
                    case EventKind.CLOSED | EventKind.REOPENED:
                        is_closed = step.kind is EventKind.CLOSED
        scope += is_under
        done += is_under and is_closed
    return Point(last, scope, done)


@given(steps=EVENTS, end=st.integers(0, 80).map(day))
def test_each_day_is_as_the_events_have_left_it(steps, end):
    points = burn_up(steps, end)
    firsts = [step.day for step in steps if step.kind is EventKind.MILESTONED and step.is_about]
    if not firsts:
        assert points == []
        return
    last = max(end, *(step.day for step in steps))
    days = [day(after) for after in range((last - BEGIN).days + 1)]
    expected = [at_the_end_of(one, steps) for one in days if one >= min(firsts)]
    assert points == expected


@given(steps=EVENTS, years=st.integers(1, 7000))
def test_a_long_time_has_no_more_points(steps, years):
    end = BEGIN + dt.timedelta(365 * years)
    points = burn_up(steps, end)
    if not points:
        return
    assert len(points) <= MAX_POINTS
    assert points == [at_the_end_of(point.day, steps) for point in points]
    assert points[-1].day == end
    apart = {(b.day - a.day).days for a, b in pairwise(points)}
    assert len(apart) == 1
    assert apart.pop() % 7 == 0 or years == 1


def test_the_picture():
    points = [Point(day(0), 2, 0), Point(day(1), 4, 1), Point(day(2), 4, 4)]
    chart = Chart(points, due=day(1))
    assert chart.top == 4
    assert chart.scope_line == "0,50 50,0 100,0"
    assert chart.done_line == "0,100 50,75 100,0"
    assert chart.done_area == "0,100 0,100 50,75 100,0 100,100"
    assert chart.due_across == 50
    assert Chart(points, due=day(2)).due_across is None
    assert Chart(points, due=day(9)).due_across is None


def test_the_picture_of_one_day():
    chart = Chart([Point(day(0), 2, 1)], due=day(0))
    assert (chart.scope_line, chart.done_line) == ("0,0 100,0", "0,50 100,50")
    assert chart.due_across is None


def test_the_picture_of_issues_that_have_all_left():
    chart = Chart([Point(day(0), 0, 0), Point(day(1), 0, 0)])
    assert (chart.top, chart.scope_line) == (1, "0,100 100,100")
