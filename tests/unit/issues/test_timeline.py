from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.issues.timeline import FOLDED_WITHIN, ICONS, Change, fold
from ponytracker.models import Event, EventKind

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def event(kind, *, minutes=0, actor_id=1, issue_id=1, id=None, **args):  # noqa: A002
    at = START + dt.timedelta(minutes=minutes)
    return Event(
        id=id, kind=kind, actor_id=actor_id, issue_id=issue_id, created_at=at, args=args or {}
    )


@st.composite
def timelines(draw):
    events, minutes = [], 0
    for id_ in range(1, draw(st.integers(0, 30)) + 1):
        minutes += draw(st.sampled_from([0, 0, 1, 20, 45, 61]))
        kind = draw(st.sampled_from(list(EventKind)))
        events.append(
            event(
                kind,
                id=id_,
                minutes=minutes,
                actor_id=draw(st.sampled_from([1, 1, 1, 2, None])),
                issue_id=draw(st.sampled_from([1, 1, 1, 2])),
                name=draw(st.sampled_from("xyz")),
                username=draw(st.sampled_from("xyz")),
            )
        )
    return events


@given(timelines())
def test_folding_loses_no_event_and_keeps_their_order(events):
    entries = fold(events)
    assert [event for entry in entries for event in entry.events] == events


@given(timelines())
def test_only_what_one_person_did_to_one_issue_in_an_hour_folds(events):
    for entry in fold(events):
        if len(entry.events) == 1:
            continue
        assert len({(event.actor_id, event.issue_id) for event in entry.events}) == 1
        assert entry.events[-1].created_at - entry.event.created_at <= FOLDED_WITHIN
        assert None not in {event.actor_id for event in entry.events}
        assert not {EventKind.COMMENTED, EventKind.CLOSED} & {e.kind for e in entry.events}


@given(timelines())
def test_folding_what_is_folded_changes_nothing(events):
    once = fold(events)
    assert [fold(entry.events) for entry in once] == [[entry] for entry in once]


@given(timelines(), st.sets(st.integers(1, 30)))
def test_a_line_is_new_when_one_of_its_events_is(events, new):
    for entry in fold(events, new):
        assert entry.is_new == bool(new & {event.id for event in entry.events})


LABELED, UNLABELED = EventKind.LABELED, EventKind.UNLABELED
PUT, TAKEN = EventKind.MILESTONED, EventKind.DEMILESTONED
ASSIGNED, UNASSIGNED = EventKind.ASSIGNED, EventKind.UNASSIGNED


def test_labels_and_milestones_are_one_line():
    (entry,) = fold(
        [
            event(LABELED, name="bug"),
            event(TAKEN, name="1.0", minutes=1),
            event(PUT, name="2.0", minutes=1),
            event(UNLABELED, name="wip", minutes=60),
        ]
    )
    assert [label["name"] for label in entry.labels_added] == ["bug"]
    assert [label["name"] for label in entry.labels_removed] == ["wip"]
    assert entry.milestone == Change("1.0", "2.0")
    assert entry.assignee is None


@pytest.mark.parametrize(
    "between",
    [
        [event(EventKind.COMMENTED, minutes=1)],
        [event(LABELED, name="x", actor_id=2)],
        [event(LABELED, name="x", issue_id=2)],
        [event(ASSIGNED, username="x")],
        [event(EventKind.MILESTONE_RENAMED)],
    ],
)
def test_what_lies_between_ends_a_line(between):
    first, last = event(LABELED, name="bug"), event(LABELED, name="wip", minutes=2)
    assert len(fold([first, *between, last])) == 3
    assert len(fold([first, last])) == 1


@pytest.mark.parametrize(
    ("names", "change"),
    [
        ([(PUT, "1")], Change(None, "1")),
        ([(TAKEN, "1")], Change("1", None)),
        ([(TAKEN, "1"), (PUT, "2")], Change("1", "2")),
        ([(PUT, "1"), (TAKEN, "1"), (PUT, "2")], Change(None, "2")),
        ([(PUT, "1"), (TAKEN, "1")], Change(None, None)),
        ([(TAKEN, "1"), (PUT, "2"), (TAKEN, "2"), (PUT, "1")], Change("1", "1")),
    ],
)
def test_of_several_changes_the_line_says_what_came_of_them(names, change):
    (entry,) = fold([event(kind, name=name) for kind, name in names])
    assert entry.milestone == change


def test_assigning_another_is_one_line():
    (entry,) = fold([event(UNASSIGNED, username="bob"), event(ASSIGNED, username="carol")])
    assert entry.assignee == Change("bob", "carol")


def test_those_whom_a_text_mentions_are_one_line():
    events = [event(EventKind.MENTIONED, username=name) for name in ("bob", "carol", "bob")]
    (entry,) = fold(events)
    assert entry.mentioned == ["bob", "carol"]


def test_every_kind_has_an_icon():
    assert set(ICONS) == set(EventKind)
