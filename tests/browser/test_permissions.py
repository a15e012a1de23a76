"""Rights that a click gives and takes: in its place with JavaScript, and also without it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import LiveSite, new_name
from tests.browser.reader import Reader


@pytest.fixture
def project(reader: Reader) -> str:
    """The path of a new project of `reader`."""
    name = new_name()
    reader.go("/add/")
    reader.page.get_by_label("Project name").fill(name)
    reader.page.get_by_label("Name in addresses").fill(name)
    reader.press("Create project")
    return f"/{name}/"


@pytest.fixture
def right(reader: Reader, project: str) -> Locator:
    """The button of a right on the list of permissions, which `reader` stands on."""
    reader.go(f"{project}permissions/")
    return reader.page.get_by_role("button", name="Close and reopen issues")


def click(reader: Reader, right: Locator) -> None:
    if reader.scripts:
        right.click()
    else:
        reader.press(right)


def test_a_click_takes_a_right_and_another_gives_it_back(
    reader: Reader, project: str, right: Locator
) -> None:
    for pressed in ("false", "true"):
        click(reader, right)
        expect(right).to_have_attribute("aria-pressed", pressed)
        reader.go(f"{project}permissions/")
        expect(right).to_have_attribute("aria-pressed", pressed)


# Without JavaScript the browser itself says it.
@pytest.mark.parametrize("reader", ["scripts-desktop"], indirect=True)
def test_a_click_that_fails_says_so(reader: Reader, project: str, right: Locator) -> None:
    address = re.compile("/toggle/")
    failure = reader.page.get_by_role("alert")
    reader.page.route(address, lambda route: route.abort())
    right.click()
    expect(failure).to_have_text("This was not changed. Reload the page, and try again.")
    expect(right).to_have_attribute("aria-pressed", "true")
    # What the server says is said here too.
    error = '<main><div class="message-page"><h1>No</h1><p>Not like this.</p></div></main>'
    reader.page.unroute(address)
    reader.page.route(address, lambda route: route.fulfill(status=409, body=error))
    right.click()
    expect(failure).to_have_text("Not like this.")
    reader.page.unroute(address)
    right.click()
    expect(right).to_have_attribute("aria-pressed", "false")
    expect(failure).to_have_count(0)


def test_a_name_is_completed(reader: Reader, project: str, live_site: LiveSite) -> None:
    reader.go(f"{project}permissions/add/")
    name = reader.page.get_by_label("Name", exact=True)
    if reader.scripts:
        name.press_sequentially(live_site.username[:3])
        expect(reader.page.locator("datalist option").first).to_have_attribute(
            "value", live_site.username
        )
    name.fill(live_site.username)
    reader.press("Add permissions", within="main", status=422)
    reader.press("Edit the permissions there are for this one")
    expect(reader.page.get_by_label("Close and reopen issues")).to_be_checked()
