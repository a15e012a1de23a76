"""People and issues are suggested while a text is typed, where JavaScript is on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import LiveSite
from tests.browser.reader import Reader

SCRIPTS = pytest.mark.parametrize("reader", ["scripts-desktop"], indirect=True)


@pytest.fixture
def box(reader: Reader, issue: str) -> Locator:
    """The text of a new comment on an issue."""
    return reader.page.get_by_label("Comment", exact=True)


@pytest.fixture
def menu(reader: Reader) -> Locator:
    return reader.page.get_by_role("listbox", name="Suggestions")


@SCRIPTS
def test_someone_is_suggested_and_taken_by_a_key(
    reader: Reader, box: Locator, menu: Locator, live_site: LiveSite
) -> None:
    box.press_sequentially(f"Ask @{live_site.username[:3]}")
    expect(menu.get_by_role("option")).to_contain_text([f"@{live_site.username}"])
    expect(menu.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    expect(menu).to_have_count(0)
    expect(box).to_have_value(f"Ask @{live_site.username} ")
    box.press_sequentially("to look")
    expect(box).to_have_value(f"Ask @{live_site.username} to look")
    assert not [path for path in reader.posts if path.endswith("/comment/")]
    assert not reader.problems


@SCRIPTS
def test_an_issue_is_suggested_by_its_title_and_taken_by_a_click(
    reader: Reader, box: Locator, menu: Locator
) -> None:
    box.press_sequentially("Like #not wor")
    expect(menu.get_by_role("option")).to_have_text(["#1 It does not work"])
    menu.get_by_role("option").first.click()
    expect(menu).to_have_count(0)
    expect(box).to_have_value("Like #1 ")
    expect(box).to_be_focused()


@SCRIPTS
def test_the_arrows_move_and_escape_leaves(reader: Reader, box: Locator, menu: Locator) -> None:
    reader.go(reader.page.url.removeprefix(reader.url).replace("issues/1/", "issues/add/"))
    reader.page.get_by_label("Title").fill("Another one")
    reader.press("Submit new issue")
    box.press_sequentially("#")
    options = menu.get_by_role("option")
    expect(options).to_contain_text(["#2", "#1"])
    box.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "suggestion-1")
    box.press("Escape")
    expect(menu).to_have_count(0)
    expect(box).to_have_value("#")
    box.press_sequentially("1")
    box.press("Enter")
    expect(box).to_have_value("#1\n")


@SCRIPTS
@pytest.mark.parametrize("typed", ["a heading: # It", "#12 and more", "bob@ad", "nothing @zzz"])
def test_nothing_is_suggested_where_nothing_is_meant(
    reader: Reader, box: Locator, menu: Locator, typed: str
) -> None:
    box.press_sequentially(typed)
    reader.page.wait_for_timeout(500)
    expect(menu).to_have_count(0)


@SCRIPTS
def test_the_menu_stays_within_the_page(reader: Reader, box: Locator, menu: Locator) -> None:
    reader.page.set_viewport_size({"width": 390, "height": 844})
    box.press_sequentially("A line that nearly ends, see #")
    expect(menu).to_be_visible()
    place = menu.bounding_box()
    assert place
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390
    assert reader.page.evaluate("document.documentElement.scrollWidth") == 390


@SCRIPTS
def test_without_an_answer_one_types_on(reader: Reader, box: Locator, menu: Locator) -> None:
    reader.page.route("**/suggest/**", lambda route: route.abort())
    box.press_sequentially("See #1 and @admin")
    reader.page.wait_for_timeout(500)
    expect(menu).to_have_count(0)
    expect(box).to_have_value("See #1 and @admin")


def test_what_is_named_is_linked(reader: Reader, box: Locator, live_site: LiveSite) -> None:
    path = reader.page.url.removeprefix(reader.url)
    box.fill(f"See #1, {reader.page.url} and @{live_site.username}.")
    if reader.scripts:
        reader.page.get_by_role("button", name="Preview").click()
        expect(reader.page.locator("[data-preview] a")).to_have_count(3)
        reader.page.get_by_role("button", name="Add a comment").click()
        reader.page.wait_for_url("**/#event-*")
        reader.look(None)
    else:
        reader.press("Preview")
        expect(reader.page.locator("[data-preview] a")).to_have_count(3)
        reader.press("Add a comment")
    links = reader.page.locator(".timeline-comment").last.locator(".markdown-body a")
    expect(links).to_have_text(["#1", "#1", f"@{live_site.username}"])
    assert links.first.get_attribute("href") == path
    links.last.click()
    expect(reader.page.get_by_label("Filter", exact=True).first).to_have_value(
        f"author:{live_site.username}"
    )
