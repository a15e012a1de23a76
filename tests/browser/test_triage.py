"""Going through a list of issues and sorting them, many at once, with JavaScript and without."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.archive import CLOSED, OPEN
from tests.browser.conftest import new_name


def test_sorting_a_list_of_issues(reader, imported):
    page = reader.page
    name = new_name()
    imported(name)
    rows, box = page.locator(".row-list > li"), page.get_by_label("Filter", exact=True)
    state = page.locator("nav[aria-label=State]")

    # Narrow the list down by what is on it, and by the menus.
    reader.go(f"/{name}/issues/")
    expect(rows).to_have_count(25)
    reader.press(page.locator(".label-link").first)
    assert box.input_value().startswith("is:open label:")
    label = page.locator(".row-list .issue-label").first.inner_text()
    page.locator("summary", has_text="Author").click()
    author = page.locator("details[open] .dropdown-item").nth(1)
    username = author.inner_text().strip()
    reader.press(author)
    assert f"author:{username}" in box.input_value()
    for row in rows.all():
        expect(row).to_contain_text(f"opened by {username}")
        expect(row).to_contain_text(label)
    reader.press("Reset filter")
    expect(box).to_have_value("is:open")

    # A name that is not in the menu is typed.
    page.locator("summary", has_text="Assignee").click()
    page.locator("#choose-assignee").fill("@admin")
    reader.press("Filter", within="details[open]")
    assert "assignee:admin" in box.input_value()
    assert reader.has("No issues match your desired criteria.")

    # What is wrong in a filter is shown where it is, with a link that puts it right.
    reader.go(f'/{name}/issues/?q=label:"bug')
    expect(page.get_by_role("alert").locator("mark")).to_have_text('"bug')
    expect(page.locator("#bulk-form")).to_have_count(0)
    reader.press('label:"bug"', within="[role=alert]")
    expect(page.get_by_role("alert")).to_have_count(0)

    # Close three at once, and undo it.
    reader.go(f"/{name}/issues/")
    bulk = page.locator("#bulk-form")
    if reader.scripts:
        expect(bulk.get_by_role("button", name="Apply")).to_be_hidden()
    for box_ in page.locator(".row-select input").all()[:3]:
        box_.check()
    expect(bulk.get_by_role("button", name="Apply")).to_be_visible()
    page.get_by_label("With the selected issues").select_option("close")
    reader.press("Apply")
    assert reader.has("3 issues changed.")
    expect(state).to_contain_text(f"Closed {CLOSED + 3}")
    reader.press("Undo", within="main")
    assert reader.has("Undone for 3 issues.")
    expect(state).to_contain_text(f"Open {OPEN}")

    # Label and assign a whole page of them.
    if reader.scripts:
        page.get_by_label("Select all").check()
    else:
        for box_ in page.locator(".row-select input").all():
            box_.check()
    page.get_by_label("With the selected issues").select_option(label="bug")
    reader.press("Apply")
    assert reader.has("changed.")
    assert page.locator(".row-list .issue-label", has_text="bug").count() == 25
    page.locator(".row-select input").first.check()
    page.get_by_label("With the selected issues").select_option("assign")
    page.get_by_label("Assign to, or leave empty").fill("admin")
    reader.press("Apply")
    assert reader.has("1 issue changed.")
    expect(rows.first).to_contain_text("admin")

    # Nothing chosen is no failure; what is unread is marked as read at once.
    if not reader.scripts:
        reader.press("Apply")
        expect(page.locator("main .alert")).to_be_visible()
    reader.press(state.get_by_role("link", name="Unread"))
    expect(rows).to_have_count(25)
    expect(rows.first.locator(".unread")).to_be_visible()
    reader.press("Mark all as read")
    reader.press(state.get_by_role("link", name="Unread"))
    assert reader.has("No issues match your desired criteria.")

    # Search finds the same words in all projects, and shows where.
    reader.press("Search", within="header")
    page.get_by_label("Filter", exact=True).fill(f"project:{name} heading")
    page.get_by_label("Filter", exact=True).press("Enter")
    page.wait_for_url("**/search/?q=*")
    reader.look(None)
    expect(page.locator(".snippet mark").first).to_have_text("heading")
