"""The versions of a text, and what each has changed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.issues import service
from ponytracker.issues.difference import MAX_COMPARED
from ponytracker.models import TextRevision
from tests.databases import count_queries


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
    return world.issue(web, alice, title="It fails", text="one two three")


@pytest.fixture
def edit(session, issue):
    """Return a function by which someone gives the description another text."""

    def edit(editor, text):
        service.edit_issue(session, issue, editor, title=issue.title, text=text, due_at=None)
        session.commit()

    return edit


def versions(page):
    rows = page.html.select("nav[aria-label=Versions] li .row-text")
    return [" ".join(row.text.split()) for row in rows]


def shown(page):
    return page.html.select_one(".history .difference")


def test_the_versions_of_a_description(issue, edit, alice, bob, visitor):
    edit(bob, "one 2 three")
    edit(alice, "one 2 3")
    page = visitor.get("/web/issues/1/").click("edited")
    assert page.request.path == "/web/issues/1/history/"
    said = [line.split()[:3] for line in versions(page)]
    assert said == [["Version", "3", "alice"], ["Version", "2", "bob"], ["Version", "1", "alice"]]
    assert (shown(page).find("del").text, shown(page).find("ins").text) == ("three", "3")
    page = page.click("Version 2")
    assert (shown(page).find("del").text, shown(page).find("ins").text) == ("two", "2")
    page = page.click("Version 1")
    assert shown(page).text == "one two three"
    assert not shown(page).find(["ins", "del"])


def test_the_versions_of_a_comment(issue, alice, bob, session, visitor):
    comment = service.comment(session, issue, alice, text="It *is*\nso")
    service.edit_comment(session, comment, bob, text="It *is*\nnot so")
    session.commit()
    page = visitor.get(f"/web/issues/1/comments/{comment.id}/history/")
    assert shown(page).find("ins").text == "not "
    assert shown(page).text == "It *is*\nnot so"
    assert page.html.select_one(f"a[href='/web/issues/1/#event-{comment.id}']")


def test_a_text_that_was_never_edited_has_one_version(issue, visitor):
    page = visitor.get("/web/issues/1/history/")
    assert len(versions(page)) == 1
    assert shown(page).text == "one two three"


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("", "What version 3 changed"),
        ("version=2", "What version 2 changed"),
        ("version=1", "Version 1, as it was first written"),
        ("version=0", "What version 3 changed"),
        ("version=-1", "What version 3 changed"),
        ("version=99999", "What version 3 changed"),
        ("version=%00", "What version 3 changed"),
        ("version=" + "9" * 400, "What version 3 changed"),
        ("version=x&page=x", "What version 3 changed"),
        ("version=2&page=99", "What version 2 changed"),
        ("version=%D9%A1", "What version 3 changed"),
    ],
)
def test_any_version_that_is_asked_for_is_answered(issue, edit, bob, visitor, query, heading):
    edit(bob, "two")
    edit(bob, "three")
    page = visitor.get(f"/web/issues/1/history/?{query}")
    assert page.html.select_one("#version").text.strip() == heading


def test_a_text_is_shown_as_it_was_typed(issue, edit, bob, visitor):
    edit(bob, "<script>alert(1)</script> & *so*")
    page = visitor.get("/web/issues/1/history/")
    assert "<script>alert" not in page
    assert shown(page).find("ins").text == "<script>alert(1)</script> & *so*"


def test_long_texts_stand_side_by_side(issue, edit, bob, visitor):
    edit(bob, "x" * (MAX_COMPARED + 1))
    page = visitor.get("/web/issues/1/history/")
    before, after = (part.text for part in page.html.select(".side-by-side .difference"))
    assert (before, after) == ("one two three", "x" * (MAX_COMPARED + 1))


def test_many_versions_are_listed_page_by_page_with_as_many_queries(
    issue, edit, bob, session, database, visitor
):
    edit(bob, "two")
    with count_queries(database) as few:
        visitor.get("/web/issues/1/history/")
    described = service.find_description(session, issue)
    session.add_all(TextRevision(event_id=described.id, text=str(n)) for n in range(120))
    session.commit()
    with count_queries(database) as many:
        page = visitor.get("/web/issues/1/history/")
    assert len(many) == len(few)
    numbers = []
    for number in (1, 2, 3):
        page = visitor.get(f"/web/issues/1/history/?page={number}&version=7")
        numbers += [int(line.split()[1]) for line in versions(page)]
    assert numbers == list(range(122, 0, -1))
    assert "ghost" in versions(page)[0]


def test_the_versions_of_a_ghost_stay(issue, edit, alice, bob, session, visitor):
    edit(bob, "two")
    session.delete(alice)
    session.commit()
    assert session.scalars(select(TextRevision.author_id)).all() == [None]
    assert "ghost" in versions(visitor.get("/web/issues/1/history/"))[1]
