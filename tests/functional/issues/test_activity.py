"""The activity of a project: how each kind of event reads there, and how far one can leaf."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from ponytracker.issues import activity, service
from ponytracker.issues.recording import record
from ponytracker.models import Access, Event, EventKind, Label, Milestone
from ponytracker.models.base import now
from tests.databases import count_queries

ACTIVITY = "/web/activity/"


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def issue(world, web, alice):
    return world.issue(web, alice, title="It <fails>")


def lines(page):
    return [" ".join(line.text.split()) for line in page.html.select(".timeline > li")]


SAID = {
    EventKind.OPENED: "alice opened #1 It <fails>",
    EventKind.COMMENTED: "alice commented on #1 It <fails>",
    EventKind.COMMENT_DELETED: "alice deleted a comment on #1 It <fails>",
    EventKind.CLOSED: "alice closed #1 It <fails>",
    EventKind.REOPENED: "alice reopened #1 It <fails>",
    EventKind.RENAMED: "alice changed the title of #1 <new> from <old> to <new>",
    EventKind.LABELED: "alice added the label <name> to #1 It <fails>",
    EventKind.UNLABELED: "alice removed the label <name> from #1 It <fails>",
    EventKind.MILESTONED: "alice added #1 It <fails> to the milestone <name>",
    EventKind.DEMILESTONED: "alice removed #1 It <fails> from the milestone <name>",
    EventKind.MILESTONE_RENAMED: "alice renamed the milestone <old> of #1 It <fails> to <new>",
    EventKind.ASSIGNED: "alice assigned <user> to #1 It <fails>",
    EventKind.UNASSIGNED: "alice unassigned <user> from #1 It <fails>",
    EventKind.DUE_SET: "alice set the due date of #1 It <fails> to Jul 1, 2026, 12:00 AM",
    EventKind.DUE_CHANGED: (
        "alice moved the due date of #1 It <fails> from Jun 1, 2026, 12:00 AM to Jul 1, 2026"
    ),
    EventKind.DUE_UNSET: "alice removed the due date of #1 It <fails>",
    EventKind.REFERENCED: "alice referenced #1 It <fails> in #2 Other",
    EventKind.MENTIONED: "alice mentioned <user> in #1 It <fails>",
}


def test_all_kinds_are_tried():
    assert set(SAID) == set(EventKind)


@pytest.mark.parametrize("kind", SAID)
def test_how_each_kind_of_event_reads(world, web, issue, alice, session, visitor, kind):
    other = world.issue(web, title="Other")
    label = session.scalars(select(Label)).first()
    milestone = Milestone(project_id=web.id, name="<name>", slug="name")
    session.add(milestone)
    session.flush()
    args = {
        "title": "It <fails>",
        "old_title": "<old>",
        "new_title": "<new>",
        "color": "#ff0000",
        "name": "<name>",
        "old_name": "<old>",
        "new_name": "<new>",
        "username": "<user>",
        "old_due_at": "2026-06-01T00:00:00+00:00",
        "due_at": "2026-07-01T00:00:00+00:00",
    }
    about = {
        EventKind.LABELED: label,
        EventKind.MILESTONED: milestone,
        EventKind.REFERENCED: other,
    }.get(kind)
    event = record(session, issue, kind, alice, about=about, args=args, text="x", at=now())
    session.commit()
    page = visitor.get(ACTIVITY)
    assert lines(page)[0].startswith(SAID[kind])
    assert page.html.select_one(f"a[href='/web/issues/1/#event-{event.id}']")


@pytest.mark.parametrize("reason", ["completed", "not planned", "a duplicate"])
def test_the_reason_for_closing_is_said(issue, alice, session, visitor, reason):
    word = reason.removeprefix("a ").replace(" ", "_")
    record(session, issue, EventKind.CLOSED, alice, args={"reason": word})
    session.commit()
    assert lines(visitor.get(ACTIVITY))[0].startswith(f"alice closed #1 It <fails> as {reason}")


def test_folded_changes_name_their_issue_once(issue, alice, session, visitor):
    for label in session.scalars(select(Label)).all()[:2]:
        service.add_label(session, issue, alice, label)
    service.remove_label(session, issue, alice, label)
    milestone = Milestone(project_id=issue.project_id, name="1.0", slug="1.0")
    session.add(milestone)
    session.flush()
    service.set_milestone(session, issue, alice, milestone)
    session.commit()
    assert lines(visitor.get(ACTIVITY))[0].startswith(
        "alice added bug feature and removed feature on #1 It <fails>"
        " and added it to the milestone 1.0"
    )


def test_what_was_done_to_two_issues_is_two_lines(world, web, issue, alice, session, visitor):
    label = session.scalars(select(Label)).first()
    for each in (issue, world.issue(web, alice, title="Other")):
        service.add_label(session, each, alice, label)
    session.commit()
    said = [line for line in lines(visitor.get(ACTIVITY)) if "label" in line]
    assert [line[:31] for line in said] == [
        "alice added the label bug to #2",
        "alice added the label bug to #1",
    ]


def test_a_deleted_comment_is_said_to_be(issue, alice, session, visitor):
    comment = service.comment(session, issue, alice, text="never mind")
    session.flush()
    service.delete_comment(session, comment, alice)
    session.commit()
    page = visitor.get(ACTIVITY)
    assert "never mind" not in page
    assert lines(page)[1].startswith("A comment by alice on #1 It <fails> was deleted")


def test_it_is_a_tab_of_the_project_for_whoever_sees_that(world, issue, visitor, visitor_as):
    page = visitor.get("/web/issues/").click("Activity")
    assert page.html.select_one(".nav-link[aria-current]").text.strip() == "Activity"
    world.user("bob")
    world.issue(world.project("secret", access=Access.PRIVATE))
    for name in ("secret", "absent"):
        visitor_as("bob").get(f"/{name}/activity/", status=404)


def test_other_projects_are_not_in_it(world, issue, visitor):
    world.issue(world.project("app"), title="Elsewhere")
    assert "Elsewhere" not in visitor.get(ACTIVITY)


def test_nothing_yet(web, visitor):
    text = "There aren't any events for this project quite yet."
    assert text in visitor.get(ACTIVITY).html.select_one(".empty").text


# Page by page


@pytest.fixture
def many(issue, alice, session):
    """A hundred and twenty comments, one a day."""
    for number in range(1, 121):
        at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=number)
        service.comment(session, issue, alice, text="x", at=at)
    session.commit()
    return session.scalars(
        select(Event.id).order_by(Event.created_at.desc(), Event.id.desc())
    ).all()


def shown(page):
    links = page.html.select(".timeline a[href*='#event-']")
    return [int(link["href"].rpartition("-")[2]) for link in links]


@pytest.mark.parametrize(
    ("asked", "number"),
    [("", 1), ("2", 2), ("3", 3), ("99", 3), ("0", 1), ("-1", 1), ("abc", 1), ("9" * 99, 1)],
)
def test_fifty_a_page_the_latest_first(many, visitor, asked, number):
    page = visitor.get(ACTIVITY, {"page": asked})
    assert shown(page) == many[(number - 1) * 50 : number * 50]


def test_one_leafs_only_so_far_back(many, visitor, monkeypatch):
    monkeypatch.setattr(activity, "MAX_EVENTS", 60)
    page = visitor.get(f"{ACTIVITY}?page=99")
    assert shown(page) == many[50:100]
    assert [link.text for link in page.html.select(".page-link")] == ["1", "2"]


def test_it_asks_the_same_for_many_events_as_for_few(
    world, web, many, session, database, visitor_as
):
    world.user("bob")
    browser = visitor_as("bob")
    with count_queries(database) as few:
        browser.get(ACTIVITY)
    for number in range(5):
        author = world.user(f"user{number}")
        issue = world.issue(web, author)
        record(session, issue, EventKind.REFERENCED, author, about=world.issue(web), args={})
    session.commit()
    with count_queries(database) as queries:
        browser.get(ACTIVITY)
    assert len(queries) == len(few) <= 10
