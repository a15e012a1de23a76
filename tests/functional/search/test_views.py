from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.issues import service
from ponytracker.models import Event, EventKind
from tests.databases import count_queries


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def texts(world, session, alice):
    """Words in a title, a description and a comment, of three projects; the last one is private."""
    web, ops = world.project("web"), world.project("ops")
    secret = world.project("secret", access="private")
    world.issue(web, alice, title="It crashes", text="Nothing more")
    second = world.issue(ops, alice, title="Slow", text="first <b>line</b>\n\nthen it crashed")
    service.comment(session, second, alice, text="A crash? No")
    third = world.issue(web, alice, title="Other", text="nothing")
    service.comment(session, third, alice, text="crashing & burning")
    world.issue(secret, alice, title="Secret crash")
    session.commit()


def found(page):
    return [a["href"] for a in page.html.select(".row-title")]


def test_words_are_found_in_all_projects_one_may_see(texts, world, visitor, visitor_as, alice):
    page = visitor.get("/search/?q=crash")
    assert sorted(found(page)) == ["/ops/issues/1/", "/web/issues/1/", "/web/issues/2/"]
    world.grant("create_issue", project=None, user_id=alice.id)
    assert len(found(visitor_as(alice).get("/search/?q=crash"))) == 3
    world.grant("access_project", user_id=world.user("eve").id)
    assert len(found(visitor_as("eve").get("/search/?q=crash"))) == 4


def test_each_result_shows_why_it_was_found(texts, session, visitor):
    rows = {
        row.select_one(".row-title")["href"]: row
        for row in visitor.get("/search/?q=crash").html.select(".search-results > li")
    }
    assert rows["/web/issues/1/"].select_one(".row-title mark").text == "crashes"
    assert not rows["/web/issues/1/"].select(".snippet")
    description = rows["/ops/issues/1/"].select_one(".snippet")
    assert description.mark.text == "crashed"
    assert "<b>line</b>" in description.text
    assert description.a["href"] == "/ops/issues/1/"
    comment = rows["/web/issues/2/"].select_one(".snippet")
    events = select(Event).where(Event.kind == EventKind.COMMENTED).order_by(Event.id.desc())
    last = session.scalars(events).first()
    assert comment.a["href"] == f"/web/issues/2/#event-{last.id}"
    assert comment.text == "crashing & burning"


@pytest.mark.parametrize(
    ("q", "addresses"),
    [
        ("crash in:title", ["/web/issues/1/"]),
        ("crash in:comments project:ops", ["/ops/issues/1/"]),
        ("crash project:secret", []),
        ('"it crashed"', ["/ops/issues/1/", "/web/issues/1/"]),
        ("crash -burning -slow", ["/web/issues/1/"]),
        ("crash is:closed", []),
    ],
)
def test_filters_work_across_projects(texts, visitor, q, addresses):
    assert sorted(found(visitor.get("/search/", {"q": q}))) == addresses


def test_the_most_relevant_comes_first(texts, visitor):
    page = visitor.get("/search/?q=crash").click("Most relevant")
    assert found(page) == ["/web/issues/1/", "/ops/issues/1/", "/web/issues/2/"]


def test_a_hidden_project_is_like_one_that_is_not_there(texts, visitor):
    hidden, absent = (
        visitor.get("/search/", {"q": f"crash project:{name}"}).html.select_one(".remark")
        for name in ("secret", "nosuch")
    )
    assert hidden.text.replace("secret", "nosuch") == absent.text


@pytest.mark.parametrize("q", ["", "  ", "(", '"', "a" * 3000, "project:x OR", "\x00", "sort:x"])
def test_whatever_is_asked_for_is_answered(texts, visitor, q):
    assert visitor.get("/search/", {"q": q, "page": "x"}).html.find(id="q")


def test_many_results_ask_the_same_as_few(world, session, database, visitor_as, alice):
    browsing = visitor_as(alice)
    counts = []
    for many in (2, 20):
        for number in range(many):
            project = world.project(f"p{many}-{number}")
            issue = world.issue(project, alice, title="crash", text="a crash")
            service.comment(session, issue, alice, text="crash")
        session.commit()
        with count_queries(database) as queries:
            assert len(found(browsing.get("/search/?q=crash"))) == sum((2, 20)[: len(counts) + 1])
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14
