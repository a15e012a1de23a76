import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.importers.history import History, reconstruct
from ponytracker.importers.records import (
    ImportedComment,
    ImportedEvent,
    ImportedIssue,
    ImportedLabel,
    ImportedMilestone,
)
from ponytracker.issues.replay import apply
from ponytracker.models import EventKind, State, StateReason


def at(second: int) -> dt.datetime:
    return dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC) + dt.timedelta(seconds=second)


def issue(*events: ImportedEvent, **keys: Any) -> ImportedIssue:
    defaults = {
        "number": 1,
        "title": "Now",
        "text": "",
        "author": "ada",
        "created_at": at(0),
        "state": State.CLOSED if "closed_at" in keys else State.OPEN,
    }
    return ImportedIssue(**{**defaults, "events": events, **keys})  # type: ignore[arg-type]


def event(kind: EventKind, second: int, subject: str = "", **keys: Any) -> ImportedEvent:
    return ImportedEvent(kind, at(second), keys.pop("actor", "bob"), subject=subject, **keys)


def told(history: History) -> list[tuple[str, int, str]]:
    """Kind, second and subject of each step, in short."""
    return [
        (step.kind, (step.at - at(0)).seconds, step.subject)
        if isinstance(step, ImportedEvent)
        else ("commented", (step.at - at(0)).seconds, step.text)
        for step in history.steps
    ]


def replay(issue: ImportedIssue) -> Any:
    """Return what replaying the history of *issue* gives, names standing for ids."""
    history = reconstruct(issue)
    keys = {
        EventKind.LABELED: "label_id",
        EventKind.UNLABELED: "label_id",
        EventKind.MILESTONED: "milestone_id",
        EventKind.ASSIGNED: "user_id",
    }
    result = SimpleNamespace(
        state_reason=None, closed_at=None, milestone_id=None, assignee_id=None, label_ids=set()
    )
    opening = SimpleNamespace(
        kind=EventKind.OPENED, created_at=issue.created_at, args={"title": history.title}
    )
    apply(opening, result)  # type: ignore[arg-type]
    for step in history.steps:
        kind, about = EventKind.COMMENTED, {}
        args: dict[str, Any] = {}
        if isinstance(step, ImportedEvent):
            # Projects count their open and closed issues by these.
            assert step.kind is not EventKind.CLOSED or result.state is State.OPEN
            assert step.kind is not EventKind.REOPENED or result.state is State.CLOSED
            kind = step.kind
            about = {keys.get(kind, "ignored"): step.subject}
            args = {"new_title": step.subject, "reason": step.reason}
        event = SimpleNamespace(kind=kind, created_at=step.at, args=args, **about)
        apply(event, result)  # type: ignore[arg-type]
    return result


def test_state_without_events_is_set_by_nobody_known():
    closed = issue(
        closed_at=at(9),
        labels=(ImportedLabel("bug"),),
        milestone=ImportedMilestone("1.0"),
        assignee="eve",
        comments=(ImportedComment("bob", at(5), "Hm."),),
    )
    history = reconstruct(closed)
    assert told(history) == [
        ("labeled", 0, "bug"),
        ("milestoned", 0, "1.0"),
        ("assigned", 0, "eve"),
        ("commented", 5, "Hm."),
        ("closed", 9, ""),
    ]
    assert not any(isinstance(e, ImportedEvent) and e.actor_known for e in history.steps)


def test_closing_without_event_names_who_closed_it_where_that_is_told():
    (closing,) = reconstruct(issue(closed_at=at(9), closed_by="eve")).steps
    assert isinstance(closing, ImportedEvent)
    assert (closing.actor, closing.actor_known) == ("eve", True)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([("closed", 10)], [("closed", 9)], id="a second late"),
        pytest.param([("closed", 9), ("closed", 11)], [("closed", 9)], id="told twice"),
        pytest.param(
            [("closed", 3), ("reopened", 5), ("closed", 9)],
            [("closed", 3), ("reopened", 5), ("closed", 9)],
            id="reopened in between",
        ),
        pytest.param([("closed", 9), ("reopened", 12)], [("closed", 9)], id="reopened afterwards"),
        pytest.param([("reopened", 5)], [("closed", 9)], id="reopened without a closing"),
        pytest.param(
            [("closed", 3), ("reopened", 5)],
            [("closed", 3), ("reopened", 5), ("closed", 9)],
            id="last closing not told",
        ),
    ],
)
def test_last_closing_has_the_time_of_the_issue(events, expected):
    closed = issue(*(event(EventKind(kind), s) for kind, s in events), closed_at=at(9))
    assert [(kind, second) for kind, second, _ in told(reconstruct(closed))] == expected


def test_open_issue_whose_reopening_is_not_told_is_reopened_at_the_end():
    history = reconstruct(issue(event(EventKind.CLOSED, 3), event(EventKind.LABELED, 7, "x")))
    assert told(history)[-1][:2] == ("unlabeled", 7)
    assert ("reopened", 7, "") in told(history)


