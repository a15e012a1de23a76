from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.issues import service
from ponytracker.models import Event, EventKind, Issue, IssueSubscription, SubscriptionReason


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def bob(world):
    return world.user("bob")


@pytest.fixture
def web(world):
    return world.project("web")


def told(session, kind):
    """Return who did it, on which issue, about which issue or user."""
    events = session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id))
    return [
        (
            event.actor.username,
            f"{event.issue.project.name}#{event.issue.number}",
            event.user.username
            if event.user
            else f"{event.source_issue.project.name}#{event.source_issue.number}",
        )
        for event in events
    ]


def test_a_reference_is_told_on_the_other_issue_once(world, session, web, alice):
    ops = world.project("ops")
    first, second = world.issue(web), world.issue(web, alice, text="like #1")
    for text in ("again #1", "web#1 and #2 itself, #99 which is not there"):
        service.comment(session, second, alice, text=text)
    service.open_issue(
        session, ops, alice, title="x", text="see web#1, http://localhost/web/issues/2/"
    )
    session.flush()
    assert told(session, EventKind.REFERENCED) == [
        ("alice", "web#1", "web#2"),
        ("alice", "web#1", "ops#1"),
        ("alice", "web#2", "ops#1"),
    ]
    event = session.scalars(select(Event).where(Event.kind == EventKind.REFERENCED)).first()
    assert event.args == {"event_id": service.find_description(session, second).id}
    assert first.updated_at == first.created_at
    assert first.last_event.kind is EventKind.OPENED


def test_an_edit_can_refer_and_mention_too(world, session, web, alice, bob):
    world.issue(web)
    second = world.issue(web, alice, text="nothing")
    service.edit_issue(session, second, alice, title="x", text="see #1, @bob", due_at=None)
    comment = service.comment(session, second, alice, text="y")
    session.flush()
    service.edit_comment(session, comment, alice, text="@bob, #1")
    assert told(session, EventKind.REFERENCED) == [("alice", "web#1", "web#2")]
    assert told(session, EventKind.MENTIONED) == [("alice", "web#2", "bob")]


def test_whoever_is_mentioned_hears_of_the_issue(world, session, web, alice, bob):
    issue = world.issue(web, alice, text="@bob and @alice and @nobody and `@carol`")
    service.comment(session, issue, alice, text="@Bob!")
    session.flush()
    assert told(session, EventKind.MENTIONED) == [("alice", "web#1", "bob")]
    subscription = session.get(IssueSubscription, (issue.id, bob.id))
    assert subscription.reason is SubscriptionReason.MENTIONED
    assert issue.last_event.kind is EventKind.COMMENTED


def test_only_what_the_author_may_see_is_found(world, session, web, alice, bob):
    secret = world.project("secret", access="private")
    hidden = world.issue(secret)
    world.issue(web, alice, text="secret#1")
    assert told(session, EventKind.REFERENCED) == []
    world.grant("create_issue", project=secret, user_id=alice.id)
    service.comment(session, hidden, alice, text="@bob, @alice, web#1")
    assert told(session, EventKind.MENTIONED) == []
    world.issue(web, alice, text="secret#1")
    assert told(session, EventKind.REFERENCED) == [
        ("alice", "web#1", "secret#1"),
        ("alice", "secret#1", "web#2"),
    ]


def test_an_archived_project_stays_as_it_is(world, session, web, alice):
    old = world.project("old")
    world.issue(old)
    old.archived = True
    session.commit()
    world.issue(web, alice, text="old#1")
    assert told(session, EventKind.REFERENCED) == []


def test_what_refers_is_gone_with_its_issue(world, session, web, alice):
    world.issue(web)
    second = world.issue(web, alice, text="#1")
    session.delete(second)
    session.flush()
    session.expire_all()
    assert session.scalars(select(Event.kind)).all() == [EventKind.OPENED]
    assert session.scalars(select(Issue.number)).all() == [1]
