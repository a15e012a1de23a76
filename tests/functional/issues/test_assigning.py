"""Giving an issue to someone: whom, by whom, and what the field suggests."""

from __future__ import annotations

import pytest

from ponytracker.models import Access, IssueSubscription
from tests.functional.issues.test_comment_views import messages

ASSIGN = "/web/issues/1/assign/"


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def issue(world, web):
    return world.issue(web, title="It fails")


@pytest.fixture
def alice(world):
    return world.user("alice", first_name="Alice", last_name="Liddell")


@pytest.fixture
def manager(world, web, issue, visitor_as):
    user = world.user("manager")
    world.grant("manage_issue", project=web, user_id=user.id)
    return visitor_as(user)


def assignee(session, issue):
    session.expire_all()
    return issue.assignee and issue.assignee.username


@pytest.mark.parametrize("typed", ["alice", " ALICE ", "alice (Alice Liddell)"])
def test_assigning_by_name_from_the_side_of_the_page(manager, alice, issue, session, typed):
    form = manager.get("/web/issues/1/").forms["assign-form"]
    form["assignee"] = typed
    page = form.submit().follow()
    assert page.request.path == "/web/issues/1/"
    assert messages(page) == ["Issue assigned to alice."]
    assert assignee(session, issue) == "alice"
    assert session.get(IssueSubscription, (issue.id, alice.id)).reason == "assigned"


def test_assigning_oneself_and_nobody(manager, issue, session):
    page = manager.get("/web/issues/1/")
    page = page.forms["assign-me-form"].submit("assignee").follow()
    assert assignee(session, issue) == "manager"
    assert "assign-me-form" not in page.forms
    page = page.forms["unassign-form"].submit("assignee").follow()
    assert messages(page) == ["Issue unassigned."]
    assert assignee(session, issue) is None
    assert "unassign-form" not in page.forms


def test_the_page_for_it_shows_who_it_is(manager, alice, issue, session):
    manager.post_form(ASSIGN, {"assignee": "alice"})
    form = manager.get(ASSIGN).forms["assign-form"]
    assert form["assignee"].value == "alice"
    form["assignee"] = ""
    form.submit().follow()
    assert assignee(session, issue) is None


@pytest.mark.parametrize("typed", ["bob", "alice (Somebody Else)", "a\x00b", "x" * 5000, "'"])
def test_whom_nobody_knows_comes_back(manager, alice, issue, session, typed):
    page = manager.post_form(ASSIGN, {"assignee": typed}, status=422)
    assert page.html.select_one("#assignee-error").text.strip()
    if typed.isprintable():
        assert page.forms["assign-form"]["assignee"].value == typed
    assert assignee(session, issue) is None


def test_only_active_people_who_may_see_the_project_are_assigned_or_suggested(
    world, web, manager, alice, issue, session
):
    gone, member = world.user("gone"), world.user("member")
    gone.is_active = False
    web.access = Access.PRIVATE
    world.grant("create_comment", project=web, user_id=member.id)
    world.grant("create_comment", project=web, user_id=gone.id)
    world.user("root", is_superuser=True)
    for name in ("alice", "gone", "nobody"):
        page = manager.post_form(ASSIGN, {"assignee": name}, status=422)
        told = page.html.select_one("#assignee-error").text.strip()
        assert told == f"User '{name}' does not exist."
    for name in ("member", "root"):
        manager.post_form(ASSIGN, {"assignee": name}, status=303)
        assert assignee(session, issue) == name
    found = manager.get(f"{ASSIGN}?query=o").json["suggestions"]
    assert [person["value"] for person in found] == ["root"]
    found = manager.get(f"{ASSIGN}?query=m").json["suggestions"]
    assert [person["value"] for person in found] == ["manager", "member"]


def test_what_is_suggested(manager, alice):
    for query in ("ali", "LIDD"):
        (found,) = manager.get(f"{ASSIGN}?query={query}").json["suggestions"]
        assert found == {"value": "alice (Alice Liddell)", "data": alice.id}
    assert manager.get(f"{ASSIGN}?query=%25").json["suggestions"] == []
    manager.get(f"{ASSIGN}?query=", status=404)


def test_assigning_needs_its_right(issue, alice, session, visitor, visitor_as):
    browser = visitor_as("alice")
    assert "assign-form" not in browser.get("/web/issues/1/").forms
    for path in (ASSIGN, f"{ASSIGN}?query=a"):
        browser.get(path, status=403)
        assert "/login?next=" in visitor.get(path, status=303).location
    browser.post_form(ASSIGN, {"assignee": "alice"}, status=403)
    assert assignee(session, issue) is None


# Closing with a reason


@pytest.mark.parametrize(
    ("reason", "read"),
    [
        ("completed", "closed this issue as completed"),
        ("not_planned", "closed this issue as not planned"),
        ("duplicate", "closed this issue as a duplicate"),
        ("", "closed this issue"),
    ],
)
def test_closing_with_a_reason(manager, issue, session, reason, read):
    form = manager.get("/web/issues/1/").forms["state-form"]
    form["reason"] = reason
    form.submit().follow()
    session.expire_all()
    assert issue.state_reason == (reason or None)
    page = manager.get("/web/issues/1/")
    assert read in " ".join(page.html.select(".timeline > li")[-1].text.split())


def test_a_reason_that_is_none_is_refused(manager, issue, session):
    page = manager.post_form("/web/issues/1/close/", {"reason": "boredom"}, status=422)
    assert page.html.select_one("#reason-error")
    page.forms["confirm-form"].submit(status=303)
    session.expire_all()
    assert not issue.is_open
