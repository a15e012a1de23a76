from __future__ import annotations

import dataclasses
import datetime as dt
import re

import pytest
from pyramid_mailer.interfaces import IMailer
from sqlalchemy import select, update

from ponytracker.accounts.service import disable_user, edit_user
from ponytracker.models import AccountToken, Attempt, AuditEntry, SignInSession
from ponytracker.models.base import now
from ponytracker.security.principals import SHELL
from tests.functional.conftest import make_test_app
from tests.site import PASSWORD, Visitor

ANOTHER = "another horse another staple"
SAME_ANSWER = "If there is an account with this address, a mail with a link is on its way."
LINK = re.compile(r"http://localhost(/login/reset\?token=([\w-]+))")


@pytest.fixture
def alice(world):
    return world.user("alice", email="Alice@example.org")


def ask(visitor, email="alice@example.org", **kw):
    form = visitor.get("/login/reset").forms["reset-form"]
    form["email"] = email
    return form.submit(**kw)


def link_in(mail):
    return LINK.search(mail.body)[1]


@pytest.fixture
def link(alice, visitor, outbox):
    """The path of the link that Alice got."""
    ask(visitor)
    (mail,) = outbox
    return link_in(mail)


def choose(visitor, link, new1=ANOTHER, new2=None, **kw):
    form = visitor.get(link).forms["password-form"]
    form["new1"] = new1
    form["new2"] = new1 if new2 is None else new2
    return form.submit(**kw)


def test_from_the_forgotten_password_to_another_one(alice, app, outbox, session):
    visitor = Visitor(app, extra_environ={"REMOTE_ADDR": "192.0.2.7"})
    page = visitor.get("/login").click("Forgot your password")
    page.forms["reset-form"]["email"] = "alice@EXAMPLE.org"
    page = page.forms["reset-form"].submit().follow()
    assert SAME_ANSWER in page
    (mail,) = outbox
    assert mail.recipients == ["Alice@example.org"]  # as it was stored
    assert "alice" in mail.subject
    page = visitor.get(link_in(mail))
    assert "For the account <b>alice</b>" in page
    form = page.forms["password-form"]
    form["new1"] = form["new2"] = ANOTHER
    page = form.submit().follow()
    assert page.request.path == "/login"
    assert "Password updated successfully." in page
    visitor.sign_in("alice", PASSWORD, status=422)
    assert visitor.sign_in("alice", ANOTHER).status_int == 303
    entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "user.password_reset"))
    assert (entry.target, entry.actor_name, entry.address) == ("alice", "", "192.0.2.7")


@pytest.mark.parametrize("email", ["nobody@example.org", "alice@example.com", "disabled@x.org"])
def test_who_is_unknown_or_disabled_gets_no_mail_and_the_same_answer(
    alice, world, visitor, outbox, email
):
    world.user("disabled", email="disabled@x.org", is_active=False)
    known, unknown = ask(visitor), ask(visitor, email)
    assert len(outbox) == 1
    assert known.location == unknown.location
    assert SAME_ANSWER in unknown.follow()


def test_the_request_does_not_even_look_for_an_account(alice, app, visitor, monkeypatch):
    left = []

    class Later:
        def run(self, function, *arguments):
            left.append((function, arguments))

    monkeypatch.setitem(app.registry, "ponytracker.background", Later())
    ask(visitor)
    ask(visitor, "nobody@example.org")
    ((known, (_, address)), (unknown, (_, other))) = left
    assert known is unknown
    assert (address, other) == ("alice@example.org", "nobody@example.org")


def test_an_address_that_only_looks_alike_gets_nothing(world, visitor, outbox):
    world.user("mike", email="mike@example.org")
    ask(visitor, "m\u0131ke@example.org")
    assert outbox == []


