from __future__ import annotations

import pytest

LANDS = {
    "manage_settings": "/admin/settings/",
    "manage_accounts": "/admin/users/",
    "manage_global_permission": "/admin/permissions/",
}

TABS = {
    "manage_settings": ["Settings", "Mail preview"],
    "manage_accounts": ["Users", "Groups", "Teams"],
    "manage_global_permission": ["Permissions"],
}


def tabs(page):
    return [link.text.strip() for link in page.html.select(".project-header .nav-link")]


@pytest.mark.parametrize("permission", LANDS)
def test_the_entrance_leads_to_what_one_manages(world, visitor_as, permission):
    alice = world.user("alice")
    world.grant(permission, user_id=alice.id)
    browser = visitor_as("alice")
    assert "Administration" in browser.get("/profile/").html.header.text
    page = browser.get("/admin/").follow()
    assert page.request.path == LANDS[permission]
    assert tabs(page) == TABS[permission]
    assert page.html.select_one(".nav-link[aria-current=page]")["href"] == LANDS[permission]
    for other in {*LANDS.values(), "/admin/audit/"} - {LANDS[permission]}:
        assert browser.get(other, status=403)


def test_a_superuser_sees_every_tab(world, visitor_as):
    world.user("admin", is_superuser=True)
    page = visitor_as("admin").get("/admin/").follow()
    assert page.request.path == "/admin/settings/"
    accounts, mail = ["Users", "Groups", "Teams"], ["Mail preview", "Outbox", "Received mail"]
    assert tabs(page) == [*accounts, "Permissions", "Settings", *mail, "Audit log"]


def test_whoever_manages_nothing_is_sent_away(world, visitor, visitor_as):
    world.user("alice")
    browser = visitor_as("alice")
    assert browser.get("/admin/", status=403)
    assert "Administration" not in browser.get("/profile/").html.header.text
    assert "/login" in visitor.get("/admin/").location


def test_to_manage_a_project_s_permissions_is_not_to_manage_the_site(world, visitor_as):
    alice = world.user("alice")
    project = world.project("web", alice)
    world.grant(*LANDS, project=project, group_id=world.group("g", alice).id)
    assert visitor_as("alice").get("/admin/", status=403)
