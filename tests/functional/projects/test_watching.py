from __future__ import annotations

import pytest
from sqlalchemy import func, select

from ponytracker.models import Access, Event, Notifications, ProjectReadMark, ProjectSubscription
from ponytracker.projects.watching import mark_project_read
from ponytracker.security.principals import identify

ELSEWHERE = ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x", ""]


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def alice(world, web):
    return world.user("alice", email="alice@example.org")


@pytest.fixture
def browser(alice, visitor_as):
    return visitor_as(alice)


def watchers(session):
    session.expire_all()
    return session.scalars(select(ProjectSubscription.user_id)).all()


def said(page):
    return [alert.text.strip() for alert in page.html.select("main .alert")]


def test_watching_and_no_more(browser, session, alice):
    page = browser.get("/web/issues/?q=%2A&sort=oldest")
    page = page.forms["watch-form"].submit().follow()
    assert page.request.path_qs == "/web/issues/?q=%2A&sort=oldest"
    assert said(page) == ["You have been subscribed to this project successfully."]
    assert watchers(session) == [alice.id]
    page = page.forms["watch-form"].submit().follow()
    assert said(page) == ["You will not receive any notifications for this project anymore."]
    assert watchers(session) == []


def test_an_old_link_asks_first(browser, session, alice):
    page = browser.get("/web/subscribe/?next=/web/issues/1/")
    assert watchers(session) == []
    answer = page.forms["confirm-form"].submit()
    assert answer.location == "http://localhost/web/issues/1/"
    assert watchers(session) == [alice.id]
    page = browser.get("/web/unsubscribe/")
    assert watchers(session) == [alice.id]
    page.forms["confirm-form"].submit().follow()
    assert watchers(session) == []


def test_twice_is_said_and_harmless(browser, session, alice):
    for expected in (
        "You have been subscribed to this project successfully.",
        "You are already subscribed to this project.",
    ):
        assert said(browser.post_form("/web/subscribe/").follow()) == [expected]
        assert watchers(session) == [alice.id]
    for expected in (
        "You will not receive any notifications for this project anymore.",
        "You are not subscribed to this project.",
    ):
        assert said(browser.post_form("/web/unsubscribe/").follow()) == [expected]
        assert watchers(session) == []


@pytest.mark.parametrize(
    ("email", "notifications", "message"),
    [
        (
            None,
            Notifications.ALWAYS,
            "You must set an email address in your profile in order to watch this project.",
        ),
        (
            "alice@example.org",
            Notifications.NEVER,
            "You must enable notifications in your profile in order to watch this project.",
        ),
    ],
)
def test_watching_needs_mail(browser, session, alice, email, notifications, message):
    alice.email, alice.notifications = email, notifications
    session.commit()
    assert said(browser.post_form("/web/subscribe/").follow()) == [message]
    assert watchers(session) == []


def test_nobody_stops_for_another(world, browser, session, web):
    bob = world.user("bob")
    session.add(ProjectSubscription(project_id=web.id, user_id=bob.id))
    session.commit()
    browser.post_form("/web/unsubscribe/")
    assert watchers(session) == [bob.id]


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe", "markread"])
@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_none_of_these_leads_elsewhere(browser, action, elsewhere):
    for path, fields in (
        (f"/web/{action}/", {"next": elsewhere}),
        (f"/web/{action}/?next={elsewhere}", {}),
    ):
        answer = browser.post_form(path, fields, status=303)
        assert answer.location == "http://localhost/web/issues/"


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe", "markread"])
def test_who_is_not_signed_in_is_asked_to(visitor, web, session, action):
    assert visitor.get(f"/web/{action}/", status=303).location.startswith("http://localhost/login")
    assert visitor.post_form(f"/web/{action}/", status=403)
    assert watchers(session) == []
    assert "watch-form" not in visitor.get("/web/issues/").forms


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe", "markread"])
def test_a_hidden_project_is_not_there(world, browser, session, action):
    world.project("secret", access=Access.PRIVATE)
    for name in ("secret", "absent"):
        assert browser.get(f"/{name}/{action}/", status=404)
        assert browser.post_form(f"/{name}/{action}/", status=404)
    assert watchers(session) == []


def test_an_archived_project_can_be_watched(browser, session, web, alice):
    web.archived = True
    session.commit()
    browser.get("/web/issues/").forms["watch-form"].submit()
    assert watchers(session) == [alice.id]


# Marking as read


def marks(session):
    session.expire_all()
    return {
        (mark.user_id, mark.project_id): mark.last_event_id
        for mark in session.scalars(select(ProjectReadMark))
    }


def latest_event(session, project):
    return session.scalar(select(func.max(Event.id)).where(Event.project_id == project.id))


def test_marking_all_as_read_is_one_row(world, browser, session, web, alice):
    for _ in range(2):
        world.issue(web)
        last = latest_event(session, web)
        browser.post_form("/web/markread/", {"next": "/web/issues/?q=%2A"}).follow()
        assert marks(session) == {(alice.id, web.id): last}


def test_a_project_without_events_has_nothing_to_mark(browser, session, web):
    browser.post_form("/web/markread/", status=303)
    assert marks(session) == {}


def test_a_later_mark_is_never_set_back(world, session, web, alice):
    world.issue(web)
    later = latest_event(session, web) + 1000
    session.add(ProjectReadMark(user_id=alice.id, project_id=web.id, last_event_id=later))
    session.commit()
    mark_project_read(session, identify(session, alice), web)
    session.commit()
    assert marks(session) == {(alice.id, web.id): later}


def test_reading_marks_nothing(world, browser, session, web):
    world.issue(web)
    page = browser.get("/web/markread/")
    assert marks(session) == {}
    page.forms["confirm-form"].submit(status=303)
    assert len(marks(session)) == 1