def test_each_account_of_an_address_gets_a_link_of_its_own(alice, world, visitor, outbox):
    world.user("alice2", email="alice@example.org")
    ask(visitor)
    first, second = outbox
    assert "For the account <b>alice</b>" in visitor.get(link_in(first))
    assert "For the account <b>alice2</b>" in visitor.get(link_in(second))


def test_only_the_hash_of_the_token_is_stored(link, session):
    (row,) = session.scalars(select(AccountToken))
    token = LINK.search(f"http://localhost{link}")[2]
    assert len(token) >= 43
    assert token not in str(vars(row))
    assert row.expires_at - row.created_at == dt.timedelta(hours=1)


def test_the_link_is_of_the_site_whatever_the_browser_calls_it(alice, app, outbox):
    ask(Visitor(app, extra_environ={"HTTP_HOST": "127.0.0.1:7001"}))
    assert "http://localhost/login/reset?token=" in outbox[0].body
    assert "7001" not in outbox[0].body


def test_looking_at_the_link_uses_nothing_up(link, visitor):
    for _ in range(3):
        assert visitor.get(link).status_int == 200
        visitor.head(link)
    assert choose(visitor, link).status_int == 303


def assert_used_up(visitor, link):
    page = visitor.get(link, status=410)
    assert "This link does not work" in page
    assert "reset-form" in page.click("Ask for a new link").forms


def test_a_link_works_once(link, visitor):
    form = visitor.get(link).forms["password-form"]
    assert choose(visitor, link).status_int == 303
    assert_used_up(visitor, link)
    form["new1"] = form["new2"] = "a third horse and its staple"
    assert "This link does not work" in form.submit(status=410)
    assert visitor.sign_in("alice", ANOTHER).status_int == 303


def test_a_link_works_for_an_hour(link, visitor, session):
    session.execute(update(AccountToken).values(expires_at=now() - dt.timedelta(seconds=1)))
    session.commit()
    assert_used_up(visitor, link)


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "%00", "%ED%A0%80", "a&token=b", "é"])
def test_a_token_that_is_none(visitor, token):
    answer = visitor.get(f"/login/reset?token={token}", expect_errors=True)
    assert answer.status_int in (400, 410)


def test_a_file_is_no_token(visitor):
    csrf = visitor.get("/login").forms["login-form"]["csrf_token"].value
    files = [("token", "a.txt", b"x")]
    visitor.post("/login/reset", {"csrf_token": csrf}, upload_files=files, status=410)


def test_a_token_of_another_purpose_sets_no_password(visitor, outbox, link):
    other = link.replace("/reset", "/sign-up")
    assert visitor.get(other, status=410)


def test_all_links_of_a_person_are_used_up_by_one(link, visitor, outbox):
    ask(visitor)
    newer = link_in(outbox[1])
    assert newer != link
    choose(visitor, newer)
    assert_used_up(visitor, link)


def test_choosing_a_password_ends_every_session(link, visitor, visitor_as, session):
    browsers = [visitor_as("alice"), visitor_as("alice")]
    choose(visitor, link)
    assert all("Sign out" not in browser.get("/") for browser in browsers)
    assert session.scalars(select(SignInSession)).all() == []


@pytest.mark.parametrize("what", ["address", "disabled", "disabled and back", "password"])
def test_what_changes_the_account_makes_its_links_useless(what, link, alice, visitor, session):
    if what == "address":
        edit_user(session, SHELL, alice.id, email="other@example.org")
    elif what == "password":
        alice.password_hash = "changed by hand"
    else:
        disable_user(session, SHELL, alice.id)
    if what == "disabled and back":
        alice.is_active = True
    session.commit()
    assert_used_up(visitor, link)


