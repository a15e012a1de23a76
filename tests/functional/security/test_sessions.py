from __future__ import annotations

import base64
import datetime as dt
import json
import time
from http.cookies import SimpleCookie

import pytest
from pyramid.interfaces import ISessionFactory
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy import select, update

from ponytracker.models import SignInSession, User
from ponytracker.models.base import now
from ponytracker.security.sessions import end_all
from tests.site import PASSWORD

HTTPS = {"wsgi.url_scheme": "https"}


@pytest.fixture
def alice(world):
    return world.user("alice")


def set_cookie(answer):
    return SimpleCookie(answer.headers["Set-Cookie"])["ponytracker"]


def content(value):
    """Return the JSON that the cookie *value* carries behind its signature of 64 octets."""
    raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    return json.loads(raw[64:])


def rows(session):
    session.expire_all()
    return session.scalars(select(SignInSession)).all()


def as_someone(app, cookie):
    request = Request.blank("/", environ={"HTTP_COOKIE": f"ponytracker={cookie}"})
    return "Sign out" in request.get_response(app).text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor):
    cookie = set_cookie(visitor.get("/login"))
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["secure"]
    assert not cookie["domain"]


def test_over_https_it_is_sent_over_https_only(visitor):
    assert set_cookie(visitor.get("/login", extra_environ=HTTPS))["secure"] is True


def test_a_reader_who_is_not_signed_in_gets_no_cookie(world, visitor):
    world.issue(world.project("web"))
    for address in ("/", "/web/issues/", "/web/issues/1/", "/nope"):
        assert "Set-Cookie" not in visitor.get(address).headers


def test_the_cookie_holds_json_and_neither_a_name_nor_a_password(alice, visitor):
    visitor.sign_in("alice")
    (_, _, state) = content(visitor.cookies["ponytracker"])
    assert set(state) <= {"sign_in", "_csrft_", "_f_success"}
    assert "alice" not in json.dumps(state)
    assert "correct horse" not in json.dumps(state)


def test_the_database_holds_only_the_hash_of_the_token(alice, visitor, session):
    visitor.sign_in("alice")
    token = content(visitor.cookies["ponytracker"])[2]["sign_in"]
    (row,) = rows(session)
    assert len(token) >= 43
    assert token not in str(vars(row))
    assert row.user_id == alice.id
    assert row.user_agent == ""
    assert row.expires_at - row.created_at == dt.timedelta(days=1)


def test_whoever_does_not_want_to_stay_is_out_when_the_browser_closes(alice, visitor):
    for answer in (visitor.get("/login"), visitor.sign_in("alice")):
        cookie = set_cookie(answer)
        assert (cookie["max-age"], cookie["expires"]) == ("", "")


def stay(visitor):
    form = visitor.get("/login").forms["login-form"]
    form["username"], form["password"], form["stay"] = "alice", PASSWORD, True
    return form.submit()


def test_whoever_wants_to_stay_stays_for_the_days_of_the_settings(alice, visitor, session):
    month = dt.timedelta(days=30)
    assert set_cookie(stay(visitor))["max-age"] == str(int(month.total_seconds()))
    (row,) = rows(session)
    assert row.expires_at - row.created_at == month
    # So it does when the cookie is made anew, and no longer than they are signed in.
    assert set_cookie(visitor.get("/"))["max-age"] == str(int(month.total_seconds()))
    out = visitor.post_form("/logout")
    assert set_cookie(out)["max-age"] == ""


def test_a_cookie_that_is_made_anew_by_its_age_stays_what_it_is(app, alice, visitor, monkeypatch):
    later = time.time() + 2 * 86_400
    for sign_in, kept in ((visitor.sign_in, False), (lambda _name: stay(visitor), True)):
        sign_in("alice")
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: later)
            cookie = set_cookie(visitor.get("/"))
        assert bool(cookie["max-age"]) == kept


def test_all_sessions_of_one_person_end_and_none_of_another(
    alice, world, visitor_as, session, settings
):
    world.user("bob")
    browsers = [visitor_as("alice"), visitor_as("alice")]
    bob = visitor_as("bob")
    end_all(session, alice.id)
    session.commit()
    assert all("Sign out" not in browser.get("/") for browser in browsers)
    assert "Sign out" in bob.get("/")


