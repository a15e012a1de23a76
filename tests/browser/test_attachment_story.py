"""Files are attached by the plain field, by dropping and by pasting, and are there afterwards."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.reader import Reader
from tests.functional.attachments.conftest import picture

# A drop and a paste as a browser makes them: with the files in what is transferred.
GIVE = """
([place, type, name, mime, octets]) => {
  const data = new DataTransfer()
  const bytes = Uint8Array.from(atob(octets), character => character.charCodeAt(0))
  data.items.add(new File([bytes], name, { type: mime }))
  const options = { bubbles: true, cancelable: true }
  const event = type === 'paste'
    ? new ClipboardEvent(type, { ...options, clipboardData: data })
    : new DragEvent(type, { ...options, dataTransfer: data })
  document.querySelector(place).dispatchEvent(event)
}
"""

COMMENT = "#comment-form textarea"
WIDE = picture(2000, 900, color="#c52")


def give(reader: Reader, how: str, name: str, mime: str, octets: bytes) -> None:
    reader.page.evaluate(GIVE, [COMMENT, how, name, mime, base64.b64encode(octets).decode()])


def choose(reader: Reader, *files: tuple[str, str, bytes]) -> None:
    them: list[Any] = [
        {"name": name, "mimeType": mime, "buffer": octets} for name, mime, octets in files
    ]
    reader.page.get_by_label("Attach files").set_input_files(them)


def loaded(reader: Reader, selector: str) -> list[list[int]]:
    """Return how wide each image is, in pixels of its file and of the page, once it is loaded."""
    reader.page.wait_for_function(
        "selector => [...document.querySelectorAll(selector)].every(image => image.complete)",
        arg=selector,
    )
    found: list[list[int]] = reader.page.evaluate(
        "selector => [...document.querySelectorAll(selector)]"
        ".map(image => [image.naturalWidth, image.width])",
        selector,
    )
    return found


def test_the_plain_field(reader: Reader, issue: str) -> None:
    reader.page.locator(COMMENT).fill("With two files.")
    choose(reader, ("wide.png", "image/png", WIDE), ("a [1].log", "text/plain", b"it fails\n"))
    if reader.scripts:
        expect(reader.page.locator(".file-list a")).to_have_count(2)
        value = reader.page.locator(COMMENT).input_value()
        assert "![wide.png](attachment:" in value
        assert r"[a \[1\].log](attachment:" in value
    reader.press("Add a comment")
    assert reader.has("Comment added successfully.")
    place = ".timeline-comment:last-child"
    assert reader.page.locator(f"{place} a", has_text="a [1].log").count() == 1
    ((file_width, page_width),) = loaded(reader, f"{place} img")
    assert file_width == 1200
    assert page_width <= 1200
    reader.look(None)


def test_a_form_that_is_not_taken_keeps_its_files(reader: Reader, issue: str) -> None:
    reader.go(f"{issue}comment/")
    reader.page.locator(COMMENT).fill("x")
    choose(reader, ("a.log", "text/plain", b"it fails\n"))
    if reader.scripts:
        expect(reader.page.locator(".file-list a")).to_have_count(1)
        return  # the preview stays on the page
    reader.press("Preview")
    expect(reader.page.locator(".file-list a")).to_have_text("a.log")
    reader.press("Add a comment")
    expect(reader.page.locator(".attachments a")).to_have_text("a.log")


@pytest.mark.parametrize("reader", ["scripts-desktop"], indirect=True)
@pytest.mark.parametrize("how", ["drop", "paste"])
def test_dropping_and_pasting(reader: Reader, issue: str, how: str) -> None:
    text = reader.page.locator(COMMENT)
    text.fill("Look:")
    give(reader, how, "shot.png", "image/png", WIDE)
    expect(reader.page.locator(".file-list a")).to_have_text("shot.png")
    assert text.input_value().startswith("Look: ![shot.png](attachment:")
    # Its uploader sees it before anybody else does.
    reader.page.get_by_role("button", name="Preview").click()
    expect(reader.page.locator("[data-preview] img")).to_be_visible()
    assert loaded(reader, "[data-preview] img")[0][0] == 1200
    reader.press("Add a comment")
    assert loaded(reader, ".timeline-comment:last-child .markdown-body img")[0][0] == 1200
    assert reader.page.locator(".attachments").count() == 0


@pytest.mark.parametrize("reader", ["scripts-desktop"], indirect=True)
def test_a_form_sent_before_its_files_have_arrived_waits_for_them(
    reader: Reader, issue: str
) -> None:
    routes: list[Any] = []

    def hold(route: Any) -> None:
        routes.append(route)

    reader.page.route("**/upload/", hold)
    reader.page.locator(COMMENT).fill("Look:")
    choose(reader, ("wide.png", "image/png", WIDE))
    expect(reader.page.locator(".file-list progress")).to_be_visible()
    reader.page.get_by_role("button", name="Add a comment").click()
    reader.page.wait_for_timeout(200)
    assert reader.posts.count(f"{issue}comment/") == 0
    with reader.page.expect_navigation():
        routes[0].continue_()
    assert loaded(reader, ".timeline-comment:last-child .markdown-body img")[0][0] == 1200


@pytest.mark.parametrize("reader", ["scripts-desktop"], indirect=True)
def test_what_cannot_be_sent_is_said(reader: Reader, issue: str) -> None:
    choose(reader, ("huge.bin", "application/octet-stream", b"x" * 10_000_001))
    expect(reader.page.locator(".file-list")).to_contain_text(
        "huge.bin: This file is larger than 10 MB."
    )
    reader.page.route("**/upload/", lambda route: route.abort())
    choose(reader, ("a.log", "text/plain", b"it fails\n"))
    expect(reader.page.locator(".file-list")).to_contain_text("a.log: This file could not be sent.")
    assert reader.page.locator(COMMENT).input_value() == ""
