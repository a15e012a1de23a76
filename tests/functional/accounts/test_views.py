from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from ponytracker.models import Attempt, AuditEntry, SignInSession, User
from ponytracker.security.passwords import Passwords
from tests.databases import count_queries
from tests.functional.conftest import make_test_app
from tests.site import PASSWORD, Visitor
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


def test_a_hash_is_made_while_nobody_waits(alice, visitor, session, database, monkeypatch):
    alice.password_hash = Passwords(64, 2).hash(PASSWORD)
    session.commit()
    session.close()
    hash_, busy = Passwords.hash, []

    def spy(*arguments):
        busy.append(database.bind.in_nested_transaction())
        return hash_(*arguments)

    monkeypatch.setattr(Passwords, "hash", spy)
    assert visitor.sign_in("alice").status_int == 303
    assert busy == [False]


@pytest.mark.parametrize("change", ["password", "no password", "disabled", "deleted"])
def test_what_happens_while_the_password_is_checked(
    alice, visitor, session, passwords, monkeypatch, change
):
    check = Passwords.check

    def slow_check(*arguments):
        if change == "deleted":
            session.delete(alice)
        elif change == "disabled":
            alice.is_active = False
        else:
            alice.password_hash = passwords.hash("another one") if change == "password" else None
        session.commit()
        return check(*arguments)

    monkeypatch.setattr(Passwords, "check", slow_check)
    assert WRONG in visitor.sign_in("alice", status=422)
    assert session.scalars(select(SignInSession)).all() == []


def test_locks_are_taken_in_the_order_of_whoever_signs_out(alice, visitor, database):
    """The account, the session that ends, the audit log: else two wait for each other."""
    visitor.sign_in("alice")
    with count_queries(database) as queries:
        visitor.sign_in("alice")
    ends = position(queries, "DELETE FROM sign_in_sessions", "token_hash")
    assert ends < position(queries, "SELECT site_settings.id")
    if database.bind.dialect.name == "postgresql":
        assert position(queries, "FROM users", "FOR NO KEY UPDATE") < ends


def position(queries, *parts):
    """Return which of *queries* is the first that has all *parts*."""
    return next(n for n, query in enumerate(queries) if all(part in query for part in parts))


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


def audited(session):
    """What was done, to whom, by whom, from where."""
    session.expire_all()
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [(entry.action, entry.target, entry.actor_name, entry.address) for entry in entries]


@pytest.fixture
def visitor_from(app):
    """Return a function that gives a browser at an address."""
    return lambda address: Visitor(app, extra_environ={"REMOTE_ADDR": address})


def test_signing_in_and_out_is_in_the_audit_log(alice, visitor_from, session):
    visitor = visitor_from("192.0.2.7")
    visitor.sign_in("ALICE").follow().forms[0].submit()
    visitor.post_form("/logout")
    assert audited(session) == [
        ("user.sign_in", "alice", "alice", "192.0.2.7"),
        ("user.sign_out", "alice", "alice", "192.0.2.7"),
    ]


def test_failing_is_in_the_audit_log_without_what_was_typed(alice, visitor_from, session):
    visitor = visitor_from("192.0.2.7")
    post(visitor, username="Alice", password="hunter2")
    post(visitor, username="correct horse battery staple", password="hunter2")
    assert audited(session) == [
        ("user.sign_in_failed", "alice", "", "192.0.2.7"),
        ("user.sign_in_failed", "(unknown account)", "", "192.0.2.7"),
    ]
    stored = [*session.scalars(select(Attempt)), *session.scalars(select(AuditEntry))]
    assert len(stored) == 4
    assert not any("horse" in str(vars(row)) or "hunter2" in str(vars(row)) for row in stored)


TOO_OFTEN = "That was tried too often. Wait "


def test_whoever_fails_too_often_waits_whether_there_is_such_an_account_or_not(
    alice, visitor, still, monkeypatch, session
):
    pages, checked = {}, []
    for name in ("alice", "nobody"):
        for _ in range(5):
            assert post(visitor, username=name, password="wrong").status_int == 422
        with monkeypatch.context() as patch:
            patch.setattr(Passwords, "check", lambda *args: checked.append(args))
            answer = post(visitor, username=name, password=PASSWORD)
        assert (answer.status_int, answer.headers["Retry-After"]) == (429, "1")
        assert f"{TOO_OFTEN}1 second, then try again." in answer
        assert checked == []
        form = answer.forms["login-form"]
        assert (form["username"].value, form["password"].value) == (name, "")
        pages[name] = body(answer).replace(name, "NAME")
    assert pages["alice"] == pages["nobody"]
    # What was refused has left no row, and no entry.
    assert len(session.scalars(select(Attempt)).all()) == 10
    assert len(audited(session)) == 10


def test_after_the_wait_the_right_password_is_right_and_all_is_forgiven(alice, visitor, session):
    for _ in range(5):
        post(visitor, username="alice", password="wrong")
    for attempt in session.scalars(select(Attempt)):
        attempt.at -= dt.timedelta(seconds=1)
    session.commit()
    assert visitor.sign_in("alice").status_int == 303
    assert session.scalars(select(Attempt)).all() == []


def test_a_hash_of_django_lets_in_and_is_replaced(alice, visitor, session):
    alice.password_hash = (
        "pbkdf2_sha256$12000$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw="
    )
    session.commit()
    visitor.sign_in("alice", "letmein", status=422)
    assert visitor.sign_in("alice", "lètmein").status_int == 303
    session.expire_all()
    assert alice.password_hash.startswith("$argon2id$")
    assert visitor.sign_in("alice", "lètmein").status_int == 303


def test_from_one_address_all_accounts_are_slowed_down(world, visitor_from, still):
    alice = world.user("alice")
    visitor = visitor_from("2001:db8::1")
    for n in range(20):
        post(visitor, username=f"user{n}", password="wrong")
    for address in ("2001:db8::1", "2001:db8::ffff"):
        answer = post(visitor_from(address), username=alice.username, password=PASSWORD)
        assert answer.status_int == 429
    assert visitor_from("2001:db8:1::1").sign_in("alice").status_int == 303


def test_who_is_refused_is_in_the_log_without_the_name(alice, visitor_from, still, caplog):
    visitor = visitor_from("2001:db8::1")
    for _ in range(5):
        post(visitor, username="alice", password="wrong")
    assert caplog.messages == []
    assert post(visitor, username="alice", password=PASSWORD).status_int == 429
    (line,) = caplog.records
    assert (line.name, line.levelname) == ("ponytracker.security.throttling", "WARNING")
    assert line.getMessage() == "A try came too early: sign_in from 2001:db8::/64"


def test_where_no_address_is_known_only_accounts_are_slowed_down(alice, visitor):
    for n in range(25):
        assert post(visitor, username=f"user{n}", password="wrong").status_int == 422
    assert visitor.sign_in("alice").status_int == 303


def test_what_leads_to_other_pages_is_there_as_the_settings_say(settings, database, visitor):
    page = visitor.get("/login")
    assert "Forgot your password?" in page
    assert "Sign up for an account" in page
    app = make_test_app(settings)
    app.registry["ponytracker.database"] = database
    page = Visitor(app).get("/login")
    assert "Forgot your password?" not in page
    assert "Sign up for an account" not in page
