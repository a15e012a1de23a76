from __future__ import annotations

import pytest

from ponytracker.issues import service
from ponytracker.web.rate_limit import OF_A_NETWORK, RATE_LIMIT, RateLimit
from tests.databases import count_queries

HERE = {"REMOTE_ADDR": "192.0.2.1"}


@pytest.fixture
def clock():
    return [10**12]


@pytest.fixture
def writer(world, visitor_as):
    alice = world.user("alice")
    world.user("bob")
    world.issue(world.project("web", alice), alice)
    visitor = visitor_as("alice")
    visitor.extra_environ.update(HERE)
    return visitor


@pytest.fixture
def limited(app, writer, clock, monkeypatch):
    """Let three be sent within a minute, by who has sent none so far."""
    monkeypatch.setitem(app.registry, RATE_LIMIT, RateLimit(3, lambda: clock[0]))


def comment(visitor, text="Two\nlines", **kw):
    return visitor.post_form("/web/issues/1/comment/", {"comment": text}, **kw)


@pytest.fixture
def used_up(writer, limited):
    for number in range(3):
        comment(writer, f"number {number}", status=303)


def test_what_comes_too_soon_comes_back_and_is_taken_later(writer, used_up, clock):
    page = comment(writer, "Two\nlines & <b>", status=429)
    assert page.headers["Retry-After"] == "20"
    assert "Too much was sent within a minute." in page
    again = page.forms["again-form"]
    assert again["comment"].value == "Two\nlines & <b>"
    assert again.submit(status=429).forms["again-form"]["comment"].value == "Two\nlines & <b>"
    clock[0] += 20 * 10**9
    assert "Comment added successfully." in again.submit().follow()
    assert "lines &amp; &lt;b&gt;" in writer.get("/web/issues/1/")


def test_a_button_that_was_pressed_is_not_what_was_typed(writer, used_up):
    page = writer.post_form("/web/issues/1/comment/", {"comment": "x", "preview": "1"}, status=429)
    assert page.html.find("input", {"name": "preview"})["type"] == "hidden"


def test_pages_are_shown_all_the_same(writer, used_up):
    for address in ("/", "/web/issues/1/", "/web/issues/suggest?type=user&query=a"):
        assert writer.get(address).status_int == 200


@pytest.mark.parametrize(
    "address",
    [
        "/web/issues/add/",
        "/web/issues/1/edit/",
        "/web/issues/1/upload",
        "/web/issues/1/close/",
        "/markdown/",
        "/add/",
        "/profile/",
        "/logout",
        "/login",
        "/nothing/there",
        "/admin/users/add/",
    ],
)
def test_all_that_could_change_something_is_counted(writer, used_up, address):
    assert writer.post_form(address, status=429).headers["Retry-After"] == "20"
    assert writer.put(address, status=429)


@pytest.mark.parametrize(
    "headers", [{"Accept": "application/json"}, {"X-Requested-With": "XMLHttpRequest"}]
)
def test_scripts_are_answered_in_json(writer, used_up, headers):
    for address in ("/web/issues/1/upload", "/markdown/", "/web/issues/1/comment/"):
        answer = writer.post_form(address, {"data": "x"}, headers=headers, status=429)
        assert answer.headers["Retry-After"] == "20"
        assert answer.json["error"].startswith("Too much was sent within a minute.")


@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8", "application/xml"])
def test_everyone_else_gets_the_form(writer, used_up, accept):
    page = comment(writer, headers={"Accept": accept}, status=429)
    assert page.forms["again-form"]["comment"].value == "Two\nlines"


def test_others_in_the_same_network_are_not_hindered(writer, visitor_as, visitor, used_up):
    for _ in range(3 * OF_A_NETWORK):
        comment(writer, status=429)
    bob = visitor_as("bob")
    bob.extra_environ.update(HERE)
    comment(bob, status=303)
    visitor.extra_environ.update(HERE)
    comment(visitor, status=403)


def test_whoever_is_nobody_is_limited_by_network(visitor, limited):
    visitor.extra_environ.update(HERE)
    fields = {"username": "alice", "password": "hunter2-hunter2"}
    for _ in range(3 * OF_A_NETWORK):
        visitor.post("/login", fields, status=400)
    page = visitor.post("/login", fields, status=429)
    assert page.forms["again-form"]["username"].value == "alice"
    assert "hunter2" not in page
    visitor.extra_environ["REMOTE_ADDR"] = "198.51.100.1"
    visitor.post("/login", fields, status=400)


def test_a_form_of_another_site_is_not_given_back(writer, used_up):
    page = comment(writer, "buy here", headers={"Sec-Fetch-Site": "cross-site"}, status=429)
    assert "again-form" not in page.forms


def test_what_is_tried_again_for_the_database_counts_once(writer, limited, monkeypatch):
    from sqlalchemy.exc import IntegrityError

    def fail(*args, **kw):
        raise IntegrityError("INSERT", {}, Exception("duplicate key"))

    with monkeypatch.context() as patch:
        patch.setattr(service, "comment", fail)
        comment(writer, status=409)
    comment(writer, status=303)
    comment(writer, status=303)
    comment(writer, status=429)


def test_it_asks_the_database_nothing_but_who_that_is(writer, used_up, database):
    token = writer.csrf_token()
    with count_queries(database) as queries:
        writer.post("/web/issues/1/comment/", {"csrf_token": token, "comment": "x"}, status=429)
    assert len(queries) <= 3, queries
