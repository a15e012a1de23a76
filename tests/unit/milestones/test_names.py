from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.milestones.names import free_slug, slug_of
from ponytracker.resources import RESERVED_NAMES

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=128)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("1.0", "1.0"),
        ("a_b-c.d", "a_b-c.d"),
        ("Version 2.0 (beta)", "version-2.0-beta"),
        ("Übung", "ubung"),
        ("..", "milestone"),
        ("\u7248\u672c", "milestone"),
        ("a/../b", "a-..-b"),
        ("@@add", "add"),
    ],
)
def test_how_names_look_in_addresses(name, slug):
    assert slug_of(name) == slug


def test_names_that_look_alike_get_numbers():
    taken = set()
    for _ in range(3):
        taken.add(free_slug("v1", taken))
    assert taken == {"v1", "v1-2", "v1-3"}


@given(names=st.lists(NAMES, max_size=20))
def test_slugs_are_unlike_each_other_and_hide_no_page(names):
    taken: set[str] = set()
    for name in names:
        slug = free_slug(name, taken)
        assert slug not in taken
        assert slug not in RESERVED_NAMES
        assert re.fullmatch(r"[a-z0-9_.-]{1,128}", slug)
        assert slug.strip(".")
        taken.add(slug)


@given(
    name=st.from_regex(r"[a-z0-9_.-]{1,32}", fullmatch=True).filter(lambda name: name.strip("."))
)
def test_the_names_of_the_original_are_their_own_slugs(name):
    assert slug_of(name) == name
