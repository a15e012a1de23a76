from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.issues.query import DEFAULT_SORT, SORTS, count_issues, parse_query
from ponytracker.models import Project, State


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (None, State.OPEN),
        ("", State.OPEN),
        ("  ", State.OPEN),
        ("is:open", State.OPEN),
        (" is:open ", State.OPEN),
        ("is:closed", State.CLOSED),
        ("is:close", State.CLOSED),
        ("*", None),
        ("is:all", None),
    ],
)
def test_what_is_understood(text, state):
    query = parse_query(text, None)
    assert (query.state, query.error) == (state, None)
    assert parse_query(query.text, None).state == state


@given(st.text(), st.text())
def test_anything_else_is_told_and_shows_the_open_issues(text, sort):
    query = parse_query(text, sort)
    assert query.sort in SORTS
    if query.error:
        assert query.state is State.OPEN
        assert query.text.split() == text.split()


@pytest.mark.parametrize("sort", SORTS)
def test_a_known_sort_is_taken(sort):
    assert parse_query("nonsense", sort).sort == sort
    assert parse_query(None, sort.upper()).sort == DEFAULT_SORT


def test_how_many_there_are_is_not_counted_but_known():
    project = Project(open_count=3, closed_count=4)
    counts = [count_issues(project, state) for state in (State.OPEN, State.CLOSED, None)]
    assert counts == [3, 4, 7]
