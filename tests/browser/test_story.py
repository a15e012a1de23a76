"""The main job of the tracker from the first page to the last, as people do it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.archive import CLOSED, COMMENTS, LONGEST, OPEN
from tests.browser.conftest import new_name

PER_PAGE = 25


def test_a_day_with_the_tracker(stranger, live_site, imported):
    reader, page = stranger, stranger.page
    name = new_name()

    # Sign in, the second try with the right password.
    reader.go("/")
    reader.press("Sign in")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("wrong")
    reader.press("Sign in", within="main", status=422)
    assert reader.has("The username or the password is wrong.")
    expect(page.get_by_label("Username")).to_have_value("admin")
    page.get_by_label("Password").fill(live_site.password)
    reader.press("Sign in", within="main")
    expect(page.locator("header")).to_contain_text("admin")

    # Make a project; a name that is taken for something else comes back with what was typed.
    reader.go("/add/")
    page.get_by_label("Project name").fill(f"Project {name}")
    page.get_by_label("Name in addresses").fill("login")
    page.get_by_label("Description").fill("What this is about")
    page.get_by_label("Private").check()
    reader.press("Create project", status=422)
    assert reader.has("Sorry, this URL is reserved and can not be used.")
    expect(page.get_by_label("Description")).to_have_value("What this is about")
    expect(page.get_by_label("Private")).to_be_checked()
    page.get_by_label("Name in addresses").fill(name)
    reader.press("Create project")
    assert reader.has("Project added successfully.")
    assert reader.has("No issues match your desired criteria.")

    # Fill it with the issues of others.
    said = imported(name)
    assert f"Imported into {name} in " in said
    assert f"{OPEN + CLOSED} issues" in said

    # List, filter, sort, leaf through.
    reader.go(f"/{name}/issues/")
    rows = page.locator(".row-title")
    expect(rows).to_have_count(PER_PAGE)
    expect(page.get_by_role("link", name="Open", exact=False).first).to_contain_text(str(OPEN))
    reader.press("2", within="main nav[aria-label=Pages]")
    expect(rows).to_have_count(OPEN - PER_PAGE)
    reader.press(page.locator("nav[aria-label=State] a", has_text="Closed"))
    expect(rows).to_have_count(CLOSED)
    reader.press(page.locator("nav[aria-label=State] a", has_text="All"))
    page.locator("summary", has_text="Sort").click()
    reader.press("Oldest")
    expect(rows.first).to_contain_text("Issue 28 ")  # of 2019-01-01
    box = page.get_by_label("Filter", exact=True)
    expect(box).to_have_value("* sort:created-asc")
    box.fill("is:closed")
    box.press("Enter")
    page.wait_for_url("**/issues/?q=is%3Aclosed")
    reader.look(None)
    expect(rows).to_have_count(CLOSED)
    box.fill("lable:bug")
    with page.expect_navigation() as navigation:
        box.press("Enter")
    reader.look(navigation.value)
    expect(page.get_by_role("alert")).to_contain_text("Unknown filter “lable”")
    reader.press("label", within="[role=alert]")
    expect(box).to_have_value("label:bug")

    # Open the longest, whose comments were written with ill will.
    reader.go(f"/{name}/issues/")
    reader.press(rows.filter(has_text=f"Issue {LONGEST} "))
    expect(page.locator(".timeline-comment")).to_have_count(1 + COMMENTS)
    expect(page.locator("main table")).to_be_visible()
    assert reader.has(f"{COMMENTS} comments")

    # Look at a comment first, then add it.
    box = page.get_by_label("Comment", exact=True)
    box.fill("I have seen **this** too.")
    before = page.url
    if reader.scripts:
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("[data-preview] strong")).to_have_text("this")
        assert page.url == before
        reader.look(None)
    else:
        reader.press("Preview")
        expect(page.locator("[data-preview] strong")).to_have_text("this")
    expect(box).to_have_value("I have seen **this** too.")
    expect(page.locator(".timeline-comment")).to_have_count(1 + COMMENTS)
    reader.press("Add a comment", within="main")
    assert reader.has("Comment added successfully.")
    expect(page.locator(".timeline-comment")).to_have_count(2 + COMMENTS)
    last = page.locator(".timeline-comment").last
    expect(last.locator("strong", has_text="this")).to_be_visible()
    assert page.url.endswith(f"#{last.get_attribute('id')}")

    # Comment and close, which leads back to the list.
    page.get_by_label("Comment", exact=True).fill("And it is done.")
    reader.press("Comment and close")
    assert reader.has("Comment added successfully and issue closed.")
    expect(rows).to_have_count(PER_PAGE)
    reader.press(page.locator("nav[aria-label=State] a", has_text="Closed"))
    expect(rows).to_have_count(CLOSED + 1)
    reader.press(rows.filter(has_text=f"Issue {LONGEST} "))
    expect(page.locator(".issue-state")).to_contain_text("Closed")
    expect(page.locator(".timeline-event").last).to_contain_text("closed this issue")

    # Reopen, edit, close again without a word.
    reader.press("Reopen this issue")
    assert reader.has("Issue reopened.")
    expect(page.locator(".issue-state")).to_contain_text("Open")
    reader.press("Edit", within="main")
    page.get_by_label("Title").fill("A shorter title")
    page.get_by_label("Due date").fill("2030-12-31T18:00")
    reader.press("Save changes")
    assert reader.has("Issue updated successfully.")
    expect(page.locator(".issue-head h1")).to_contain_text("A shorter title")
    expect(page.locator(".issue-side")).to_contain_text("2030")
    expect(page.locator("main del").last).to_contain_text("of-an-unbroken-title")
    reader.press("Close this issue")
    assert reader.has("Issue closed.")
    reader.go(f"/{name}/issues/{LONGEST}/close/")
    reader.press("Close this issue", within="main", status=409)
    assert reader.has("This issue is closed already.")

    # Edit the project; sign out, and it is as if it were not there.
    reader.go(f"/{name}/edit/")
    page.get_by_label("Description").fill("What it was about")
    reader.press("Save changes")
    assert reader.has("Project modified successfully.")
    reader.press("Sign out")
    reader.go(f"/{name}/issues/")
    expect(page.locator("h1")).to_have_text("Sign in")
    reader.go("/")
    assert not reader.has(f"Project {name}")


def test_pages_that_say_no(reader):
    reader.go("/nothing/of/the/kind", status=404)
    assert reader.has("This is not the web page you are looking for.")
    reader.go("/archived/")
    assert reader.has("There are no archived projects.")
    reader.go("/logout")
    reader.press("Cancel")
