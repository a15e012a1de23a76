"""What is suggested while someone writes."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from ponytracker.issues import service, suggestions
from ponytracker.models import Access, Grant
from tests.databases import count_queries
from tests.hostile import TEXTS


@pytest.fixture
def web(world, session):
    project = world.project("web")
    session.execute(delete(Grant))
    session.commit()
    return project


@pytest.fixture
def alice(world):
    return world.user("alice", first_name="Alice", last_name="Liddell")


@pytest.fixture
def as_alice(alice, visitor_as):
    return visitor_as(alice)


def ask(browser, type_, query, project="web"):
    answer = browser.get(f"/{project}/issues/suggest/", {"type": type_, "query": query})
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert set(answer.json) == {"suggestions"}
    return [(found["value"], found["data"]) for found in answer.json["suggestions"]]


def values(*asked):
    return [value for value, _data in ask(*asked)]


class TestPeople:
    def test_are_found_by_the_beginning_of_a_name(self, world, web, as_alice):
        world.user("bob", first_name="Alan", last_name="Turing")
        world.user("carol", first_name="", last_name="Älter")
        assert ask(as_alice, "user", "ali") == [("@alice", "Alice Liddell")]
        assert ask(as_alice, "user", "AL") == [("@alice", "Alice Liddell"), ("@bob", "Alan Turing")]
        assert ask(as_alice, "user", "tur") == [("@bob", "Alan Turing")]
        assert ask(as_alice, "user", "CAR") == [("@carol", "Älter")]
        assert values(as_alice, "user", "lice") == []
        assert values(as_alice, "user", "") == ["@alice", "@bob", "@carol"]

    @pytest.mark.parametrize("query", ["%", "_", "\\", "*", "a%", "a_"])
    def test_signs_of_the_database_are_only_signs(self, world, web, as_alice, query):
        world.user("bob")
        assert values(as_alice, "user", query) == []

    def test_who_took_part_comes_first(self, world, session, web, as_alice):
        for name in ("bob1", "bob2", "bob3"):
            world.user(name)
        world.issue(web, world.user("bob4"))
        world.issue(world.project("other"), world.user("bob0"))
        assert values(as_alice, "user", "bob") == ["@bob4", "@bob0", "@bob1", "@bob2", "@bob3"]

    def test_are_those_who_may_see_the_project(self, world, session, alice, as_alice):
        hidden = world.project("hidden", access=Access.PRIVATE)
        world.grant(project=hidden, user_id=alice.id)
        world.issue(hidden, world.user("bob"))
        world.user("carol", is_superuser=True)
        dan = world.user("dan", is_superuser=True)
        dan.is_active = False
        session.commit()
        assert values(as_alice, "user", "", "hidden") == ["@alice", "@carol"]

    def test_are_for_those_who_are_signed_in(self, world, web, alice, visitor):
        world.issue(web, alice)
        assert values(visitor, "user", "al") == []
        assert values(visitor, "issue", "1") == ["#1"]

    def test_a_name_comes_as_it_is_to_be_written(self, world, web, as_alice):
        world.user("_x_")
        assert values(as_alice, "user", "_x") == [r"@\_x\_"]


class TestIssues:
    def test_are_found_by_the_beginning_of_their_number(self, world, web, visitor, monkeypatch):
        for _number in range(12):
            world.issue(web)
        assert values(visitor, "issue", "1") == ["#1", "#10", "#11", "#12"]
        assert values(visitor, "issue", "12") == ["#12"]
        for nothing in ("13", "0", "01", "9" * 200, "-1", "1.5", "\u0661"):
            assert values(visitor, "issue", nothing) == []

    def test_are_found_by_words_of_their_title(self, world, web, visitor):
        world.issue(web, title="The login page fails")
        world.issue(web, title="Logging out too")
        world.issue(world.project("other"), title="Another login")
        assert ask(visitor, "issue", "LOG") == [
            ("#2", "Logging out too"),
            ("#1", "The login page fails"),
        ]
        assert values(visitor, "issue", "fail login") == ["#1"]
        assert values(visitor, "issue", "login out") == []
        assert values(visitor, "issue", "%") == []

    def test_without_a_query_are_those_of_late(self, session, world, web, visitor, alice):
        for _number in range(12):
            issue = world.issue(web)
            if issue.number == 3:
                third = issue
        service.comment(session, third, alice, text="Me too.")
        session.commit()
        found = values(visitor, "issue", "")
        assert found[:2] == ["#3", "#12"]
        assert len(found) == suggestions.MAX_SUGGESTIONS

    def test_old_ones_are_found_by_whole_words(self, world, web, visitor, monkeypatch):
        monkeypatch.setattr(suggestions, "MAX_LOOKED_AT", 2)
        for title in ("The unicorn", "another", "a third"):
            world.issue(web, title=title)
        world.issue(world.project("other"), title="unicorn")
        assert values(visitor, "issue", "unicorn") == ["#1"]
        assert values(visitor, "issue", "unico") == []
        assert values(visitor, "issue", "third") == ["#3"]

    def test_of_another_project_are_asked_for_by_its_name(self, world, web, visitor):
        hidden = world.project("hidden", access=Access.PRIVATE)
        other = world.project("Other")
        for project in (web, hidden, other):
            world.issue(project, title=f"{project.name} fails")
        assert ask(visitor, "issue", "other#") == [("Other#1", "Other fails")]
        assert values(visitor, "issue", "Other#1") == ["Other#1"]
        assert values(visitor, "issue", "web#1") == ["#1"]
        assert values(visitor, "issue", "hidden#1") == values(visitor, "issue", "absent#1") == []


def test_nothing_is_suggested_where_the_project_is_hidden(world, web, as_alice, visitor):
    world.issue(world.project("hidden", access=Access.PRIVATE))
    for name in ("hidden", "absent"):
        as_alice.get(f"/{name}/issues/suggest/?type=issue&query=1", status=404)
        visitor.get(f"/{name}/issues/suggest/?type=issue&query=1", status=303)


@pytest.mark.parametrize("type_", ["user", "issue", "", "x"])
@pytest.mark.parametrize("query", TEXTS.values(), ids=TEXTS)
def test_any_query_is_answered(world, web, as_alice, type_, query):
    world.issue(web, title=query.replace("\x00", "")[:255] or "a")
    assert len(ask(as_alice, type_, query)) <= suggestions.MAX_SUGGESTIONS


def test_parameters_may_be_missing(web, as_alice):
    assert as_alice.get("/web/issues/suggest/").json == {"suggestions": []}
    assert as_alice.get("/web/issues/suggest/?type=user").json["suggestions"]


@pytest.mark.parametrize("type_", ["user", "issue"])
def test_it_asks_as_much_for_many(database, world, web, as_alice, type_):
    counts = []
    for many in (1, 12):
        for number in range(many):
            world.issue(web, world.user(f"bob{many}x{number}"))
        with count_queries(database) as queries:
            assert values(as_alice, type_, "bo" if type_ == "user" else "work")
        counts.append(len(queries))
    # With too few of late, older ones are looked for.
    assert counts[0] - (type_ == "issue") == counts[1]
