from __future__ import annotations

import dataclasses
import re

import pytest
from sqlalchemy import select

from ponytracker.accounts.service import find_user
from ponytracker.models import AccountToken, AuditEntry, User
from tests.functional.conftest import make_test_app
from tests.site import PASSWORD, Visitor

LINK = re.compile(r"http://localhost(/login/sign-up\?token=[\w-]+)")
SENT = "A mail with a link is on its way to you"
ASKED = {
    "username": "Zoë",
    "first_name": "Zoë",
    "last_name": "O'Brien",
    "email": "zoe@example.org",
}


def ask(visitor, **over):
    return visitor.post_form("/login/sign-up", {**ASKED, **over}, expect_errors=True)


@pytest.fixture
def link(visitor, outbox):
    """The path of the link that Zoë got."""
    assert ask(visitor).status_int == 303
    (mail,) = outbox
    return LINK.search(mail.body)[1]


def make(visitor, link, password=PASSWORD, **fields):
    form = visitor.get(link).forms["password-form"]
    form["new1"] = form["new2"] = password
    for name, value in fields.items():
        form[name] = value
    return form.submit(expect_errors=True)


def test_from_nothing_to_an_account(visitor, outbox, session):
    page = visitor.get("/login").click("Sign up for an account")
    form = page.forms["sign-up-form"]
    for name, value in ASKED.items():
        form[name] = value
    assert SENT in form.submit().follow()
    assert find_user(session, "zoë") is None
    (mail,) = outbox
    assert mail.recipients == ["zoe@example.org"]
    page = visitor.get(LINK.search(mail.body)[1])
    assert find_user(session, "zoë") is None
    form = page.forms["password-form"]
    assert form["username"].value == "Zoë"
    form["new1"] = form["new2"] = PASSWORD
    page = form.submit().follow()
    assert "Your account is ready." in page
    user = find_user(session, "zoë")
    assert (user.full_name, user.email) == ("Zoë O'Brien", "zoe@example.org")
    assert user.is_active
    assert not user.is_superuser
    assert visitor.sign_in("zoë").status_int == 303
    entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "user.sign_up"))
    assert (entry.target, entry.after["email"]) == ("Zoë", "zoe@example.org")


def test_a_name_that_is_taken_is_said_at_once(world, visitor, outbox):
    world.user("zoë")
    page = ask(visitor)
    assert page.status_int == 422
    assert "There is already a user with this name." in page
    assert page.forms["sign-up-form"]["email"].value == "zoe@example.org"
    assert outbox == []


def test_names_cannot_be_looked_up_without_end(world, app, still):
    visitor = Visitor(app, extra_environ={"REMOTE_ADDR": "192.0.2.7"})
    world.user("zoë")
    answers = [ask(visitor, email=f"user{n}@example.org") for n in range(11)]
    assert [answer.status_int for answer in answers] == [422] * 10 + [429]


def test_asking_is_limited_for_each_mail_address(visitor, outbox, still):
    answers = [ask(visitor, username=f"user{n}") for n in range(6)]
    assert [answer.status_int for answer in answers] == [303] * 5 + [429]
    assert answers[-1].forms["sign-up-form"]["username"].value == "user5"
    assert len(outbox) == 5


def test_an_address_that_has_an_account_gets_another_mail_and_the_same_answer(
    world, visitor, outbox, session
):
    world.user("alice", email="Alice@example.org")
    known, unknown = ask(visitor, email="alice@example.org"), ask(visitor)
    assert known.status_int == unknown.status_int == 303
    assert known.location == unknown.location
    first, second = outbox
    assert first.recipients == ["Alice@example.org"]
    assert "by the name of:\n\nalice\n" in first.body
    assert "token" not in first.body
    assert "token" in second.body
    assert len(session.scalars(select(AccountToken)).all()) == 1


def test_a_link_works_once(link, visitor, session):
    assert make(visitor, link).status_int == 303
    assert visitor.get(link, status=410).click("Ask for a new link").forms["sign-up-form"]
    assert len(session.scalars(select(User)).all()) == 1


def test_of_two_links_for_one_address_one_makes_an_account(link, visitor, outbox, session):
    ask(visitor, username="zoe2")
    second = LINK.search(outbox[1].body)[1]
    form = visitor.get(link).forms["password-form"]
    assert make(visitor, second).status_int == 303
    form["new1"] = form["new2"] = PASSWORD
    assert "There is an account with your address already" in form.submit(status=409)
    assert [user.username for user in session.scalars(select(User))] == ["zoe2"]


def test_a_name_that_was_taken_meanwhile_can_be_another(link, world, visitor, session):
    world.user("zoë")
    page = make(visitor, link)
    assert page.status_int == 422
    assert "There is already a user with this name." in page
    assert make(visitor, link, username="zoe2").status_int == 303
    assert find_user(session, "zoe2").email == "zoe@example.org"


@pytest.mark.parametrize("password", ["short", "1234567890", "zoe@example.org", "x" * 2000])
def test_a_password_that_will_not_do(link, visitor, password, session):
    page = make(visitor, link, password)
    assert page.status_int == 422
    assert page.forms["password-form"]["new1"].value == ""
    assert find_user(session, "zoë") is None


def test_the_name_that_was_chosen_in_the_end_is_no_password(link, visitor):
    page = make(visitor, link, "the-real-zoe", username="The-real-Zoe")
    assert "must not be the username" in page


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("username", "", "Enter a username."),
        ("username", "\x00\n", "Enter a username."),
        ("username", "x" * 100_000, "A username has 1 to 150 characters"),
        ("username", "\ufdfa" * 150, "A username has 1 to 150 characters"),
        ("first_name", "x" * 151, "At most 150 characters."),
        ("last_name", "x" * 100_000, "At most 150 characters."),
        ("email", "", "Enter your email address."),
        ("email", "zoe", "Enter one mail address"),
        ("email", "x" * 255 + "@x.org", "At most 254 characters."),
    ],
)
def test_what_cannot_be_an_account(visitor, outbox, field, value, message):
    page = ask(visitor, **{field: value})
    assert page.status_int == 422
    assert message in page
    others = {name: page.forms["sign-up-form"][name].value for name in ASKED if name != field}
    assert others == {name: ASKED[name] for name in others}
    assert outbox == []


@pytest.mark.parametrize("username", ["a\x00b", ["a", "b"], " a "])
def test_odd_names_are_made_fit(visitor, outbox, username):
    assert ask(visitor, username=username).status_int == 303
    assert len(outbox) == 1


def test_it_is_off_unless_the_settings_turn_it_on(settings, all_on, database):
    for over in (settings, dataclasses.replace(all_on, external_auth=True)):
        app = make_test_app(over)
        app.registry["ponytracker.database"] = database
        for path in ("/login/sign-up", "/login/sign-up?token=x"):
            assert Visitor(app).get(path, status=404)
            assert Visitor(app).post_form(path, status=404)
