"""Every form of the administration bears what no form asks for (see tests/hostile.py)."""

from __future__ import annotations

import pytest

from tests.hostile import withstands

USER = {
    "username": "bob",
    "first_name": "Robert",
    "last_name": "O’Neil",
    "email": "bob@example.org",
    "notifications": "others",
    "time_zone": "UTC",
    "is_superuser": "y",
    "version": "",
}
PASSWORD = "an entirely new phrase"

FORMS = {
    "/admin/users/add/": ("user-form", {**USER, "password": PASSWORD}),
    "/admin/users/{user}/edit/": ("user-form", USER),
    "/admin/users/{user}/edit-password/": (
        "password-form",
        {"password": PASSWORD, "again": PASSWORD},
    ),
    "/admin/users/{user}/add-group/": ("addition-form", {"group": "free"}),
    "/admin/users/{user}/add-team/": ("addition-form", {"team": "free"}),
    "/admin/users/{user}/remove-group/{group}/": ("confirm-form", {"csrf": "x"}),
    "/admin/groups/add/": ("group-form", {"name": "new", "version": ""}),
    "/admin/groups/{group}/edit/": ("group-form", {"name": "new", "version": ""}),
    "/admin/groups/{group}/add-user/": ("addition-form", {"user": "carol"}),
    "/admin/teams/add/": ("team-form", {"name": "new", "version": ""}),
    "/admin/teams/{team}/edit/": ("team-form", {"name": "new", "version": ""}),
    "/admin/teams/{team}/add-user/": ("addition-form", {"user": "carol"}),
    "/admin/teams/{team}/add-group/": ("addition-form", {"group": "free"}),
    "/admin/settings/": (
        "settings-form",
        {
            "items_per_page": "25",
            "edit_policy": "minutes",
            "edit_policy_minutes": "30",
            "version": "",
        },
    ),
}
"""Each form's id, and what it takes; the ids in its address are those of the test's rows."""


@pytest.mark.parametrize("address", FORMS)
def test_forms_bear_what_no_form_asks_for(world, database, visitor_as, address):
    world.user("admin", is_superuser=True)
    alice = world.user("alice")
    world.user("carol")
    group = world.group("developers", alice)
    team = world.team("core", alice, group)
    world.group("free")
    world.team("free")
    browser = visitor_as("admin")
    form, good = FORMS[address]
    path = address.format(user=alice.id, group=group.id, team=team.id)
    refused = withstands(browser, database, path, good, form)
    assert refused or form == "confirm-form"


@pytest.mark.parametrize(
    "address",
    [
        "/admin/users/",
        "/admin/groups/",
        "/admin/teams/",
        "/admin/groups/{group}/",
        "/admin/teams/{team}/",
        "/admin/audit/",
    ],
)
@pytest.mark.parametrize(
    "query",
    ["q=%00", "q=%25_%5C", "q={long}", "page=%00", "page=-1", "page={long}", "groups=x", "q=a&q=b"],
)
def test_lists_bear_odd_addresses(world, visitor_as, address, query):
    world.user("admin", is_superuser=True)
    path = address.format(group=world.group("g").id, team=world.team("t").id)
    assert visitor_as("admin").get(f"{path}?{query.format(long='x' * 3000)}").status_int == 200
