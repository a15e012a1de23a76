"""Editing and deleting comments: by whom, and what is left of them."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, func, select

from ponytracker.issues import service
from ponytracker.models import (
    EditPolicy,
    Event,
    EventKind,
    Grant,
    Issue,
    SiteSettings,
    TextRevision,
)
from ponytracker.models.base import now
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
    return world.issue(web, alice, title="It fails")


@pytest.fixture
def comment(session, issue, bob):
    event = service.comment(session, issue, bob, text="As *always*")
    session.commit()
    return event


@pytest.fixture
def path(comment):
    return f"/web/issues/1/comments/{comment.id}/"


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


def messages(page):
    return [alert.text.strip() for alert in page.html.select("main > .alert")]


def edited(browser, path, text):
    form = browser.get(f"{path}edit/").forms["comment-form"]
    form["comment"] = text
    return form.submit()


def edit_links(page):
    return [link["href"] for link in page.html.select(".comment-tools a[href*='/comments/']")]


def test_editing_a_comment(path, comment, bob, session, visitor_as, database):
    answer = edited(visitor_as("bob"), path, "As *never*")
    assert answer.location == f"http://localhost/web/issues/1/#event-{comment.id}"
    page = answer.follow()
    assert messages(page) == ["Comment modified successfully."]
    assert "<em>never</em>" in page
    session.expire_all()
    assert (comment.text, comment.editor_id) == ("As *never*", bob.id)
    assert session.scalar(select(TextRevision.text)) == "As *always*"
    link = page.html.select_one(f"#event-{comment.id} a[href$='history/']")
    assert (link["href"], link.text) == (f"{path}history/", "edited")


def test_editing_nothing_says_so(path, comment, session, visitor_as):
    page = edited(visitor_as("bob"), path, "As *always*").follow()
    assert messages(page) == ["Comment not modified."]
    session.expire_all()
    assert comment.edited_at is None
    assert session.scalar(select(func.count()).select_from(TextRevision)) == 0
    assert "history" not in page.html.select_one(f"#event-{comment.id}").decode()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Write a comment first."),
        (" \r\n\t", "Write a comment first."),
        ("\x00", "Write a comment first."),
        ("c" * 262_145, "At most 262144 characters. Attach or link what is longer."),
    ],
)
def test_what_is_refused_comes_back(path, comment, session, admin, typed, message):
    page = admin.post_form(f"{path}edit/", {"comment": typed}, status=422)
    assert [error.text.strip() for error in page.html.select("#comment-error")] == [message]
    if typed.startswith("c"):
        assert page.forms["comment-form"]["comment"].value == typed
    session.expire_all()
    assert comment.text == "As *always*"


def test_a_form_without_the_field_leaves_the_comment(path, comment, session, admin):
    assert messages(admin.post_form(f"{path}edit/").follow()) == ["Comment not modified."]
    session.expire_all()
    assert comment.text == "As *always*"


def test_the_preview_of_an_edit_changes_nothing(path, comment, session, admin):
    fields = {"comment": "Is it *so*?", "preview": "1"}
    page = admin.post_form(f"{path}edit/", fields, status=200)
    assert "<em>so</em>" in str(page.html.select_one("[data-preview]"))
    assert page.forms["comment-form"]["comment"].value == "Is it *so*?"
    session.expire_all()
    assert comment.text == "As *always*"


# Who may


def test_authors_edit_their_own_comments(path, visitor_as, visitor, issue):
    author, other = visitor_as("bob"), visitor_as("alice")
    assert edit_links(author.get("/web/issues/1/")) == [f"{path}edit/"]
    assert edit_links(other.get("/web/issues/1/")) == []
    assert edit_links(visitor.get("/web/issues/1/")) == []
    other.get(f"{path}edit/", status=403)
    other.post_form(f"{path}edit/", {"comment": "x"}, status=403)


def test_authors_edit_only_where_that_is_granted(path, session, visitor_as):
    session.execute(delete(Grant))
    session.commit()
    browser = visitor_as("bob")
    assert edit_links(browser.get("/web/issues/1/")) == []
    browser.get(f"{path}edit/", status=403)


def test_nobody_edits_in_an_archived_project(path, web, session, admin, visitor_as):
    web.archived = True
    session.commit()
    for browser in (admin, visitor_as("bob")):
        links = edit_links(browser.get("/web/issues/1/"))
        assert [link for link in links if not link.endswith("why/")] == []
        browser.get(f"{path}edit/", status=403)


def test_who_may_modify_comments_edits_those_of_others(world, web, alice, path, visitor_as):
    world.grant("modify_comment", project=web, user_id=alice.id)
    browser = visitor_as("alice")
    assert edit_links(browser.get("/web/issues/1/")) == [f"{path}edit/"]
    assert messages(edited(browser, path, "x").follow()) == ["Comment modified successfully."]


def test_the_edit_policy_decides_which_comments_have_a_button(
    world, session, issue, comment, bob, path, visitor_as
):
    browser = visitor_as("bob")
    settings = session.get_one(SiteSettings, 1)
    later = service.comment(session, issue, bob, text="later")
    later_path = path.replace(str(comment.id), str(later.id))
    comment.created_at = now() - dt.timedelta(hours=1)
    both = [f"{path}edit/", f"{later_path}edit/"]
    for policy, allowed in (
        (EditPolicy.ALWAYS, both),
        (EditPolicy.MINUTES, both[1:]),
        (EditPolicy.UNTIL_NEXT_COMMENT, both[1:]),
    ):
        settings.edit_policy, settings.edit_policy_minutes = policy, 30
        session.commit()
        assert edit_links(browser.get("/web/issues/1/")) == allowed
        for link in both:
            browser.get(link, status=200 if link in allowed else 403)
    service.delete_comment(session, later, bob)
    session.commit()
    assert edit_links(browser.get("/web/issues/1/")) == both[:1]


def test_buttons_cost_no_query_for_each_comment(world, session, issue, bob, visitor_as, database):
    browser = visitor_as("bob")
    browser.get("/web/issues/1/")  # so that nothing is to be marked as read
    counts = []
    for number in (1, 20):
        for _ in range(number):
            service.comment(session, issue, bob, text="x")
        session.commit()
        with count_queries(database) as queries:
            page = browser.get("/web/issues/1/")
        counts.append(len(queries))
        assert len(edit_links(page)) in (1, 21)
    assert counts[0] == counts[1]


# Deleting


def test_deleting_a_comment(path, comment, issue, session, admin):
    edited(admin, path, "Another")
    page = admin.get(f"{path}delete/")
    assert "Another" in page
    assert page.html.find("a", string="Cancel")["href"] == "/web/issues/1/"
    answer = page.forms["confirm-form"].submit()
    assert answer.location == f"http://localhost/web/issues/1/#event-{comment.id}"
    assert messages(answer.follow()) == ["Comment deleted successfully."]
    session.expire_all()
    assert (comment.text, comment.html) == (None, None)
    assert comment.deleted_at
    assert session.scalar(select(func.count()).select_from(TextRevision)) == 0
    assert session.get(Issue, issue.id).comment_count == 0
    for name in ("", "edit/", "delete/", "history/"):
        admin.get(f"{path}{name}", status=404)
    admin.post_form(f"{path}delete/", status=404)
    kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds[2:] == [EventKind.COMMENT_DELETED]


def test_deleting_needs_its_right(world, web, alice, path, comment, session, visitor_as):
    for name in ("alice", "bob"):
        browser = visitor_as(name)
        assert not browser.get("/web/issues/1/").html.select("a[href$='delete/']")
        browser.get(f"{path}delete/", status=403)
        browser.post_form(f"{path}delete/", status=403)
    world.grant("delete_comment", project=web, user_id=alice.id)
    browser = visitor_as("alice")
    assert browser.get("/web/issues/1/").html.select(f"a[href='{path}delete/']")
    browser.post_form(f"{path}delete/", status=303)


def test_only_comments_can_be_deleted(issue, session, admin):
    described = service.find_description(session, issue)
    service.close_issue(session, issue, described.actor)
    session.commit()
    for event in session.scalars(select(Event)).all():
        admin.post_form(f"/web/issues/1/comments/{event.id}/delete/", status=404)
        admin.post_form(f"/web/issues/1/comments/{event.id}/edit/", {"comment": "x"}, status=404)


def test_a_comment_is_only_in_its_own_issue(world, web, comment, admin):
    world.issue(web)
    for name in ("", "edit/", "delete/", "history/"):
        admin.get(f"/web/issues/2/comments/{comment.id}/{name}", status=404)


def test_who_edits_what_was_deleted_gets_their_text_back(path, comment, session, admin, bob):
    form = admin.get(f"{path}edit/").forms["comment-form"]
    service.delete_comment(session, comment, bob)
    session.commit()
    form["comment"] = "A long answer"
    page = form.submit(status=404)
    assert "A long answer" in page


# Deleting an issue


def test_deleting_an_issue(issue, comment, session, web, admin):
    page = admin.get("/web/issues/1/").click(href="/web/issues/1/delete/")
    assert "1 comment" in page
    answer = page.forms["confirm-form"].submit()
    assert answer.location == "http://localhost/web/issues/"
    assert messages(answer.follow()) == ["Issue deleted successfully."]
    session.expire_all()
    assert session.scalar(select(func.count()).select_from(Event)) == 0
    assert (web.open_count, web.last_issue_number) == (0, 1)
    admin.get("/web/issues/1/", status=404)
    admin.post_form("/web/issues/1/delete/", status=404)
    opened = admin.post_form("/web/issues/add/", {"title": "x"})
    assert opened.location.endswith("/issues/2/")


def test_deleting_an_issue_needs_its_right(issue, visitor_as):
    browser = visitor_as("alice")
    assert not browser.get("/web/issues/1/").html.select("a[href$='delete/']")
    browser.get("/web/issues/1/delete/", status=403)
    browser.post_form("/web/issues/1/delete/", status=403)
