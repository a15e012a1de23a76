"""Rights as people set them up: a team is granted a private project, and loses one of its own."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WAYS, new_name
from tests.site import PASSWORD


@pytest.fixture
def person(new_reader, request):
    """Return a function that opens a browser in which *username* is signed in."""
    scripts, viewport = WAYS[request.node.callspec.params["reader"]]

    def sign_in(username):
        reader = new_reader(scripts=scripts, viewport=viewport)
        reader.sign_in(username, PASSWORD)
        return reader

    return sign_in


def add_user(admin, username):
    admin.go("/admin/users/add/")
    admin.page.get_by_label("Username").fill(username)
    admin.page.get_by_label("Password", exact=True).fill(PASSWORD)
    admin.press("Add user", within="main")
    assert admin.has("User added successfully.")


def complete(admin, label, typed, whole):
    """Type the start of a name, take what is suggested; without JavaScript, type it all."""
    field = admin.page.get_by_label(label, exact=True)
    if admin.scripts:
        field.press_sequentially(typed)
        suggestion = admin.page.locator(f"datalist option[value='{whole}']")
        expect(suggestion).to_be_attached()
    field.fill(whole)


def test_a_team_gets_a_private_project_and_loses_a_member(reader, person):
    admin, page = reader, reader.page
    name = new_name()
    add_user(admin, f"member-{name}")
    add_user(admin, f"stranger-{name}")

    # A team with one member.
    admin.go("/")
    admin.press("Administration")
    admin.press("Teams", within="body")
    admin.press("Add team", within="main")
    page.get_by_label("Name").fill(f"core-{name}")
    admin.press("Add team", within="main form")
    assert admin.has("Team added successfully.")
    team = page.url
    complete(admin, "Name of a user", f"member-{name}"[:9], f"member-{name}")
    admin.press("Add user", within="main")
    assert admin.has("User added to team successfully.")

    # A private project, granted to the team: first to see it, then one right by one click.
    admin.go("/add/")
    page.get_by_label("Project name").fill(name)
    page.get_by_label("Name in addresses").fill(name)
    page.get_by_label("Private").check()
    admin.press("Create project")
    admin.go(f"/{name}/permissions/add/")
    page.get_by_label("To", exact=True).select_option("team")
    complete(admin, "Name", "core-", f"core-{name}")
    admin.press("Add permissions", within="main form")
    assert admin.has("Permission added successfully.")
    right = page.locator("#grants-form li", has_text=f"core-{name}").get_by_role(
        "button", name="close and reopen issues"
    )
    if admin.scripts:
        right.click()
    else:
        admin.press(right)
    expect(right).to_have_attribute("aria-pressed", "true")

    # The member sees it, and may; a stranger finds nothing.
    member, stranger = person(f"member-{name}"), person(f"stranger-{name}")
    member.go("/")
    member.press(name, within="main")
    expect(member.page.locator(".project-header")).to_contain_text("Private")
    stranger.go("/")
    assert not stranger.page.get_by_text(name, exact=True).is_visible()
    stranger.go(f"/{name}/issues/", status=404)

    # Why? The page names the team.
    admin.go(f"/{name}/why/")
    page.get_by_label("Who may").select_option("manage_issue")
    page.get_by_label("Only about this user").fill(f"member-{name}")
    admin.press("Ask")
    assert admin.has(f"Team core-{name}, with member-{name} in it, has manage_issue on {name}.")
    page.get_by_label("Only about this user").fill(f"stranger-{name}")
    admin.press("Ask")
    assert admin.has(f"What is needed is manage_issue on {name}")

    # Removed, once the page has said what that changes; and out at the next click.
    page.goto(team)
    admin.press(f"Remove member-{name}", within="main")
    assert admin.has("1 person loses sight of 1 project.")
    admin.press("Remove from this team", within="main form")
    member.go(f"/{name}/issues/", status=404)
    member.go("/")
    assert not member.page.get_by_text(name, exact=True).is_visible()
