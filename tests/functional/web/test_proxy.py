"""The whole application where people come by https, and a proxy asks by http for them."""

from __future__ import annotations

import dataclasses

import pytest

from tests.functional.conftest import make_test_app
from tests.site import PASSWORD, Visitor

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

ADDRESS = "https://tracker.example.org"
FROM_PROXY = {
    "wsgi.url_scheme": "http",
    "HTTP_HOST": "127.0.0.1:6543",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_X_FORWARDED_FOR": "203.0.113.9",
}


@pytest.fixture(scope="module")
def https_app(all_on):
    secret = "a secret that only this test has, of more than 32 characters"
    return make_test_app(dataclasses.replace(all_on, base_url=ADDRESS, secret=secret))


@pytest.fixture
def visitor(https_app, database):
    https_app.registry["ponytracker.database"] = database
    return Visitor(https_app, extra_environ=FROM_PROXY)


def test_everything_is_https(world, visitor):
    world.user("alice")
    page = visitor.get("/login")
    cookie = page.headers["Set-Cookie"]
    for flag in ("; secure", "; httponly", "; samesite=lax", "; path=/"):
        assert flag in cookie.lower()
    form = page.forms["login-form"]
    fields = {"username": "alice", "password": PASSWORD, "csrf_token": form["csrf_token"].value}
    browser = {"Cookie": cookie.split(";")[0], "Origin": ADDRESS}
    answer = visitor.post("/login", fields, headers=browser, status=303)
    assert answer.headers["Location"] == f"{ADDRESS}/"
    assert "; secure" in answer.headers["Set-Cookie"].lower()
    browser["Origin"] = "https://elsewhere.example.org"
    visitor.post("/login", fields, headers=browser, status=400)


def test_every_answer_says_that_it_stays_so(world, visitor):
    css = visitor.get("/").html.find("link", rel="stylesheet")["href"]
    answers = [visitor.get(path) for path in ("/", "/login", "/web/", css)]
    answers += [visitor.get(path, status=404) for path in ("/static/nope", "/login/nope")]
    answers.append(visitor.get("/?q=%ff", status=400))
    answers.append(visitor.post("/login", "a" * 5_000_000, status=413))
    answers.append(visitor.get("/", extra_environ={"HTTP_HOST": "evil.example"}, status=400))
    for answer in answers:
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_whoever_must_sign_in_is_led_to_the_address_that_people_type(visitor):
    assert visitor.get("/web/").headers["Location"].startswith(f"{ADDRESS}/login?")


def test_where_someone_signed_in_from_is_where_they_are(world, visitor):
    world.user("alice")
    browser = {}
    page = visitor.get("/login")
    browser["Cookie"] = page.headers["Set-Cookie"].split(";")[0]
    browser["Origin"] = ADDRESS
    token = page.forms["login-form"]["csrf_token"].value
    fields = {"username": "alice", "password": PASSWORD, "csrf_token": token}
    answer = visitor.post("/login", fields, headers=browser, status=303)
    browser["Cookie"] = answer.headers["Set-Cookie"].split(";")[0]
    assert "203.0.113.9" in visitor.get("/profile/", headers=browser)


def test_a_mail_that_is_much_too_large_is_told_so(visitor, monkeypatch):
    monkeypatch.setitem(visitor.app.registry["ponytracker.left_bodies"], "/api/email/recv/", 1000)
    answer = visitor.post("/api/email/recv/", b"x" * 2000, status=413)
    assert answer.json["verdict"] == "too_large"