@pytest.mark.parametrize(
    ("new1", "new2", "message"),
    [
        ("", "", "Enter a password."),
        ("short", "short", "A password has at least 10 characters."),
        (ANOTHER, "", "Enter it a second time."),
        (ANOTHER, ANOTHER + "x", "This is not the same as above."),
        ("1234567890", "1234567890", "tried first"),
        ("alice@example.org", "alice@example.org", "must not be the username or the email"),
        ("x" * 2000, "x" * 2000, "at most 1024"),
    ],
)
def test_a_password_that_will_not_do(link, visitor, new1, new2, message):
    page = choose(visitor, link, new1, new2, status=422)
    assert message in page
    form = page.forms["password-form"]
    assert (form["new1"].value, form["new2"].value) == ("", "")
    if len(new1) > 15:
        assert new1 not in page.text.replace("alice@example.org", "") or "@" in new1
    form["new1"] = form["new2"] = ANOTHER
    assert form.submit().status_int == 303


NO_ADDRESSES = ["", "  ", "alice", "@", "a@", "@b", "a b@c.org", "a@b@c", "a,b@c.org"]
NO_ADDRESSES += ["x" * 250 + "@b.org", "Alice <alice@example.org>", "a@b.org\r\nBcc: e@example.org"]


@pytest.mark.parametrize("email", NO_ADDRESSES)
def test_what_is_no_address(alice, visitor, outbox, email):
    page = visitor.post_form("/login/reset", {"email": email}, status=422)
    assert page.forms["reset-form"]["email"].value.split() == email.split()
    assert outbox == []


def test_nothing_at_all_is_no_address(visitor):
    assert "Enter your email address." in visitor.post_form("/login/reset", {}, status=422)


def test_asking_is_limited_for_each_mail_address(alice, visitor, outbox, still):
    answers = [ask(visitor, email, expect_errors=True) for email in ["alice@example.org"] * 4]
    assert [answer.status_int for answer in answers] == [303, 303, 303, 429]
    refused = answers[-1]
    assert refused.headers["Retry-After"] == "60"
    assert "That was tried too often. Wait 60 seconds, then try again." in refused
    assert refused.forms["reset-form"]["email"].value == "alice@example.org"
    assert len(outbox) == 3
    unknown = [ask(visitor, "nobody@x.org", expect_errors=True) for _ in range(4)]
    assert [answer.status_int for answer in unknown] == [303, 303, 303, 429]


def test_asking_is_limited_for_each_ip_address(app, still):
    visitor = Visitor(app, extra_environ={"REMOTE_ADDR": "192.0.2.7"})
    for n in range(10):
        assert ask(visitor, f"user{n}@example.org").status_int == 303
    assert ask(visitor, "user10@example.org", status=429).headers["Retry-After"] == "60"


def test_whoever_has_chosen_a_password_need_not_wait_to_sign_in(link, visitor, session):
    for _ in range(6):
        visitor.sign_in("alice", "wrong", expect_errors=True)
    choose(visitor, link)
    assert visitor.sign_in("alice", ANOTHER).status_int == 303
    assert {row.purpose for row in session.scalars(select(Attempt))} == {"reset"}


def test_a_mail_that_cannot_be_sent_is_logged_without_the_link(
    alice, app, visitor, caplog, monkeypatch
):
    class Broken:
        def send_immediately(self, message):
            raise OSError(message.body)

        def bind(self, **_kw):
            return self

    before = app.registry.getUtility(IMailer)
    app.registry.registerUtility(Broken(), IMailer)
    try:
        assert SAME_ANSWER in ask(visitor).follow()
    finally:
        app.registry.registerUtility(before, IMailer)
    assert "The mail 'reset' could not be sent: OSError" in caplog.text
    assert "token" not in caplog.text
    assert "alice" not in caplog.text


@pytest.mark.parametrize("over", [{"mail_default_sender": ""}, {"external_auth": True}])
def test_without_mail_or_with_accounts_from_elsewhere_it_is_not_there(over, all_on, database):
    app = make_test_app(dataclasses.replace(all_on, **over))
    app.registry["ponytracker.database"] = database
    for path in ("/login/reset", "/login/reset?token=x"):
        assert Visitor(app).get(path, status=404)
        assert Visitor(app).post_form(path, status=404)
