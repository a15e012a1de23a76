from __future__ import annotations

import pytest

from ponytracker.inbound.reading.flowed import unflow


@pytest.mark.parametrize(
    ("text", "unflowed"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        ("one\n\ntwo", "one\n\ntwo"),
        ("> quoted \n> text\nmine", "> quoted text\nmine"),
        # A paragraph ends where the depth of its quote changes.
        ("> quoted \nmine", "> quoted \nmine"),
        (">> deep \n>> er", ">> deep er"),
        # A line that would look like a quote or mbox's From was stuffed with a blank.
        (" > no quote\n From here", "> no quote\nFrom here"),
        ("text \n-- \nAnn", "text \n-- \nAnn"),
        ("last ", "last "),
        ("", ""),
    ],
)
def test_soft_line_breaks_are_undone(text, unflowed):
    assert unflow(text) == unflowed


def test_delsp_joins_what_has_no_blanks():
    assert unflow("日本 \n語", delete_space=True) == "日本語"
