"""What administrators see of the mails, none of which is stored or sent."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import func, select

from ponytracker.models import Base
from ponytracker.notifications.preview import KINDS
from tests.databases import count_queries
from tests.functional.conftest import make_test_app
from tests.site import Visitor


@pytest.fixture
def admin(world, visitor_as):
    return visitor_as(world.user("admin", is_superuser=True, email="admin@example.org"))


def test_every_kind_is_there(admin, outbox, session, database):
    def count():
        return {
            table.name: session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }

    before = count()
    with count_queries(database) as queries:
        answer = admin.get("/admin/mail-preview/")
    page = BeautifulSoup(answer.text, "html.parser")
    sections = page.select("section.mail-preview")
    assert [section["id"] for section in sections] == list(KINDS)
    for section in sections:
        text = section.select_one("pre").text
        assert "reports#12: The export button does nothing" in text
        assert max(map(len, text.split("\n"))) <= 80
        names = {term.text for term in section.select("dt")}
        assert {"From:", "Subject:", "List-Unsubscribe:", "X-PonyTracker-Reason:"} <= names
    assert outbox == []
    assert count() == before
    assert len(queries) <= 8


def test_no_address_in_them_is_somebodys(admin, world, app):
    people = [world.user(f"user{number}") for number in range(3)]
    issue = world.issue(world.project("web", people[0]), people[0])
    page = admin.get("/admin/mail-preview/").text
    addresses = app.registry["ponytracker.gate"].addresses
    assert not [user for user in people if addresses.token_for_leaving(issue, user) in page]


@pytest.mark.parametrize("kind", KINDS)
def test_the_html_may_do_nothing(admin, kind):
    frame = BeautifulSoup(admin.get("/admin/mail-preview/").text, "html.parser").select_one(
        f"#{kind} iframe"
    )
    assert not frame["sandbox"]
    answer = admin.get(frame["src"])
    assert answer.content_type == "text/html"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith("sandbox")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "reports#12" in answer.text


def test_the_page_lets_only_its_own_frames_in(admin):
    policy = admin.get("/admin/mail-preview/").headers["Content-Security-Policy"]
    assert "frame-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_an_unknown_kind(admin):
    for kind in ("x", "", "../opened", "commented.txt"):
        assert admin.get("/admin/mail-preview-html/", {"kind": kind}, status=404)


def test_the_names_of_whoever_looks(world, visitor_as):
    world.user("a_b.c[x]", is_superuser=True, email="zoë@example.org")
    page = visitor_as("a_b.c[x]").get("/admin/mail-preview/")
    assert "X-PonyTracker-Recipient" in page.text
    assert "a_b.c[x]" in page.text


def test_without_a_sender(world, settings, database):
    app = make_test_app(settings)
    app.registry["ponytracker.database"] = database
    world.user("admin", is_superuser=True)
    browser = Visitor(app)
    browser.sign_in("admin")
    assert "Mail is not sent here" in browser.get("/admin/mail-preview/").text
