"""Markdown in the text of a mail: 72 columns, and nothing broken by that."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.notifications.text import COLUMNS, wrap

LONG = "word " * 40
URL = "https://example.org/" + "a" * 100


def test_a_long_line_becomes_several():
    lines = wrap(LONG.strip()).split("\n")
    assert len(lines) == 3
    assert all(len(line) <= COLUMNS for line in lines)
    assert " ".join(lines) == LONG.strip()


def test_what_fits_stays_as_it_was():
    text = "One line.\nAnother one.\n\n  - an item\n"
    assert wrap(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{LONG}x\n```",
        f"```python\n{LONG}x\n\n{LONG}x\n```",
        f"~~~\n```\n{LONG}x\n~~~",
        f"- ```\n  {LONG}x\n  ```",
        f"> ```\n> {LONG}x\n> ```",
        f"    {LONG}x",
        f"para\n\n    {LONG}x",
        f"\t{LONG}x",
        f"# {LONG}x",
        f"| {LONG}| b |\n|---|---|\n| {LONG}| d |",
        f"{LONG}| b\n--- | ---\n{LONG}| d",
        f"[1]: {URL} some title that goes on for quite a while here",
        "-" * 100,
        URL,
    ],
)
def test_what_is_never_wrapped(text):
    assert wrap(text) == text


@pytest.mark.parametrize(
    "piece", [URL, f"[{LONG.strip()}](https://example.org)", f"`{LONG.strip()}`"]
)
def test_links_and_code_stay_whole(piece):
    assert piece in wrap(f"{LONG}{piece} {LONG}").split("\n")


def test_a_fence_that_is_never_closed():
    assert wrap(f"```\n{LONG}x") == f"```\n{LONG}x"


def test_code_in_a_quote_ends_with_the_quote():
    assert wrap(f"> ```\n> code\n\n{LONG}x").count("\n") == 5


def test_an_indented_line_of_a_paragraph_is_no_code():
    assert "\n" in wrap(f"para\n    {LONG}x").removeprefix("para\n")


def test_a_quote_goes_on_as_one():
    lines = wrap(f"> {LONG}").split("\n")
    assert len(lines) == 3
    assert all(line.startswith("> word") for line in lines)


def test_an_item_hangs_below_its_words():
    first, *others = wrap(f"- [ ] {LONG}").split("\n")
    assert first.startswith("- [ ] word")
    assert all(line.startswith("      word") for line in others)
    assert wrap(f"> 1. {LONG}").split("\n")[1].startswith(">    word")


def test_wide_characters_take_two_columns():
    lines = wrap(" ".join(["汉字汉字"] * 20)).split("\n")
    assert max(map(len, lines)) <= COLUMNS / 2 + 4
    assert len(wrap(" ".join(["e\u0301" * 4] * 20)).split("\n")) == 2


@given(st.text(st.sampled_from('ab `~>|-#*[]()"!\t\n1.:_é汉'), max_size=400))
def test_nothing_is_lost(text):
    wrapped = wrap(text)
    without = str.maketrans("", "", " \t\n>")
    assert wrapped.translate(without) == text.translate(without)


@pytest.mark.parametrize(
    "unit", ["x", "x ", "`", "[", "](", "` `` ", '[](" ', "> ", "|", "- ", "a\n"]
)
def test_long_texts_take_a_time_that_grows_with_them(unit):
    """A word of 100,000 characters has kept another tracker busy for minutes."""
    text = unit * (262_144 // len(unit))
    start = time.thread_time()
    wrap(text)
    assert time.thread_time() - start < 5
