"""What holds on every page: keyboard, colours, and a browser in another mood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.archive import LONGEST
from tests.browser.reader import CONTRAST, PHONE, Reader

PAGES = ["/", "/login", "/profile/", "/add/", "/logout", "/nothing/here"]
PAGES += ["/admin/permissions/", "/admin/permissions/?show=projects"]
PAGES += ["/admin/users/", "/admin/users/1/", "/admin/users/1/edit/", "/admin/users/1/delete/"]
PAGES += ["/admin/groups/", "/admin/groups/add/", "/admin/teams/", "/admin/teams/add/"]
PAGES += ["/admin/settings/", "/admin/audit/", "/admin/audit/?first_day=never"]
IN_PROJECT = ["issues/", "issues/?q=*&page=2", "issues/add/", f"issues/{LONGEST}/", "edit/"]
IN_PROJECT += [f"issues/{LONGEST}/edit/", f"issues/{LONGEST}/close/", "issues/?q=nonsense"]
IN_PROJECT += ["labels/", "labels/add/", "milestones/", "milestones/add/", "milestones/?show=none"]
IN_PROJECT += ["permissions/", "permissions/add/", "archive/", "delete/", "unsubscribe/"]
IN_PROJECT += [
    "activity/",
    *(f"issues/{LONGEST}/{name}/" for name in ("history", "assign", "delete")),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(
    new_reader: Callable[..., Reader], signed_in: dict[str, Any], archive_project: str, scheme: str
) -> None:
    reader = new_reader(color_scheme=scheme, storage_state=signed_in)
    found = {}
    for path in PAGES + [f"/{archive_project}/{path}" for path in IN_PROJECT]:
        reader.go(path, status=404 if path.startswith("/nothing") else 200)
        if problems := reader.page.evaluate(CONTRAST):
            found[path] = problems
    assert not found


# How what has the focus looks, and how it looks without.
LOOKS = """() => {
  const element = document.activeElement
  const looks = () => {
    const {outlineStyle, outlineWidth, boxShadow, borderColor} = getComputedStyle(element)
    const outline = outlineStyle === 'none' || outlineWidth === '0px' ? '' : outlineStyle
    return [outline, boxShadow, borderColor].join()
  }
  const box = element.getBoundingClientRect()
  const focused = looks()
  element.blur()
  const without = looks()
  element.focus({focusVisible: true})
  return {
    what: element.outerHTML.replace(/\\s+/g, ' ').slice(0, 120),
    end: element === document.body,
    differs: focused !== without,
    inSight: box.width > 1 && box.height > 1 && box.bottom > 0 && box.right > 0 &&
      box.top < innerHeight && box.left < innerWidth,
  }
}"""


def test_a_keyboard_is_enough(reader: Reader, archive_project: str) -> None:
    reader.page.emulate_media(reduced_motion="reduce")  # no half-way colours
    for path in (f"/{archive_project}/issues/", f"/{archive_project}/issues/{LONGEST}/", "/add/"):
        reader.go(path)
        skip = reader.page.get_by_role("link", name="Skip to the content")
        if path != "/add/":  # which begins in its first field
            reader.page.keyboard.press("Tab")
            expect(skip).to_be_focused()
            expect(skip).to_be_in_viewport()
        for _ in range(150):
            looks = reader.page.evaluate(LOOKS)
            if looks["end"]:
                break
            assert looks["differs"], (path, looks)
            assert looks["inSight"], (path, looks)
            reader.page.keyboard.press("Tab")
        # The first key leads past what all pages have.
        reader.go(path)
        skip.focus()
        reader.page.keyboard.press("Enter")
        reader.page.keyboard.press("Tab")
        assert reader.page.evaluate("document.activeElement.closest('main') !== null"), path


def test_the_menu_of_projects(reader: Reader, archive_project: str) -> None:
    """With JavaScript a menu, without it a link to the list of them all."""
    reader.go(f"/{archive_project}/issues/")
    opener = reader.page.locator("header .dropdown > a")
    if reader.scripts:
        opener.click()
        entry = reader.page.get_by_role("link", name="All projects")
        expect(entry).to_be_visible()
        reader.look(None)
        reader.page.keyboard.press("Escape")
        expect(entry).to_be_hidden()
        expect(opener).to_be_focused()
    else:
        reader.press(opener)
        expect(reader.page.locator("h1")).to_have_text("Projects")


def test_large_letters(
    new_reader: Callable[..., Reader], signed_in: dict[str, Any], archive_project: str
) -> None:
    """Text at twice its size on a phone: nothing is cut off sideways (WCAG 2.2, 1.4.4)."""
    reader = new_reader(viewport=PHONE, storage_state=signed_in)
    for path in ("/", "/add/", *(f"/{archive_project}/{path}" for path in IN_PROJECT)):
        reader.go(path)
        reader.page.evaluate("document.documentElement.style.fontSize = '200%'")
        wide = reader.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], (path, wide)
