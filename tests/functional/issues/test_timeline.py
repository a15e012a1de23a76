"""How the timeline of an issue reads, and what nobody may learn from it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from ponytracker.issues import service
from ponytracker.issues.recording import record
from ponytracker.models import Access, Event, EventKind, Label, Milestone
from ponytracker.models.base import now
from tests.databases import count_queries


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def issue(world, web, alice):
    return world.issue(web, alice, title="It fails", text="As *always*")


@pytest.fixture
def labels(session, web):
    return {label.name: label for label in session.scalars(select(Label))}


@pytest.fixture
def milestones(session, web):
    rows = [Milestone(project_id=web.id, name=name, slug=name) for name in ("1.0", "2.0")]
    session.add_all(rows)
    session.commit()
    return rows


def lines(page):
    return [" ".join(line.text.split()) for line in page.html.select(".timeline > li")]


def test_changes_of_labels_and_milestones_are_one_line(
    issue, alice, session, labels, milestones, visitor
):
    service.add_label(session, issue, alice, labels["bug"])
    service.add_label(session, issue, alice, labels["feature"])
    service.remove_label(session, issue, alice, labels["bug"])
    service.set_milestone(session, issue, alice, milestones[0])
    service.set_milestone(session, issue, alice, milestones[1])
    session.commit()
    page = visitor.get("/web/issues/1/")
    assert len(lines(page)) == 2
    assert lines(page)[1].startswith(
        "alice added bug feature and removed bug and added this to the milestone 2.0"
    )
    for event in session.scalars(select(Event)):
        assert len(page.html.select(f"#event-{event.id}")) == 1


@pytest.mark.parametrize(
    ("steps", "read"),
    [
        ([0], "alice added this to the milestone 1.0"),
        ([0, None], "alice changed the milestone and changed it back"),
    ],
)
def test_how_changes_of_a_milestone_read(issue, alice, session, milestones, visitor, steps, read):
    for step in steps:
        to = None if step is None else milestones[step]
        service.set_milestone(session, issue, alice, to)
    session.commit()
    assert lines(visitor.get("/web/issues/1/"))[-1].startswith(read)


def test_moving_on_to_the_next_milestone(issue, world, session, milestones, visitor):
    bob = world.user("bob")
    service.set_milestone(session, issue, bob, milestones[0])
    session.flush()
    for event in session.scalars(select(Event).where(Event.kind == EventKind.MILESTONED)):
        event.created_at = now() - dt.timedelta(hours=2)
    service.set_milestone(session, issue, bob, milestones[1])
    session.commit()
    page = visitor.get("/web/issues/1/")
    assert len(lines(page)) == 3
    assert lines(page)[-1].startswith("bob moved this from the milestone 1.0 to 2.0")
    service.set_milestone(session, issue, world.user("carol"), None)
    session.commit()
    removed = lines(visitor.get("/web/issues/1/"))[-1]
    assert removed.startswith("carol removed this from the milestone 2.0")


def test_assigning_reads_as_one_line(issue, alice, world, session, visitor):
    bob, carol, dave = (world.user(name) for name in ("bob", "carol", "dave"))
    for actor, user, read in (
        (alice, bob, "alice assigned bob"),
        (carol, dave, "carol assigned dave instead of bob"),
        (alice, None, "alice unassigned dave"),
    ):
        service.assign(session, issue, actor, user)
        session.commit()
        assert lines(visitor.get("/web/issues/1/"))[-1].startswith(read)


@pytest.mark.parametrize("reason", ["completed", "not planned", "a duplicate"])
def test_the_reason_for_closing_is_said(issue, alice, session, visitor, reason):
    word = reason.removeprefix("a ").replace(" ", "_")
    record(session, issue, EventKind.CLOSED, alice, args={"reason": word})
    session.commit()
    page = visitor.get("/web/issues/1/")
    assert lines(page)[-1].startswith(f"alice closed this issue as {reason}")
    assert f"as {reason}" in page.html.select_one(".issue-state").text


def test_a_mention_says_whom(issue, alice, world, session, visitor):
    for name in ("bob", "carol"):
        record(
            session,
            issue,
            EventKind.MENTIONED,
            alice,
            about=world.user(name),
            args={"username": name},
        )
    session.commit()
    assert lines(visitor.get("/web/issues/1/"))[-1].startswith("alice mentioned bob, carol")


# References


@pytest.fixture
def refer(session, alice):
    """Return a function by which alice has referred to an issue in another."""

    def refer(issue, source):
        opened = service.find_description(session, source)
        args = {"event_id": opened.id}
        record(session, issue, EventKind.REFERENCED, alice, about=source, args=args)
        session.commit()
        return opened.id

    return refer


def test_a_reference_leads_to_where_it_was_made(world, web, issue, refer, visitor):
    here = world.issue(web, title="Near")
    there = world.issue(world.project("app"), title="Far <b>")
    near, far = refer(issue, here), refer(issue, there)
    page = visitor.get("/web/issues/1/")
    found = page.html.select(".timeline-event a[href*=issues]")
    assert [(link.text, link["href"]) for link in found] == [
        ("#2 Near", f"/web/issues/2/#event-{near}"),
        ("app#1 Far <b>", f"/app/issues/1/#event-{far}"),
    ]
    assert lines(page)[-1].startswith("alice referenced this in app#1 Far <b>")


def test_a_reference_is_shown_to_who_may_see_where_it_was_made(
    world, issue, refer, visitor, visitor_as
):
    secret = world.project("secret", access=Access.PRIVATE)
    hidden = world.issue(secret, title="Hidden")
    world.grant("create_comment", project=secret, user_id=world.user("bob").id)
    world.user("carol")
    refer(issue, hidden)
    for browser, is_shown in (
        (visitor, False),
        (visitor_as("carol"), False),
        (visitor_as("bob"), True),
    ):
        for address in ("issues/1/", "activity/"):
            page = browser.get(f"/web/{address}")
            assert ("Hidden" in page) == is_shown
            assert ("referenced" in page) == is_shown
            assert ("secret" in page.html.select_one("main").text) == is_shown


def test_a_hidden_reference_does_not_part_what_folds(
    world, issue, alice, session, labels, refer, visitor
):
    hidden = world.issue(world.project("secret", access=Access.PRIVATE))
    service.add_label(session, issue, alice, labels["bug"])
    refer(issue, hidden)
    service.add_label(session, issue, alice, labels["feature"])
    session.commit()
    read = lines(visitor.get("/web/issues/1/"))
    assert len(read) == 2
    assert read[1].startswith("alice added the labels bug feature")


def test_references_are_asked_for_at_once(world, web, issue, refer, database, visitor_as):
    browser = visitor_as("alice")
    counts = []
    for number in range(1, 5):
        for name in ("a", "b"):
            refer(issue, world.issue(world.project(f"{name}{number}")))
        with count_queries(database) as queries:
            browser.get("/web/issues/1/")
        counts.append(len(queries))
    assert len(set(counts)) == 1


# Deleted comments, permanent links


def test_a_deleted_comment_leaves_a_line(issue, alice, world, session, visitor):
    comment = service.comment(session, issue, alice, text="Never *mind*")
    session.flush()
    service.delete_comment(session, comment, world.user("bob"))
    session.commit()
    page = visitor.get("/web/issues/1/")
    assert "mind" not in page.html.select_one("main").text
    tombstone, deleted = lines(page)[1:]
    assert tombstone.startswith("A comment by alice was deleted")
    assert deleted.startswith("bob deleted a comment")
    assert page.html.select(f".timeline-event a[href='#event-{comment.id}']")
    assert page.html.select_one(f"li#event-{comment.id}").text.split()[:4] == [
        "A",
        "comment",
        "by",
        "alice",
    ]
    assert "0 comments" in page.html.select_one(".issue-state").text


def test_a_permanent_link_leads_to_the_comment(issue, alice, session, visitor):
    comment = service.comment(session, issue, alice, text="x")
    session.commit()
    answer = visitor.get(f"/web/issues/1/comments/{comment.id}/")
    assert answer.location == f"http://localhost/web/issues/1/#event-{comment.id}"
    for wrong in (comment.id + 1, 0, "x", service.find_description(session, issue).id):
        visitor.get(f"/web/issues/1/comments/{wrong}/", status=404)
