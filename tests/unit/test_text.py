from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.text import clean_line, clean_text, fold

ANYTHING = st.text(st.characters(exclude_categories=()))


@given(ANYTHING)
def test_a_cleaned_text_can_be_stored_and_sent(raw):
    text = clean_text(raw)
    text.encode("utf-8")
    assert "\x00" not in text
    assert "\r" not in text


@given(ANYTHING)
def test_cleaning_twice_is_cleaning_once(raw):
    assert clean_text(clean_text(raw)) == clean_text(raw)
    assert clean_line(clean_line(raw)) == clean_line(raw)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r")))
def test_a_clean_text_stays_as_it_was_typed(text):
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("\r\r\n\n", "\n\n\n"),
        ("a\x00b", "ab"),
        ("a\x00\r\x00\nb", "a\n\nb"),
        ("\ud83d", "\ufffd"),
        ("\U0001f434", "\U0001f434"),
        ("\t\x1b[0m\u200d", "\t\x1b[0m\u200d"),
    ],
)
def test_what_cleaning_does(raw, text):
    assert clean_text(raw) == text


@given(ANYTHING)
def test_a_line_is_one_line(raw):
    assert len(clean_line(raw).splitlines()) <= 1
    assert not any(unicodedata.category(character) == "Cc" for character in clean_line(raw))


@pytest.mark.parametrize(
    ("raw", "line"),
    [("a\r\n\r\nb", "a b"), ("a\tb", "a b"), ("a\u2028b\x85c", "a b c"), ("a  b", "a  b")],
)
def test_what_makes_a_line(raw, line):
    assert clean_line(raw) == line


@given(ANYTHING)
def test_folding_twice_is_folding_once(name):
    assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice", "aLICE"),
        ("STRASSE", "straße"),
        ("ÉMILE", "émile"),
        ("E\u0301mile", "\u00c9mile"),
        ("ﬁne", "FINE"),
        ("Ⅳ", "iv"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_names_that_differ_only_in_case_or_form_are_the_same(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alicé"), ("a b", "ab"), ("1", "2")])
def test_other_names_are_not(one, other):
    assert fold(one) != fold(other)
