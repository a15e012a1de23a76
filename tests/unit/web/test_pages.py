from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.web.pages import Page


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (None, 1),
        ("", 1),
        ("1", 1),
        ("3", 3),
        ("03", 3),
        ("0", 1),
        ("-1", 1),
        ("abc", 1),
        ("1.5", 1),
        ("1e3", 1),
        (" 2", 1),
        ("2\n", 1),
        ("\u0661", 1),
        ("²", 1),
        ("4", 4),
        ("5", 4),
        ("99999", 4),
        ("9" * 5000, 1),
    ],
)
def test_the_page_asked_for_of_four(raw, number):
    assert Page.asked_for(raw, size=25, total=76).number == number


@pytest.mark.parametrize(("total", "last"), [(0, 1), (1, 1), (25, 1), (26, 2), (50, 2), (51, 3)])
def test_how_many_pages_there_are(total, last):
    assert Page(1, 25, total).last == last


pages = st.builds(
    lambda asked, size, total: Page.asked_for(str(asked), size=size, total=total),
    st.integers(0, 10_000),
    st.integers(1, 500),
    st.integers(0, 100_000),
)


@given(pages)
def test_a_page_has_something_on_it_unless_there_is_nothing(page):
    assert 0 <= page.offset < max(1, page.total)


@given(pages)
def test_links_lead_to_both_ends_and_what_is_near(page):
    links = [number for number in page.neighbours if number is not None]
    near = range(page.number - 2, page.number + 3)
    assert set(links) == {1, page.last, *(n for n in near if 1 <= n <= page.last)}
    assert links == sorted(links)


@given(pages)
def test_a_gap_stands_exactly_where_numbers_are_left_out(page):
    before = 0
    gap = False
    for number in page.neighbours:
        if number is None:
            gap = True
            continue
        assert gap == (number > before + 1)
        before, gap = number, False
    assert not gap