def test_reason_of_the_issue_counts_over_that_of_the_event():
    closing = event(EventKind.CLOSED, 9, reason=StateReason.COMPLETED)
    closed = issue(closing, closed_at=at(9), state_reason=StateReason.NOT_PLANNED)
    assert replay(closed).state_reason is StateReason.NOT_PLANNED


def test_comment_comes_before_the_closing_of_the_same_second():
    comment = ImportedComment("bob", at(9), "Done.")
    history = reconstruct(issue(event(EventKind.CLOSED, 9), closed_at=at(9), comments=(comment,)))
    assert [kind for kind, _, _ in told(history)] == ["commented", "closed"]


def test_comments_come_in_order_of_time():
    late, early = ImportedComment("bob", at(9), "2"), ImportedComment("bob", at(5), "1")
    assert reconstruct(issue(comments=(late, early))).steps == (early, late)


def test_what_is_dated_before_the_opening_keeps_its_time():
    early = ImportedComment("bob", at(0) - dt.timedelta(days=1), "Moved here.")
    assert reconstruct(issue(comments=(early,))).steps == (early,)


def test_first_renaming_tells_the_title_of_the_opening():
    history = reconstruct(issue(event(EventKind.RENAMED, 5, "Now", old_title="Then")))
    assert history.title == "Then"
    assert told(history) == [("renamed", 5, "Now")]


def test_renaming_that_is_not_told_is_added():
    history = reconstruct(issue(event(EventKind.RENAMED, 5, "Between", old_title="Then")))
    assert told(history) == [("renamed", 5, "Between"), ("renamed", 5, "Now")]


def test_label_that_was_only_taken_away_was_there_from_the_start():
    history = reconstruct(issue(event(EventKind.UNLABELED, 5, "old")))
    assert told(history) == [("labeled", 0, "old"), ("unlabeled", 5, "old")]


def test_label_that_was_renamed_is_exchanged_at_the_end():
    labeled = event(EventKind.LABELED, 5, "old name")
    history = reconstruct(issue(labeled, labels=(ImportedLabel("name"),)))
    assert told(history) == [
        ("labeled", 5, "old name"),
        ("unlabeled", 5, "old name"),
        ("labeled", 5, "name"),
    ]


def test_milestone_that_is_set_before_the_old_one_is_unset_stays():
    history = reconstruct(
        issue(
            event(EventKind.MILESTONED, 1, "1.0"),
            event(EventKind.MILESTONED, 5, "2.0"),
            event(EventKind.DEMILESTONED, 5, "1.0"),
            milestone=ImportedMilestone("2.0"),
        )
    )
    assert told(history) == [("milestoned", 1, "1.0"), ("milestoned", 5, "2.0")]


def test_one_assignee_is_kept_of_several():
    history = reconstruct(
        issue(
            event(EventKind.ASSIGNED, 1, "ada"),
            event(EventKind.ASSIGNED, 2, "bob"),
            assignee="ada",
        )
    )
    assert told(history) == [("assigned", 1, "ada"), ("assigned", 2, "bob"), ("assigned", 2, "ada")]


SECONDS = st.integers(-5, 50)
NAMES = st.sampled_from(["a", "b", "c"])


@st.composite
def issues(draw: st.DrawFn) -> ImportedIssue:
    events = [
        ImportedEvent(
            draw(st.sampled_from([*EventKind])),
            at(draw(SECONDS)),
            subject=draw(NAMES),
            old_title=draw(NAMES),
        )
        for _ in range(draw(st.integers(0, 12)))
    ]
    comments = [ImportedComment("x", at(s), "") for s in draw(st.lists(SECONDS, max_size=3))]
    state = draw(st.sampled_from(State))
    closed_at = at(draw(SECONDS)) if state is State.CLOSED and draw(st.booleans()) else None
    milestone = draw(st.none() | NAMES.map(ImportedMilestone))
    return issue(
        *events,
        title=draw(NAMES),
        comments=tuple(comments),
        state=state,
        closed_at=closed_at,
        labels=tuple(map(ImportedLabel, draw(st.sets(NAMES)))),
        milestone=milestone,
        assignee=draw(st.none() | NAMES),
    )


@given(issues())
def test_whatever_is_told_replaying_gives_the_final_state(issue):
    result = replay(issue)
    assert result.title == issue.title
    assert result.state is issue.state
    assert result.label_ids == {label.name for label in issue.labels}
    assert result.milestone_id == (issue.milestone and issue.milestone.name)
    assert result.assignee_id == issue.assignee
    assert result.comment_count == len(issue.comments)
    assert (result.closed_at is None) == (issue.state is State.OPEN)
    if issue.closed_at:
        assert result.closed_at == issue.closed_at


@given(issues())
def test_times_rise_but_for_those_before_the_opening(issue):
    times = [max(step.at, issue.created_at) for step in reconstruct(issue).steps]
    assert times == sorted(times)
