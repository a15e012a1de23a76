"""Hearing no more of something, by the address that came in a mail (RFC 8058)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import delete, select

from ponytracker.accounts.service import end_mail_addresses
from ponytracker.issues.subscriptions import subscribe
from ponytracker.mail.addresses import Addresses
from ponytracker.models import Access, Grant, IssueSubscription, Project, ProjectSubscription
from ponytracker.notifications.urls import Urls
from ponytracker.security.principals import identify


@pytest.fixture
def scene(world, session):
    """bob watches the project of alice and is subscribed to its issue."""
    alice, bob = world.user("alice"), world.user("bob", email="bob@example.org")
    project = world.project("web", alice)
    issue = world.issue(project, alice, title="A secret title")
    session.add(ProjectSubscription(project_id=project.id, user_id=bob.id))
    subscribe(session, identify(session, bob), issue)
    session.commit()
    return SimpleNamespace(alice=alice, bob=bob, project=project, issue=issue)


@pytest.fixture
def address_for(all_on):
    """Return a function that makes the path that somebody was mailed."""

    def make(place, user):
        return Urls("").leaving(Addresses(all_on), place, user)

    return make


@pytest.fixture
def follows(session):
    """Return a function that says whether somebody hears of an issue, and of its project."""

    def ask(scene):
        session.expire_all()
        issues = session.scalars(
            select(IssueSubscription.issue_id).where(IssueSubscription.user_id == scene.bob.id)
        )
        projects = session.scalars(
            select(ProjectSubscription.project_id).where(
                ProjectSubscription.user_id == scene.bob.id
            )
        )
        return scene.issue.id in issues.all(), scene.project.id in projects.all()

    return ask


def test_one_click(app, scene, address_for, follows, visitor):
    """What a mail program sends: no cookie, no token of a form, from nowhere."""
    path = address_for(scene.issue, scene.bob)
    for _twice in range(2):
        answer = visitor.post(
            path,
            "List-Unsubscribe=One-Click",
            headers={"Origin": "null", "Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_int == 200
        assert "Set-Cookie" not in answer.headers
        assert "You will not receive any notifications for this issue anymore." in answer.text
        # Whoever went on hearing of it by its project would take that for spam.
        assert follows(scene) == (False, False)
    assert not visitor.cookies


def test_one_click_over_https_and_as_a_form_with_parts(scene, address_for, follows, visitor):
    path = address_for(scene.project, scene.bob)
    answer = visitor.post(
        path.rstrip("/"),
        {"List-Unsubscribe": "One-Click"},
        content_type="multipart/form-data; boundary=x",
        headers={"Origin": "https://mail.example.net", "Referer": "https://mail.example.net/"},
        extra_environ={"wsgi.url_scheme": "https"},
    )
    assert answer.status_int == 200
    assert "for this project anymore." in answer.text
    assert follows(scene) == (True, False)


def test_following_the_link_only_asks(scene, address_for, follows, visitor):
    page = visitor.get(address_for(scene.issue, scene.bob))
    assert "Set-Cookie" not in page.headers
    assert "Do you want to hear no more of this issue?" in page.text
    assert "web#1 A secret title" in page.text
    assert follows(scene) == (True, True)
    page = page.forms["leave-form"].submit()
    assert follows(scene) == (False, True)
    assert "You watch the project Web" in page.text
    page = page.forms["leave-project-form"].submit()
    assert follows(scene) == (False, False)
    assert "You will not receive any notifications for this project anymore." in page.text


def test_who_only_watches_the_project(session, scene, address_for, follows, visitor):
    session.execute(delete(IssueSubscription))
    session.commit()
    page = visitor.get(address_for(scene.issue, scene.bob))
    assert "You are not subscribed to this issue." in page.text
    assert "leave-form" not in page.forms
    page.forms["leave-project-form"].submit()
    assert follows(scene) == (False, False)


def test_someone_else_is_signed_in(scene, address_for, follows, visitor_as):
    browser = visitor_as("alice")
    page = browser.get(address_for(scene.issue, scene.bob))
    assert "This is about the account bob." in page.text
    page.forms["leave-form"].submit()
    assert follows(scene) == (False, True)


@pytest.mark.parametrize("kind", ["issue", "project"])
def test_what_may_no_longer_be_seen_is_not_named(
    session, scene, address_for, follows, visitor, kind
):
    scene.project.access = Access.PRIVATE
    session.execute(delete(Grant).where(Grant.user_id == scene.bob.id))
    session.commit()
    path = address_for(getattr(scene, kind), scene.bob)
    for page in (visitor.get(path), visitor.post(path)):
        assert "secret title" not in page.text
        assert "Web" not in page.text
        assert "web#1" not in page.text
    assert follows(scene) == (kind != "issue", kind != "project")


def test_a_disabled_account_can_still_leave(session, scene, address_for, follows, visitor):
    scene.bob.is_active = False
    session.commit()
    visitor.post(address_for(scene.issue, scene.bob))
    assert follows(scene) == (False, True)


def test_it_works_when_all_addresses_to_answer_to_are_ended(
    session, scene, address_for, follows, visitor
):
    path = address_for(scene.issue, scene.bob)
    end_mail_addresses(scene.bob)
    session.commit()
    visitor.post(path)
    assert follows(scene) == (False, True)


def test_a_forged_token(world, session, scene, address_for, follows, visitor):
    path = address_for(scene.issue, scene.bob)
    head, _dot, token = path.rstrip("/").rpartition(".")
    forged = [
        f"{head}.{token[:place]}{'a' if token[place] != 'a' else 'b'}{token[place + 1 :]}/"
        for place in range(len(token))
    ]
    other = world.issue(scene.project, scene.alice)
    subscribe(session, identify(session, scene.bob), other)
    session.commit()
    forged += [
        path.replace(f"issue-{scene.issue.id}.", f"issue-{other.id}."),
        path.replace(f"issue-{scene.issue.id}.", f"project-{scene.project.id}."),
        path.replace(f".{scene.bob.id}.", f".{scene.alice.id}."),
        path.replace(f".{scene.bob.id}.", ".999999999."),
        path.replace(f"issue-{scene.issue.id}.", "issue-999999999."),
        path.replace(f"issue-{scene.issue.id}.", "issue-0."),
        path.replace(f"issue-{scene.issue.id}.", "issue-" + "9" * 40 + "."),
        f"{head}./",
        f"{head}.{token}x/",
        f"{head}.{'%C3%A9' * 16}/",
        "/unsubscribe/",
        "/unsubscribe/x/",
        f"{path}x",
    ]
    nothing = visitor.get("/unsubscribe/nothing/", status=404).html.main
    for wrong in forged:
        assert visitor.get(wrong, status=404).html.main == nothing
        assert visitor.post(wrong, status=404)
    assert follows(scene) == (True, True)
    assert session.get(IssueSubscription, (other.id, scene.bob.id))


def test_small_and_capital_letters_are_one(scene, address_for, follows, visitor):
    visitor.post(f"/unsubscribe/{address_for(scene.issue, scene.bob).split('/')[2].upper()}")
    assert follows(scene) == (False, True)


def test_what_is_gone(session, scene, address_for, visitor):
    path = address_for(scene.project, scene.bob)
    session.execute(delete(Project))
    session.commit()
    assert visitor.post(path, status=404)
