"""Everything that no form of projects asks for, sent to each of them."""

from __future__ import annotations

import pytest

from tests.hostile import TEXTS, withstands

GOOD = {
    "display_name": "Web",
    "name": "web-site",
    "description": "All ponies",
    "access": "public",
    "version": "",
}


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    world.project("web")
    return visitor_as("admin")


@pytest.mark.parametrize("path", ["/add/", "/web/edit/"])
def test_the_form_of_a_project(admin, database, path):
    assert withstands(admin, database, path, GOOD, "project-form") > len(TEXTS) // 2


def test_the_form_that_deletes(admin, database):
    assert withstands(admin, database, "/web/delete/", {"name": "web"}, "delete-form") > 20


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe", "markread", "archive"])
def test_the_buttons(admin, database, action):
    assert withstands(admin, database, f"/web/{action}/", {"next": "/web/"}, "confirm-form") == 0
