from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.models import AuditEntry, EditPolicy, SiteSettings


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


def stored(session):
    session.expire_all()
    settings = session.get_one(SiteSettings, 1)
    return settings.items_per_page, settings.edit_policy, settings.edit_policy_minutes


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error")]


def save(browser, **fields):
    good = {"items_per_page": "25", "edit_policy": "always", "edit_policy_minutes": "30"}
    return browser.post_form("/admin/settings/", {**good, **fields}, expect_errors=True)


def entries(session):
    found = session.scalars(select(AuditEntry).where(AuditEntry.action == "settings.edit"))
    return [(entry.actor_name, entry.before, entry.after) for entry in found]


def test_changing_the_settings(admin, session):
    form = admin.get("/admin/settings/").forms["settings-form"]
    assert (form["items_per_page"].value, form["edit_policy"].value) == ("25", "always")
    form["items_per_page"] = "2"
    form["edit_policy"] = "minutes"
    form["edit_policy_minutes"] = "10"
    page = form.submit().follow()
    assert "Settings successfully updated." in page
    assert stored(session) == (2, EditPolicy.MINUTES, 10)
    assert entries(session) == [
        (
            "admin",
            {"items_per_page": 25, "edit_policy": "always", "edit_policy_minutes": 30},
            {"items_per_page": 2, "edit_policy": "minutes", "edit_policy_minutes": 10},
        )
    ]
    page.forms["settings-form"].submit().follow()
    assert len(entries(session)) == 1


def test_the_pages_of_lists_follow(world, admin):
    world.user("alice")
    world.user("bob")
    save(admin, items_per_page="2")
    assert len(admin.get("/admin/users/").html.select(".row-list > li")) == 2


@pytest.mark.parametrize("policy", EditPolicy)
def test_every_policy(admin, session, policy):
    assert save(admin, edit_policy=policy.value).status_int == 303
    assert stored(session) == (25, policy, 30)


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("items_per_page", "0", "Enter a number from 1 to 500."),
        ("items_per_page", "501", "Enter a number from 1 to 500."),
        ("items_per_page", "-5", "Enter a number from 1 to 500."),
        ("items_per_page", "", "Enter a number from 1 to 500."),
        ("items_per_page", "ten", "Enter a number from 1 to 500."),
        ("items_per_page", "1e1", "Enter a number from 1 to 500."),
        ("items_per_page", "1_0", "Enter a number from 1 to 500."),
        ("items_per_page", "٢", "Enter a number from 1 to 500."),
        ("items_per_page", "9" * 400, "Enter a number from 1 to 500."),
        ("edit_policy_minutes", "0", "Enter a number from 1 to 525600."),
        ("edit_policy_minutes", "525601", "Enter a number from 1 to 525600."),
        ("edit_policy", "never", "Choose one of these."),
        ("edit_policy", "", "Choose one of these."),
    ],
)
def test_what_is_refused_comes_back(admin, session, field, typed, message):
    page = save(admin, **{field: typed})
    assert page.status_int == 422
    assert errors(page, field) == [message]
    if field != "edit_policy":
        assert page.forms["settings-form"][field].value == typed
    assert stored(session) == (25, EditPolicy.ALWAYS, 30)


def test_two_people_change_the_settings(admin, session):
    first, second = (admin.get("/admin/settings/").forms["settings-form"] for _ in range(2))
    first["items_per_page"] = "10"
    first.submit().follow()
    second["edit_policy"] = "minutes"
    page = second.submit(status=422)
    assert "Someone else has changed this since you opened it." in page
    assert page.forms["settings-form"]["edit_policy"].value == "minutes"
    assert stored(session)[0] == 10
    page.forms["settings-form"].submit().follow()
    assert stored(session) == (25, EditPolicy.MINUTES, 30)


def test_only_who_manages_settings_may(world, session, visitor_as):
    alice = world.user("alice")
    world.grant("manage_accounts", "manage_global_permission", user_id=alice.id)
    browser = visitor_as("alice")
    assert browser.get("/admin/settings/", status=403)
    assert save(browser, items_per_page="1").status_int == 403
    assert stored(session)[0] == 25
    world.grant("manage_settings", group_id=world.group("g", alice).id)
    assert save(browser, items_per_page="1").status_int == 303
