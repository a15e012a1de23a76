from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from ponytracker import markup
from ponytracker.errors import Conflict
from ponytracker.issues import service
from ponytracker.issues.recording import record_issue
from ponytracker.issues.replay import apply
from ponytracker.models import (
    AuditEntry,
    Event,
    EventKind,
    Issue,
    Label,
    Milestone,
    Project,
    State,
    TextRevision,
    User,
)
from ponytracker.security.principals import identify

DUE = [None, dt.datetime(2026, 7, 1, tzinfo=dt.UTC), dt.datetime(2026, 7, 2, 3, tzinfo=dt.UTC)]
WORDS = st.sampled_from(["one", "two", "*three*", ""])
TITLES = st.sampled_from(["It fails", "It fell", "\U0001f434"])
WHICH = st.integers(0, 1)

VERBS = st.one_of(
    st.tuples(st.just("comment"), WHICH, WORDS),
    st.tuples(st.just("close"), WHICH),
    st.tuples(st.just("reopen"), WHICH),
    st.tuples(st.just("comment_and_change_state"), WHICH, WORDS, st.sampled_from([None, *State])),
    st.tuples(st.just("edit"), WHICH, TITLES, WORDS, st.sampled_from(DUE)),
    st.tuples(st.just("label"), WHICH, st.integers(0, 2)),
    st.tuples(st.just("unlabel"), WHICH, st.integers(0, 2)),
    st.tuples(st.just("milestone"), WHICH, st.integers(0, 2)),
    st.tuples(st.just("due"), WHICH, st.sampled_from(DUE)),
    st.tuples(st.just("delete comment"), WHICH),
    st.tuples(st.just("assign"), WHICH, st.booleans()),
)


@dataclasses.dataclass
class Replayed:
    """An issue made of nothing but its events."""

    title: Any = None
    state: Any = None
    state_reason: Any = None
    closed_at: Any = None
    due_at: Any = None
    milestone_id: Any = None
    assignee_id: Any = None
    updated_at: Any = None
    comment_count: Any = None
    label_ids: set[int] = dataclasses.field(default_factory=set)


def replay(events):
    issue = Replayed()
    for event in events:
        apply(event, issue)
    return dataclasses.asdict(issue)


def as_stored(issue):
    names = [field.name for field in dataclasses.fields(Replayed)]
    row = {name: getattr(issue, name) for name in names}
    return {**row, "label_ids": set(issue.label_ids)}


def do(session, issue, actor, labels, milestones, verb, *arguments):
    match verb:
        case "comment":
            service.comment(session, issue, actor, text=arguments[0])
        case "close":
            service.close_issue(session, issue, actor)
        case "reopen":
            service.reopen_issue(session, issue, actor)
        case "comment_and_change_state":
            text, state = arguments
            service.comment_and_change_state(session, issue, actor, text=text, state=state)
        case "edit":
            title, text, due_at = arguments
            service.edit_issue(session, issue, actor, title=title, text=text, due_at=due_at)
        case "label" | "unlabel":
            change = service.add_label if verb == "label" else service.remove_label
            label = labels[arguments[0]]
            is_new = (label.id in issue.label_ids) == (verb == "unlabel")
            assert (change(session, issue, actor, label) is not None) == is_new
        case "milestone":
            service.set_milestone(session, issue, actor, (None, *milestones)[arguments[0]])
        case "assign":
            service.assign(session, issue, actor, actor if arguments[0] else None)
        case "due":
            service.set_due_date(session, issue, actor, arguments[0])
        case "delete comment":
            session.flush()
            comments = select(Event).where(
                Event.issue_id == issue.id,
                Event.kind == EventKind.COMMENTED,
                Event.deleted_at.is_(None),
            )
            if found := session.scalars(comments).first():
                service.delete_comment(session, found, actor)


@given(verbs=st.lists(VERBS, max_size=12), together=st.booleans())
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_happens_the_events_tell_what_there_is(database, verbs, together):
    with database.session(write=True) as session:
        actor = User(username="alice")
        project = Project(name="web", display_name="Web")
        session.add_all([actor, project])
        session.flush()
        labels = [Label(project_id=project.id, name=f"label{n}") for n in range(3)]
        milestones = [Milestone(project_id=project.id, name=n, slug=n) for n in ("1.0", "2.0")]
        session.add_all([*labels, *milestones])
        session.flush()
        issues = [
            service.open_issue(session, project, actor, title="It fails", due_at=due)
            for due in DUE[:2]
        ]
        for verb, which, *arguments in verbs:
            if not together:
                session.flush()
                session.expire_all()
            issue = issues[which]
            before = issue.state
            try:
                do(session, issue, actor, labels, milestones, verb, *arguments)
            except Conflict:
                assert before is (State.CLOSED if verb == "close" else State.OPEN)
        session.flush()
        session.expire_all()
        for issue in issues:
            events = session.scalars(
                select(Event).where(Event.issue_id == issue.id).order_by(Event.id)
            ).all()
            assert as_stored(issue) == replay(events)
            assert issue.last_event_id == events[-1].id
            assert events[0].kind is EventKind.OPENED
            assert {event.project_id for event in events} == {project.id}
            assert [event.html for event in events if event.text is not None] == [
                markup.render(event.text) for event in events if event.text is not None
            ]
        in_state = dict(
            session.execute(
                select(Issue.state, func.count())
                .where(Issue.project_id == project.id)
                .group_by(Issue.state)
            ).all()
        )
        assert project.open_count == in_state.get(State.OPEN, 0)
        assert project.closed_count == in_state.get(State.CLOSED, 0)
        assert project.last_issue_number == 2
        session.rollback()


