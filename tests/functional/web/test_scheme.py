import dataclasses

import pytest

from ponytracker import make_app
from tests.site import PASSWORD, Visitor

ADDRESS = "https://tracker.example.org"
FROM_PROXY = {"wsgi.url_scheme": "http", "HTTP_HOST": "127.0.0.1:6543"}


@pytest.fixture
def visitor(settings, database):
    secret = "a secret that only this test has, of more than 32 characters"
    settings = dataclasses.replace(settings, base_url=ADDRESS, secret=secret)
    return Visitor(make_app(settings, database), extra_environ=FROM_PROXY)


def test_behind_a_proxy_that_speaks_https_everything_is_https(world, visitor):
    world.user("alice")
    page = visitor.get("/login")
    cookie = page.headers["Set-Cookie"]
    assert "; secure" in cookie.lower()
    assert "max-age" in page.headers["Strict-Transport-Security"]
    form = page.forms["login-form"]
    fields = {"username": "alice", "password": PASSWORD, "csrf_token": form["csrf_token"].value}
    browser = {"Cookie": cookie.split(";")[0], "Origin": ADDRESS}
    answer = visitor.post("/login", fields, headers=browser, status=303)
    assert answer.headers["Location"] == f"{ADDRESS}/"
    browser["Origin"] = "https://elsewhere.example.org"
    visitor.post("/login", fields, headers=browser, status=400)


def test_whoever_must_sign_in_is_led_to_the_address_that_people_type(visitor):
    assert visitor.get("/web/").headers["Location"].startswith(f"{ADDRESS}/login?")
