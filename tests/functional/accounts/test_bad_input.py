"""Every form of accounts bears what no form asks for (see tests/hostile.py)."""

from __future__ import annotations

import pytest

from ponytracker.accounts.tokens import make_token
from ponytracker.models import TokenPurpose
from tests.hostile import withstands

ANOTHER = "another horse another staple"
ASKED = {"username": "bob", "first_name": "Bob", "last_name": "", "email": "bob@example.org"}

# Nobody gets in and no password is changed: after that, the token of the form would be too old.
BY_STRANGERS = {
    "/login": ("login-form", {"username": "alice", "password": "wrong", "stay": "y"}),
    "/login/reset": ("reset-form", {"email": "alice@example.org"}),
    "/login/sign-up": ("sign-up-form", ASKED),
}
BY_ALICE = {
    "update-profile": (
        "profile-form",
        {
            "first_name": "Alice",
            "last_name": "Liddell",
            "email": "al@example.org",
            "password": "wrong",
            "notifications": "always",
            "time_zone": "Europe/Paris",
        },
    ),
    "update-password": ("password-form", {"old": "wrong", "new1": ANOTHER, "new2": ANOTHER}),
}


@pytest.fixture
def alice(world):
    return world.user("alice", email="alice@example.org")


@pytest.mark.parametrize("path", BY_STRANGERS)
def test_forms_of_strangers(alice, visitor, database, path):
    form, good = BY_STRANGERS[path]
    assert withstands(visitor, database, path, good, form) > 5


@pytest.mark.parametrize("button", BY_ALICE)
def test_forms_of_the_profile(alice, visitor_as, database, button):
    form, good = BY_ALICE[button]
    good = {**good, button: "1"}
    assert withstands(visitor_as("alice"), database, "/profile/", good, form) > 5


@pytest.mark.parametrize("purpose", TokenPurpose)
def test_forms_behind_a_link(alice, visitor, session, database, purpose):
    good = {"new1": ANOTHER, "new2": ANOTHER}
    if purpose is TokenPurpose.RESET:
        path, token = "/login/reset", make_token(session, purpose, user=alice)
    else:
        path, token = "/login/sign-up", make_token(session, purpose, data=ASKED)
        good["username"] = "bob"
    session.commit()
    assert withstands(visitor, database, f"{path}?token={token}", good, "password-form") > 5


@pytest.mark.parametrize("name", ["project", "session"])
def test_ids_of_the_profile(alice, visitor_as, database, name):
    path = {"project": "/profile/unwatch", "session": "/profile/end-session"}[name]
    withstands(visitor_as("alice"), database, path, {name: "99"}, "confirm-form")
