"""Every form of an issue bears what no form asks for (see tests/hostile.py)."""

from __future__ import annotations

import pytest

from ponytracker.issues import service
from tests.hostile import withstands

FORMS = {
    "edit/": (
        "issue-form",
        {"title": "x", "due_date": "2026-07-01T10:00", "description": "x", "version": ""},
    ),
    "comments/{comment}/edit/": ("comment-form", {"comment": "x", "version": ""}),
    "comments/{comment}/delete/": ("confirm-form", {"csrf": "x"}),
    "assign/": ("assign-form", {"assignee": "admin"}),
    "close/": ("confirm-form", {"reason": "completed"}),
    "delete/": ("confirm-form", {"csrf": "x"}),
    "subscribe/": ("confirm-form", {"next": "/"}),
}
"""Each form's id, and what it takes."""


@pytest.mark.parametrize("address", FORMS)
def test_forms_bear_what_no_form_asks_for(world, session, database, visitor_as, address):
    world.user("admin", is_superuser=True, email="admin@example.org")
    issue = world.issue(world.project("web"))
    comment = service.comment(session, issue, None, text="one")
    session.commit()
    form, good = FORMS[address]
    path = f"/web/issues/1/{address.format(comment=comment.id)}"
    refused = withstands(visitor_as("admin"), database, path, good, form)
    assert refused or set(good) & {"csrf", "next"}


@pytest.mark.parametrize("address", ["issues/1/history/", "activity/", "issues/1/assign/"])
@pytest.mark.parametrize(
    "query", ["page=%00", "page={long}", "version=%00", "query=%00", "query=%25"]
)
def test_pages_bear_odd_addresses(world, visitor_as, address, query):
    world.user("admin", is_superuser=True)
    world.issue(world.project("web"))
    path = f"/web/{address}?{query.format(long='9' * 3000)}"
    assert visitor_as("admin").get(path, expect_errors=True).status_int in (200, 404)
