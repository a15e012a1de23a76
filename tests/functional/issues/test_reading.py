"""Opening an issue marks it as read: what is new, for whom, and what does not count as opening."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from ponytracker.background import Background
from ponytracker.issues import reading, service, views
from ponytracker.issues.recording import record
from ponytracker.models import Access, EventKind, ReadMark
from tests.databases import count_queries

PAGE = "/web/issues/1/"


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def bob(world):
    return world.user("bob")


@pytest.fixture
def issue(world, web, alice):
    return world.issue(web, alice, text="x")


@pytest.fixture
def say(session, issue):
    """Return a function by which someone comments."""

    def say(author, text="x"):
        event = service.comment(session, issue, author, text=text)
        session.commit()
        return event

    return say


@pytest.fixture
def mark(session, bob):
    """Return a function that reads how far bob has read."""

    def mark():
        session.expire_all()
        return session.scalar(select(ReadMark.last_event_id).where(ReadMark.user_id == bob.id))

    return mark


def new(page):
    """Return the anchors that are marked as new, and the text of the link to the first."""
    link = page.html.select_one(".new-events")
    found = [line["id"] for line in page.html.select(".timeline > li") if line.select(".badge")]
    return found, link and (link.text, link["href"])


def test_what_came_since_the_last_visit_is_new(issue, alice, bob, say, mark, visitor_as):
    browser = visitor_as("bob")
    browser.get(PAGE)
    comments = [say(alice), say(bob), say(alice)]
    page = browser.get(PAGE)
    first, _own, last = (f"event-{comment.id}" for comment in comments)
    assert new(page) == ([first, last], ("2 new since your last visit", f"#{first}"))
    assert mark() == comments[-1].id
    assert new(browser.get(PAGE)) == ([], None)
    assert new(visitor_as("alice").get(PAGE))[0] == [f"event-{comments[1].id}"]


def test_the_first_visit_has_no_last_one(issue, alice, bob, say, mark, visitor_as):
    comment = say(alice)
    page = visitor_as("bob").get(PAGE)
    # What opened the issue is no news beside the rest.
    assert new(page) == ([f"event-{comment.id}"], None)
    assert mark() == comment.id


def test_the_page_of_an_own_issue_writes_nothing(world, web, bob, mark, visitor_as, database):
    world.issue(web, bob)
    browser = visitor_as("bob")
    with count_queries(database) as queries:
        browser.get(PAGE)
    assert mark() is None
    assert not [query for query in queries if "read_marks" in query and "INSERT" in query]


def test_nobody_in_particular_reads(issue, visitor, session):
    visitor.get(PAGE)
    assert session.scalars(select(ReadMark)).all() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
    ],
)
def test_what_is_fetched_without_being_looked_at_stays_unread(issue, mark, visitor_as, headers):
    browser = visitor_as("bob")
    browser.get(PAGE, headers=headers)
    assert mark() is None
    browser.get(PAGE, headers={"Sec-Fetch-Dest": "document"})
    assert mark() is not None


def test_other_pages_of_the_issue_leave_it_unread(issue, say, alice, mark, visitor_as):
    comment = say(alice)
    browser = visitor_as("bob")
    for name in ("comment/", "history/", "subscribe/", f"comments/{comment.id}/history/"):
        browser.get(f"{PAGE}{name}")
    browser.head(PAGE)
    browser.post_form(f"{PAGE}comment/", {"comment": ""}, status=422)
    assert mark() is None


def test_a_mark_that_cannot_be_set_does_not_fail_the_page(
    issue, mark, visitor_as, monkeypatch, caplog, app
):
    def fail(*args):
        raise OperationalError("database is locked", None, Exception())

    browser = visitor_as("bob")
    background = Background()
    monkeypatch.setitem(app.registry, "ponytracker.background", background)
    monkeypatch.setattr(reading, "mark_read", fail)
    browser.get(PAGE, status=200)
    background._threads.shutdown()
    assert "OperationalError" in caplog.text
    assert mark() is None


def test_a_page_that_fails_marks_nothing(issue, alice, session, mark, visitor_as, monkeypatch):
    service.close_issue(session, issue, alice)
    session.commit()
    browser = visitor_as("bob")
    monkeypatch.setattr(views, "ICONS", None)
    browser.get(PAGE, status=500)
    assert mark() is None


def test_a_hidden_reference_is_no_news(world, issue, alice, mark, session, visitor_as):
    browser = visitor_as("bob")
    browser.get(PAGE)
    before = mark()
    hidden = world.issue(world.project("secret", access=Access.PRIVATE))
    record(session, issue, EventKind.REFERENCED, alice, about=hidden, args={"event_id": 1})
    session.commit()
    assert new(browser.get(PAGE)) == ([], None)
    assert mark() == before
