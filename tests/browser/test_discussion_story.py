"""A long discussion by two people, one of whom manages the project, as they have it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import WAYS, new_name
from tests.browser.reader import CONTRAST, Reader
from tests.site import PASSWORD


@pytest.fixture
def member(
    reader: Reader, new_reader: Callable[..., Reader], request: pytest.FixtureRequest
) -> tuple[Reader, str]:
    """Someone with an account and an address, in a browser like that of `reader`; and the name."""
    name = new_name()
    reader.go("/admin/users/add/")
    reader.page.get_by_label("Username").fill(name)
    reader.page.get_by_label("Email").fill(f"{name}@example.org")
    reader.page.get_by_label("Password", exact=True).fill(PASSWORD)
    reader.press("Add user", within="main")
    scripts, viewport = WAYS[request.node.callspec.params["reader"]]
    browser = new_reader(scripts=scripts, viewport=viewport)
    browser.sign_in(name, PASSWORD)
    return browser, name


def comments(reader: Reader) -> Locator:
    return reader.page.locator(".timeline-comment")


def comment(reader: Reader, text: str) -> None:
    reader.page.get_by_label("Comment", exact=True).fill(text)
    reader.press("Add a comment", within="main")
    assert reader.has("Comment added successfully.")


def test_a_long_discussion(member: tuple[Reader, str], reader: Reader, issue: str) -> None:
    admin, page = reader, reader.page
    other, name = member

    # They talk, and each sees what the other has said since.
    other.go(issue)
    comment(other, "Since when?")
    for number in range(10):
        admin.go(issue)
        comment(admin, f"Answer {number}, which is *long*.\n\n" + "It goes on. " * 20)
    other.go(issue)
    expect(comments(other)).to_have_count(12)
    link = other.page.get_by_role("link", name="10 new since your last visit")
    link.click()
    anchor = comments(other).nth(2)
    assert other.page.url.endswith(f"#{anchor.get_attribute('id')}")
    expect(anchor).to_be_in_viewport()
    expect(anchor.locator(".badge")).to_have_text("New")
    other.go(issue)
    expect(other.page.get_by_text("new since your last visit")).to_have_count(0)

    # The other says it better, which everyone can see.
    own = comments(other).nth(1)
    expect(other.page.get_by_role("link", name="Edit this comment")).to_have_count(1)
    other.press(own.get_by_role("link", name="Edit this comment"))
    other.page.get_by_label("Comment", exact=True).fill("Since Monday?")
    other.press("Save changes")
    assert other.has("Comment modified successfully.")
    expect(own).to_contain_text("Since Monday?")
    admin.go(issue)
    admin.press(comments(admin).nth(1).get_by_role("link", name="edited"))
    expect(page.locator(".difference del")).to_have_text("when")
    expect(page.locator(".difference ins")).to_have_text("Monday")
    assert not page.evaluate(CONTRAST)
    admin.press("Version 1")
    expect(page.locator(".difference")).to_have_text("Since when?")

    # Both change the description; the second merges.
    second = issue + "edit/"
    admin.go(second)
    tab = page.context.new_page()
    tab.goto(admin.url + second)
    tab.get_by_label("Description").fill("It fails at night.")
    tab.get_by_role("button", name="Save changes").click()
    expect(tab.locator(".alert")).to_contain_text("Issue updated successfully.")
    tab.close()
    page.get_by_label("Description").fill("It fails on Mondays.")
    admin.press("Save changes", status=422)
    assert admin.has("Saved meanwhile")
    expect(page.locator(".saved ins")).to_have_text("It fails at night.")
    expect(page.get_by_label("Description")).to_have_value("It fails on Mondays.")
    assert not page.evaluate(CONTRAST)
    page.get_by_label("Description").fill("It fails at night, on Mondays.")
    admin.press("Save changes")
    expect(comments(admin).first).to_contain_text("It fails at night, on Mondays.")

    # One hears of the issue already, and stops; then is given it.
    other.go(issue)
    other.press("Unsubscribe")
    assert other.has("You will not receive any notifications for this issue anymore.")
    other.press("Subscribe")
    assert other.has("You have been subscribed to this issue successfully.")
    page.locator("summary", has=page.get_by_label("Assign issue")).click()
    field = page.get_by_label("Username")
    if admin.scripts:
        field.press_sequentially(name[:8])
        expect(page.locator(f"datalist option[value='{name}']")).to_be_attached()
    field.fill(name)
    admin.press("Assign", within="#assign-form")
    assert admin.has(f"Issue assigned to {name}.")
    expect(page.locator(".timeline-event").last).to_contain_text(f"assigned {name}")

    # A comment too many goes, and leaves its place.
    last = comments(admin).last
    anchor_id = last.get_attribute("id")
    admin.press(last.get_by_role("link", name="Delete this comment"))
    admin.press("Delete this comment", within="main")
    assert admin.has("Comment deleted successfully.")
    expect(page.locator(f"#{anchor_id}")).to_contain_text("A comment by admin was deleted")

    # Closed, with a reason; the activity tells it all.
    page.get_by_label("Reason").select_option("as a duplicate")
    admin.press("Close this issue")
    assert admin.has("Issue closed.")
    admin.press("Activity")
    lines = page.locator(".timeline-event")
    expect(lines.first).to_contain_text("admin closed #1 It does not work as a duplicate")
    admin.press(lines.first.get_by_role("link"))
    expect(page.locator(".issue-state")).to_contain_text("as a duplicate")

    # The other is not one who manages: no buttons for what is not theirs.
    other.go(issue)
    expect(other.page.get_by_role("link", name="Delete this comment")).to_have_count(0)
    expect(other.page.get_by_role("button", name="Reopen this issue")).to_have_count(0)