@given(texts=st.lists(WORDS, max_size=6))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_revisions_hold_every_text_there_was(database, texts):
    with database.session(write=True) as session:
        editors = [User(username="alice"), User(username="bob")]
        project = Project(name="web", display_name="Web")
        session.add_all([*editors, project])
        session.flush()
        issue = service.open_issue(session, project, editors[0], title="x", text="zero")
        written = [("zero", editors[0].id)]
        for number, text in enumerate(texts):
            editor = editors[number % 2]
            changed = service.edit_issue(session, issue, editor, title="x", text=text, due_at=None)
            assert changed == (text != written[-1][0])
            if changed:
                written.append((text, editor.id))
        session.flush()
        revisions = session.scalars(select(TextRevision).order_by(TextRevision.id)).all()
        now = service.find_description(session, issue)
        kept = [(revision.text, revision.author_id) for revision in revisions]
        assert [*kept, (now.text, now.editor_id or now.actor_id)] == written
        session.rollback()


@pytest.fixture
def alice(world):
    return world.user("alice")


def test_numbers_are_not_used_twice(world, session, alice):
    project = world.project("web")
    issues = [world.issue(project, alice) for _ in range(3)]
    session.delete(issues[2])
    session.commit()
    assert world.issue(project, alice).number == 4


def test_an_issue_that_had_a_number_keeps_it_and_later_ones_follow(world, session, alice):
    project = world.project("web")
    for number in (7, 3):
        service.lock_project(session, project)
        record_issue(session, project, alice, number=number, title="x", text="")
    assert world.issue(project, alice).number == 8
    assert project.open_count == 3


def test_times_of_long_ago_are_kept(world, session, alice):
    then = dt.datetime(2009, 5, 6, 7, 8, 9, 123456, tzinfo=dt.UTC)
    issue = world.issue(world.project("web"), alice, at=then)
    session.expire_all()
    assert issue.created_at == issue.updated_at == issue.last_event.created_at == then


def test_whoever_writes_hears_of_what_follows_once_and_for_the_first_reason(world, session, alice):
    bob = world.user("bob")
    issue = world.issue(world.project("web"), alice)
    for author in (alice, bob, bob, None):
        service.comment(session, issue, author, text="x")
    session.commit()
    reasons = {user_id: row.reason for user_id, row in issue.subscriptions.items()}
    assert reasons == {alice.id: "author", bob.id: "commented"}


def test_a_change_that_another_session_has_made_is_seen_before_it_is_made_again(
    world, session, database, alice
):
    issue = world.issue(world.project("web"), alice)
    assert issue.is_open
    session.commit()
    with database.session(write=True) as other:
        service.close_issue(other, other.get_one(Issue, issue.id), other.get_one(User, alice.id))
        other.commit()
    with pytest.raises(Conflict):
        service.close_issue(session, issue, alice)
    session.rollback()


@pytest.fixture
def issue(world):
    return world.issue(world.project("web"), world.user("alice"))


def kinds(session, issue):
    session.flush()
    events = select(Event.kind).where(Event.issue_id == issue.id).order_by(Event.id)
    return [kind.value for kind in session.scalars(events)]


def test_from_one_milestone_to_another_are_two_events(session, issue):
    rows = [Milestone(project_id=issue.project_id, name=n, slug=n) for n in ("1.0", "2.0")]
    session.add_all(rows)
    session.flush()
    for milestone in (*rows, rows[1], None, None):
        service.set_milestone(session, issue, issue.author, milestone)
    assert kinds(session, issue)[1:] == [
        "milestoned",
        "demilestoned",
        "milestoned",
        "demilestoned",
    ]


def test_whoever_is_assigned_hears_of_the_issue(world, session, issue):
    bob, carol = world.user("bob"), world.user("carol")
    for user in (bob, bob, carol, None):
        service.assign(session, issue, issue.author, user)
    assert kinds(session, issue)[1:] == ["assigned", "unassigned", "assigned", "unassigned"]
    assert {bob.id, carol.id} <= set(issue.subscriptions)


@pytest.mark.parametrize("what", ["label", "milestone"])
def test_what_was_deleted_meanwhile_is_not_put_on_an_issue(session, issue, what):
    row = Label(name="old") if what == "label" else Milestone(name="old", slug="old")
    row.project_id, row.deleted = issue.project_id, True
    session.add(row)
    session.flush()
    add = service.add_label if what == "label" else service.set_milestone
    with pytest.raises(Conflict):
        add(session, issue, issue.author, row)
    assert kinds(session, issue) == ["opened"]


def test_a_deleted_comment_is_empty_with_all_its_versions(session, issue):
    comment = service.comment(session, issue, issue.author, text="secret")
    session.flush()
    service.edit_comment(session, comment, issue.author, text="not so secret")
    service.delete_comment(session, comment, issue.author)
    session.flush()
    assert (comment.text, comment.html, issue.comment_count) == (None, None, 0)
    assert session.scalars(select(TextRevision)).all() == []
    assert kinds(session, issue) == ["opened", "commented", "comment_deleted"]
    with pytest.raises(Conflict):
        service.delete_comment(session, comment, issue.author)
    with pytest.raises(Conflict):
        service.edit_comment(session, comment, issue.author, text="back again")


@pytest.mark.parametrize("state", State)
def test_a_deleted_issue_counts_no_more(world, session, issue, state):
    project, alice = issue.project, issue.author
    if state is State.CLOSED:
        service.close_issue(session, issue, alice)
    session.flush()
    service.delete_issue(session, issue, identify(session, alice))
    session.commit()
    assert (project.open_count, project.closed_count) == (0, 0)
    assert session.scalars(select(Event)).all() == []
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "issue.delete")).one()
    assert (entry.target, entry.actor_name) == ("web#1", "alice")
    assert world.issue(project).number == 2
