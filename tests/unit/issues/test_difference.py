from __future__ import annotations

from difflib import SequenceMatcher
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.issues import difference
from ponytracker.issues.difference import DELETED, INSERTED, MAX_COMPARED, SAME, compare

WORDS = st.sampled_from(
    ["a", "b", "bee", " ", "  ", "\n", "\n\n", ".", "\u00e9", "\U0001f434", "<b>"]
)
TEXTS = st.text() | st.lists(WORDS, max_size=60).map("".join)


def without(kind, parts):
    return "".join(part.text for part in parts if part.kind != kind)


@given(TEXTS, TEXTS)
def test_what_is_deleted_and_inserted_gives_back_both_texts(old, new):
    parts = compare(old, new)
    assert without(INSERTED, parts) == old
    assert without(DELETED, parts) == new
    assert all(part.text for part in parts)
    assert all(one.kind != other.kind for one, other in pairwise(parts))


@given(TEXTS)
def test_nothing_differs_in_the_same_text(text):
    assert [part.kind for part in compare(text, text)] == ([SAME] if text else [])


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("one two three", "one 2 three", "one [-two-]{+2+} three"),
        ("one\ntwo\n", "one\nand\ntwo\n", "one\n{+and\n+}two\n"),
        ("It fails.\nAlways.\n", "It fails!\nAlways.\n", "It fails[-.-]{+!+}\nAlways.\n"),
        ("It is open.", "It is shut.\n\nNow.", "It is [-open-]{+shut+}.{+\n\nNow.+}"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        # What has little in common is no edit of words.
        ("one two three", "quite another", "[-one two three-]{+quite another+}"),
    ],
)
def test_what_is_shown_of_an_edit(old, new, shown):
    marks = {SAME: "{}", DELETED: "[-{}-]", INSERTED: "{{+{}+}}"}
    assert "".join(marks[part.kind].format(part.text) for part in compare(old, new)) == shown


def test_long_texts_are_not_compared():
    assert compare("x" * MAX_COMPARED, "y") is not None
    assert compare("x" * (MAX_COMPARED + 1), "y") is None
    assert compare("y", "x" * (MAX_COMPARED + 1)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\nb\n", "b\na\n"),
        ("a b ", "b a "),
        ("\n", " \n"),
        (". ! ", "! . "),
        ("a b\nb a\nc\n", "b a\nc\na b\n"),
    ],
)
def test_the_work_has_a_limit_whatever_the_texts_are(monkeypatch, old, new):
    search, work = SequenceMatcher.find_longest_match, []

    def watched(self, alo=0, ahi=None, blo=0, bhi=None):
        work.append(sum(1 + len(self.b2j.get(item, ())) for item in self.a[alo:ahi]))
        assert sum(work) <= difference.MAX_STEPS
        return search(self, alo, ahi, blo, bhi)

    monkeypatch.setattr(SequenceMatcher, "find_longest_match", watched)
    old, new = (text * ((MAX_COMPARED - 1) // len(text)) for text in (old, new))
    parts = compare(f"{old}x", f"y{new}")
    assert without(INSERTED, parts) == f"{old}x"
    assert without(DELETED, parts) == f"y{new}"


def test_where_the_limit_is_reached_the_rest_counts_as_replaced(monkeypatch):
    old, new = "one\ntwo\nthree\nfour\n", "1\ntwo\n3\nfour\n"
    assert len(compare(old, new)) > 2
    monkeypatch.setattr(difference, "MAX_STEPS", 1)
    assert [part.kind for part in compare(old, new)] == [DELETED, INSERTED, SAME]