def test_a_session_that_was_handed_to_someone_is_worth_nothing_after_they_sign_in(
    app, alice, visitor
):
    form = visitor.get("/login").forms["login-form"]
    planted = visitor.cookies["ponytracker"]
    token = form["csrf_token"].value
    visitor.sign_in("alice").follow()
    assert visitor.cookies["ponytracker"] != planted
    assert not as_someone(app, planted)
    page = visitor.post("/logout", {"csrf_token": token}, status=400)
    assert "Your form was not taken yet" in page


def test_each_sign_in_has_a_token_of_its_own(alice, visitor_as, session):
    visitor_as("alice")
    visitor_as("alice")
    assert len({row.token_hash for row in rows(session)}) == 2


def test_signing_out_ends_the_session_and_not_only_the_cookie(app, alice, visitor_as, session):
    browser, other = visitor_as("alice"), visitor_as("alice")
    cookie = browser.cookies["ponytracker"]
    assert as_someone(app, cookie)
    page = browser.get("/")
    page.forms[0].submit().follow()
    assert len(rows(session)) == 1
    assert not as_someone(app, cookie)
    assert "Sign out" in other.get("/")


def test_signing_out_again_is_no_error(alice, visitor_as):
    browser = visitor_as("alice")
    browser.post_form("/logout", status=303)
    assert browser.post_form("/logout", status=303).follow().status_int == 200


def test_a_session_ends_after_its_days(alice, visitor_as, session):
    browser = visitor_as("alice")
    session.execute(update(SignInSession).values(expires_at=now() - dt.timedelta(seconds=1)))
    session.commit()
    assert "Sign out" not in browser.get("/")


def test_sessions_that_expired_are_swept_at_the_next_sign_in(alice, visitor_as, session):
    visitor_as("alice")
    session.execute(update(SignInSession).values(expires_at=now() - dt.timedelta(seconds=1)))
    session.commit()
    visitor_as("alice")
    assert len(rows(session)) == 1


def test_who_is_disabled_is_out_at_the_next_click(alice, visitor_as, session):
    browser = visitor_as("alice")
    assert "Sign out" in browser.get("/")
    session.execute(update(User).values(is_active=False))
    session.commit()
    assert "Sign out" not in browser.get("/")


def test_a_deleted_account_is_out_too(alice, visitor_as, session):
    browser = visitor_as("alice")
    session.delete(alice)
    session.commit()
    assert "Sign out" not in browser.get("/")
    assert rows(session) == []


def test_a_cookie_that_was_changed_is_nobodys(app, alice, visitor_as):
    cookie = visitor_as("alice").cookies["ponytracker"]
    assert as_someone(app, cookie)
    for changed in (cookie[:-4] + "AAAA", "AAAA" + cookie[4:], cookie + cookie, cookie[:40], ""):
        assert not as_someone(app, changed)


def test_messages_that_nobody_looks_at_do_not_fill_the_cookie(one_app):
    request = Request.blank("/")
    messages = one_app.registry.getUtility(ISessionFactory)(request)
    for _ in range(200):
        messages.flash("Comment added successfully.", "success")
        messages.flash("Issue closed.", "success")
    assert messages.pop_flash("success") == ["Comment added successfully.", "Issue closed."]
    messages.flash("Issue closed.", "success")
    assert messages.pop_flash("success") == ["Issue closed."]


def test_of_too_many_messages_the_last_ones_stay(one_app):
    messages = one_app.registry.getUtility(ISessionFactory)(Request.blank("/"))
    texts = [f"User '{number} {chr(0x1F434) * 40}' does not exist." for number in range(100)]
    for text in texts:
        messages.flash(text, "error")
        messages.flash(text, "info")
    kept = messages.peek_flash("error") + messages.peek_flash("info")
    assert texts[-1] in kept
    assert 1 < len(kept) < 10
    response = Response()
    messages._set_cookie(response)
    assert "ponytracker" in response.headers["Set-Cookie"]
