from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.models import SignInSession, User
from ponytracker.security.passwords import Passwords
from tests.site import PASSWORD
from tests.unit.web.test_paths import HOSTILE

WRONG = "The username or the password is wrong."


@pytest.fixture
def alice(world):
    return world.user("alice")


def post(visitor, **fields):
    return visitor.post_form("/login", fields, expect_errors=True)


def body(answer):
    """The page without its CSRF token, which differs with every session."""
    token = answer.forms["login-form"]["csrf_token"].value
    return answer.text.replace(token, "TOKEN")


def test_signing_in_and_out(alice, visitor, session):
    page = visitor.sign_in("alice").follow()
    assert "alice" in page.html.header.text
    session.expire_all()
    assert alice.last_sign_in_at is not None
    page = page.forms[0].submit().follow()
    assert "Sign in" in page.html.header.text


@pytest.mark.parametrize("name", ["ALICE", " alice ", "Alice"])
def test_the_name_counts_in_whatever_case(alice, visitor, name):
    assert visitor.sign_in(name).status_int == 303


@pytest.mark.parametrize("password", [" " + PASSWORD, PASSWORD + " ", PASSWORD.upper()])
def test_the_password_counts_to_the_letter(alice, visitor, password):
    assert WRONG in post(visitor, username="alice", password=password)


def test_whoever_fails_to_sign_in_does_not_learn_why(world, alice, visitor, session):
    world.user("disabled", is_active=False)
    session.add(User(username="no-password"))
    session.add(User(username="empty-hash", password_hash=""))
    session.commit()
    pages = {}
    for name, password in (
        ("alice", "wrong"),
        ("nobody", PASSWORD),
        ("disabled", PASSWORD),
        ("no-password", PASSWORD),
        ("empty-hash", PASSWORD),
        ("alice", PASSWORD * 100),
        ("alice", "\x00"),
    ):
        answer = post(visitor, username=name, password=password)
        assert (name, answer.status_int) == (name, 422)
        assert WRONG in answer
        pages[name] = body(answer).replace(name, "NAME")
    assert len(set(pages.values())) == 1
    assert session.scalars(select(SignInSession)).all() == []


def test_an_unknown_name_costs_a_hash_too(alice, visitor, monkeypatch):
    checked = []
    check = Passwords.check

    def spy(self, hash_, password):
        checked.append(hash_)
        return check(self, hash_, password)

    monkeypatch.setattr(Passwords, "check", spy)
    post(visitor, username="nobody", password="x")
    assert checked == [None]


def test_the_name_comes_back_and_the_password_does_not(visitor):
    answer = post(visitor, username="<bob>", password="hunter2-hunter2")
    form = answer.forms["login-form"]
    assert form["username"].value == "<bob>"
    assert form["password"].value == ""
    assert "hunter2" not in answer


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Enter your username."),
        ({"username": "  ", "password": "x"}, "Enter your username."),
        ({"username": "alice"}, "Enter your password."),
        ({"username": "alice", "password": ""}, "Enter your password."),
        ({"username": "\ud7ff" * 150, "password": "x"}, WRONG),
        ({"username": "\ud7ff" * 100_000, "password": "x"}, "At most 150 characters."),
        ({"username": "a\x00\nb", "password": "x" * 100_000}, WRONG),
        ({"username": ["a", "b"], "password": ["x", "y"]}, WRONG),
    ],
)
def test_what_cannot_be_an_account(visitor, fields, message):
    answer = post(visitor, **fields)
    assert answer.status_int == 422
    assert message in answer


def test_a_file_is_no_name(visitor):
    token = visitor.get("/login").forms["login-form"]["csrf_token"].value
    answer = visitor.post(
        "/login",
        {"csrf_token": token},
        upload_files=[("username", "a.txt", b"alice"), ("password", "b.txt", b"x")],
        status=422,
    )
    assert "Enter your username." in answer


def test_a_hash_of_another_cost_is_replaced(alice, visitor, session):
    alice.password_hash = old = Passwords(64, 2).hash(PASSWORD)
    session.commit()
    visitor.sign_in("alice").follow()
    session.expire_all()
    assert alice.password_hash != old
    visitor.sign_in("alice").follow()


def test_a_hash_of_this_cost_stays(alice, visitor, session):
    before = alice.password_hash
    visitor.sign_in("alice")
    session.expire_all()
    assert alice.password_hash == before


def test_signing_in_leads_on(alice, visitor):
    page = visitor.get("/login?next=/archived/%3Fx%3D1&prev=/nope")
    form = page.forms["login-form"]
    assert page.html.find("a", string="Cancel")["href"] == "/nope"
    form["username"] = "alice"
    form["password"] = "wrong"
    form = form.submit(status=422).forms["login-form"]
    form["password"] = PASSWORD
    assert form.submit().location == "http://localhost/archived/?x=1"


@pytest.mark.parametrize("target", HOSTILE)
def test_signing_in_leads_to_no_other_site(alice, visitor, target):
    answer = post(visitor, username="alice", password=PASSWORD, next=target)
    assert answer.location == "http://localhost/"


def test_the_page_links_to_no_other_site(visitor):
    for target in HOSTILE:
        page = visitor.get("/login", {"next": target, "prev": target})
        assert page.html.find("a", string="Cancel")["href"] == "/"
        assert "next" not in page.forms["login-form"].fields


def test_signing_in_again_ends_the_session_before(alice, visitor, session):
    visitor.sign_in("alice")
    before = session.scalars(select(SignInSession.token_hash)).all()
    visitor.sign_in("alice")
    after = session.scalars(select(SignInSession.token_hash)).all()
    assert len(before) == len(after) == 1
    assert before != after


def test_signing_out_asks_first(alice, visitor_as):
    browser = visitor_as("alice")
    page = browser.get("/logout")
    assert "Do you want to sign out?" in page
    assert "alice" in browser.get("/").html.header.text
    page.forms["confirm-form"].submit().follow()
    assert "alice" not in browser.get("/").html.header.text
