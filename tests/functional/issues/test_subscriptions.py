"""Asking to hear of an issue, and to hear no more of it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.models import Access, IssueSubscription, Notifications, ProjectSubscription
from tests.functional.issues.test_comment_views import messages

SUBSCRIBE, UNSUBSCRIBE = "/web/issues/1/subscribe/", "/web/issues/1/unsubscribe/"


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def issue(world, web):
    return world.issue(web)


@pytest.fixture
def alice(world):
    return world.user("alice", email="alice@example.org")


@pytest.fixture
def browser(issue, alice, visitor_as):
    return visitor_as(alice)


@pytest.fixture
def subscribers(session):
    def read():
        session.expire_all()
        rows = session.scalars(select(IssueSubscription))
        return {(row.user_id, row.reason) for row in rows}

    return read


def test_subscribing_and_no_more(browser, alice, subscribers):
    page = browser.get("/web/issues/1/").forms["subscribe-form"].submit().follow()
    assert page.request.path == "/web/issues/1/"
    assert messages(page) == ["You have been subscribed to this issue successfully."]
    assert subscribers() == {(alice.id, "manual")}
    page = page.forms["subscribe-form"].submit().follow()
    assert messages(page) == ["You will not receive any notifications for this issue anymore."]
    assert subscribers() == set()


def test_an_old_link_asks_first(browser, alice, subscribers):
    page = browser.get(SUBSCRIBE)
    assert subscribers() == set()
    page.forms["confirm-form"].submit().follow()
    assert subscribers() == {(alice.id, "manual")}
    page = browser.get(UNSUBSCRIBE)
    assert len(subscribers()) == 1
    page.forms["confirm-form"].submit().follow()
    assert subscribers() == set()


def test_twice_is_said_and_harmless(browser, subscribers):
    for path, texts in (
        (SUBSCRIBE, ("You have been subscribed to", "You are already subscribed to this issue.")),
        (UNSUBSCRIBE, ("You will not receive", "You are not subscribed to this issue.")),
    ):
        for text in texts:
            (said,) = messages(browser.post_form(path).follow())
            assert said.startswith(text)


@pytest.mark.parametrize(
    ("email", "notifications", "message"),
    [
        (
            None,
            Notifications.ALWAYS,
            "You must set an email address in your profile in order to subscribe to this issue.",
        ),
        (
            "alice@example.org",
            Notifications.NEVER,
            "You must enable notifications in your profile in order to subscribe to this issue.",
        ),
    ],
)
def test_subscribing_needs_mail(
    browser, session, alice, subscribers, email, notifications, message
):
    alice.email, alice.notifications = email, notifications
    session.commit()
    assert messages(browser.post_form(SUBSCRIBE).follow()) == [message]
    assert subscribers() == set()


def test_who_writes_is_subscribed_also_without_an_address(world, issue, visitor_as, subscribers):
    bob = world.user("bob")
    browser = visitor_as(bob)
    page = browser.post_form("/web/issues/1/comment/", {"comment": "x"}).follow()
    assert subscribers() == {(bob.id, "commented")}
    page.forms["subscribe-form"].submit().follow()
    assert subscribers() == set()


def test_who_watches_the_project_is_told_so(browser, web, alice, session):
    session.add(ProjectSubscription(project_id=web.id, user_id=alice.id))
    session.commit()
    page = browser.get("/web/issues/1/")
    assert "Subscribed to the project" in page
    assert "subscribe-form" not in page.forms


def test_nobody_stops_for_another(world, browser, issue, session, subscribers):
    bob = world.user("bob")
    session.add(IssueSubscription(issue_id=issue.id, user_id=bob.id, reason="manual"))
    session.commit()
    browser.post_form(UNSUBSCRIBE)
    assert subscribers() == {(bob.id, "manual")}


def test_who_is_not_signed_in_is_asked_to(visitor, issue, subscribers):
    for path in (SUBSCRIBE, UNSUBSCRIBE):
        assert "/login?next=" in visitor.get(path, status=303).location
        visitor.post_form(path, status=403)
    assert "subscribe-form" not in visitor.get("/web/issues/1/").forms
    assert subscribers() == set()


def test_in_a_hidden_project_there_is_nothing_to_subscribe_to(world, browser, subscribers):
    world.issue(world.project("secret", access=Access.PRIVATE))
    for name in ("secret", "absent"):
        for action in ("subscribe", "unsubscribe"):
            browser.get(f"/{name}/issues/1/{action}/", status=404)
            browser.post_form(f"/{name}/issues/1/{action}/", status=404)
    assert subscribers() == set()
