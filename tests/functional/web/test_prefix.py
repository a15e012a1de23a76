"""A site below a path of its own: no link, form, redirect, cookie or mail leads out of it."""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import urljoin, urlsplit

import pytest

from ponytracker.attachments.keeping import STORE
from ponytracker.issues.service import comment
from tests.functional.conftest import make_test_app
from tests.functional.test_every_view import admin, reading, views  # noqa: F401 - fixtures
from tests.site import Visitor

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

PREFIX = "/tracker"
SITE = f"http://localhost{PREFIX}"
ADDRESSES = ("href", "src", "action", "formaction", "data-suggest", "data-suggestions")
MORE_ADDRESSES = ("data-upload", "data-preview-url")


def inside(path):
    is_inside = urlsplit(path).path.startswith(f"{PREFIX}/") or not path.startswith("/")
    return path if is_inside else PREFIX + path


class Inside(Visitor):
    """A browser whose every address is below the prefix."""

    def get(self, url, *args, **kw):
        return super().get(inside(url), *args, **kw)

    def _gen_request(self, method, url, *args, **kw):
        return super()._gen_request(method, inside(url), *args, **kw)


@pytest.fixture(scope="module")
def prefixed_app(all_on):
    return make_test_app(dataclasses.replace(all_on, base_url=SITE))


@pytest.fixture
def app(prefixed_app, database):
    prefixed_app.registry["ponytracker.database"] = database
    database.info["base_url"] = SITE
    database.info[STORE] = prefixed_app.registry["ponytracker.attachments"]
    return prefixed_app


@pytest.fixture
def visitor(app):
    return Inside(app)


@pytest.fixture
def visitor_as(app):
    def sign_in(user):
        visitor = Inside(app)
        visitor.sign_in(getattr(user, "username", user)).follow()
        return visitor

    return sign_in


def leading_out(page):
    """Return the addresses in *page* that are on this host and not of this site."""
    out = []
    for tag in page.html.find_all(True):
        for name in (*ADDRESSES, *MORE_ADDRESSES):
            target = urlsplit(urljoin(page.request.url, tag.get(name, "")))
            if target.hostname == "localhost" and not f"{target.path}/".startswith(f"{PREFIX}/"):
                out.append((tag.name, name, tag[name]))
    return out


def test_no_address_on_any_page_leads_out(admin, views, world):  # noqa: F811
    from ponytracker.models import Issue, User

    issue, author = world.session.query(Issue).first(), world.session.query(User).first()
    text = f"{SITE}/web/issues/1/ and #1, @{author.username} and ![a](attachment:900000000)"
    comment(world.session, issue, author, text=text)
    world.session.commit()
    seen = 0
    for view in reading(views):
        page = admin.get(view.address, expect_errors=True)
        while page.status_int in (301, 302, 303):
            assert page.location.startswith(SITE), (view, page.location)
            page = page.follow(expect_errors=True)
        assert page.status_int < 500
        if page.content_type == "text/html":
            assert not leading_out(page), view
            seen += 1
    assert seen > 40
    discussion = admin.get("/web/issues/1/").text
    assert f'href="{PREFIX}/web/issues/1/"' in discussion
    assert f"{PREFIX}/web/issues/1/attachments/" in discussion


def test_signing_in_leads_back_below_the_prefix_alone(visitor, world):
    world.user("alice")
    asked = visitor.get("/admin/users/?page=2")
    assert asked.location == f"{SITE}/login?next=%2Ftracker%2Fadmin%2Fusers%2F%3Fpage%3D2"
    page = asked.follow()
    cookie = page.headers["Set-Cookie"]
    assert re.search(r"; path=/tracker(;|$)", cookie, re.IGNORECASE)
    form = page.forms["login-form"]
    assert form.action == f"{PREFIX}/login"
    form["username"], form["password"] = "alice", "correct horse battery staple"
    assert form.submit().location == f"{SITE}/admin/users/?page=2"
    for elsewhere in ("/other/", "/trackers", "/tracker/../other", "/tracker/%2e%2E/x", "/"):
        form = visitor.get(f"/login?next={elsewhere}").forms["login-form"]
        form["username"], form["password"] = "alice", "correct horse battery staple"
        assert form.submit().location == f"{SITE}/", elsewhere


def test_errors_stay_below_the_prefix(admin):  # noqa: F811
    for path, status in (("/nope", 404), ("/static/nope", 404), ("/?q=%ff", 400)):
        page = admin.get(path, status=status)
        assert not leading_out(page)
    again = admin.post("/web/issues/add/", {"title": "Kept"}, status=400)
    assert again.forms["again-form"].action == f"{PREFIX}/web/issues/add/"


def test_a_front_end_may_cut_the_prefix_off(visitor, world):
    """With or without saying so; where a project is called like the prefix, it must say so."""
    world.project("web")
    world.project("tracker")
    ask = Visitor.get
    for path in ("/tracker/web/issues/", "/web/issues/"):
        page = ask(Visitor(visitor.app), path)
        assert f'href="{PREFIX}/web/issues/"' in page.text
    said = {"X-Forwarded-Prefix": PREFIX}
    assert ask(Visitor(visitor.app), "/tracker/issues/", headers=said).html.find("h1")
    assert (
        "tracker" in ask(Visitor(visitor.app), "/tracker/tracker/issues/").html.title.text.lower()
    )
    assert (
        Visitor(visitor.app).get("/tracker", extra_environ={"SCRIPT_NAME": "/x"}).status_int == 200
    )
