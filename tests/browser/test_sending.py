"""What is sent, is sent once; and what is typed is not lost."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.reader import Reader


@pytest.fixture
def held(reader: Reader) -> list[Any]:
    """The posts that the page has tried to send, which go on when the test lets them."""
    routes: list[Any] = []

    def hold(route: Any) -> None:
        if route.request.method == "POST":
            routes.append(route)
        else:
            route.continue_()

    reader.page.route("**/comment/", hold)
    return routes


def comments(reader: Reader) -> Any:
    return reader.page.locator(".timeline-comment", has_text="commented")


def double_click(reader: Reader, *, times: int = 1) -> None:
    """Click twice on the button that adds the comment, not waiting for what the first one does."""
    button = reader.page.get_by_role("button", name="Add a comment")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box
    for _ in range(times):
        reader.page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def let_go(reader: Reader, held: list[Any]) -> None:
    """Let the last post go on; the browser itself has given up any before it."""
    deadline = time.monotonic() + 60
    while not held:
        assert time.monotonic() < deadline, "nothing was sent"
        reader.page.wait_for_timeout(20)  # what has been sent is told to us meanwhile
    with reader.page.expect_navigation() as navigation:
        held[-1].continue_()
    reader.look(navigation.value)


@pytest.mark.parametrize("reader", ["scripts-desktop"], indirect=True)
@pytest.mark.parametrize("keys", ["Control+Enter", "Meta+Enter"])
@pytest.mark.usefixtures("issue")
def test_ctrl_enter_sends_once(reader, held, keys):
    box = reader.page.get_by_label("Comment", exact=True)
    box.fill("Me too.")
    for _ in range(3):
        reader.page.keyboard.press(keys)
    let_go(reader, held)
    assert len(held) == 1
    assert reader.has("Comment added successfully.")
    expect(comments(reader)).to_have_count(1)
    expect(reader.page.locator(".issue-state")).to_contain_text("Open")  # by the main button


@pytest.mark.usefixtures("issue")
def test_enter_alone_is_a_new_line(reader):
    box = reader.page.get_by_label("Comment", exact=True)
    box.press_sequentially("a")
    box.press("Enter")
    box.press_sequentially("b")
    expect(box).to_have_value("a\nb")
    assert not [path for path in reader.posts if path.endswith("/comment/")]


@pytest.mark.parametrize("reader", ["scripts-desktop"], indirect=True)
@pytest.mark.usefixtures("issue")
def test_a_double_click_sends_once(reader, held):
    reader.page.get_by_label("Comment", exact=True).fill("Me too.")
    double_click(reader, times=2)
    let_go(reader, held)
    assert len(held) == 1
    expect(comments(reader)).to_have_count(1)


@pytest.mark.usefixtures("issue")
def test_a_double_click_is_taken_once(reader):
    """Also without JavaScript, where the browser sends the form twice."""
    reader.page.get_by_label("Comment", exact=True).fill("Me too.")
    double_click(reader)
    # Not for the navigation: the second one ends the first.
    expect(reader.page).to_have_url(re.compile("#event-"))
    expect(comments(reader)).to_have_count(1)
    path = "/" + "/".join(reader.page.url.split("/")[3:6]) + "/"
    reader.go(path)
    expect(comments(reader)).to_have_count(1)


def test_another_comment_after_going_back(reader, issue):
    """The page that the browser kept has the old form; what is typed into it is a new comment."""
    form_id = reader.page.locator("#comment-form [name=submission]")
    old = form_id.input_value()
    reader.page.get_by_label("Comment", exact=True).fill("The first.")
    reader.press("Add a comment", within="main")
    reader.page.go_back()
    # Most browsers keep the page as it was; this one, under test, may fetch it anew.
    form_id.evaluate("(field, old) => { field.value = old }", old)
    reader.page.get_by_label("Comment", exact=True).fill("The second.")
    reader.press("Add a comment", within="main")
    expect(comments(reader)).to_have_count(2)
    reader.go(issue)
    expect(comments(reader).last).to_contain_text("The second.")
    assert issue in reader.page.url


def test_a_comment_is_kept_when_the_session_has_ended(reader, issue):
    """The text is still there, and is taken after signing in on another page."""
    context = reader.page.context
    signed_in = context.cookies()
    reader.page.get_by_label("Comment", exact=True).fill("Long and\ncarefully written.")
    context.clear_cookies()
    reader.press("Add a comment", within="main", status=403)
    assert reader.has("You are not signed in any more.")
    context.add_cookies(signed_in)  # as if someone had
    reader.press("Send again", within="main", status=400)
    assert reader.has("The page it was on had become too old")
    reader.press("Send again", within="main")
    assert reader.has("Comment added successfully.")
    expect(comments(reader)).to_have_count(1)
    expect(comments(reader)).to_contain_text("Long and\ncarefully written.", use_inner_text=True)


@pytest.mark.usefixtures("issue")
def test_an_empty_comment(reader):
    reader.page.locator("textarea").evaluate("field => field.form.noValidate = true")
    reader.press("Add a comment", within="main", status=422)
    assert reader.has("Write a comment first.")
    expect(comments(reader)).to_have_count(0)
