from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.labels.colors import has_white_text, read_color

COLORS = st.from_regex(r"#[0-9A-F]{6}", fullmatch=True)


@pytest.mark.parametrize(
    ("typed", "color"),
    [
        ("#1d3dbe", "#1D3DBE"),
        ("1D3DBE", "#1D3DBE"),
        ("", None),
        ("red", None),
        ("#123", None),
        ("#1D3DBE0", None),
        ("##1D3DB", None),
        ("#1D3DB\u0661", None),
        ("#1D3DBE\n", None),
    ],
)
def test_what_is_a_color(typed, color):
    assert read_color(typed) == color


@pytest.mark.parametrize(
    ("color", "is_white"),
    # 4.54 is the contrast of either with #767676, which is the lightest that white is read on.
    [("#000000", True), ("#FFFFFF", False), ("#757575", True), ("#767676", False)],
)
def test_text_is_of_the_color_that_stands_out_more(color, is_white):
    assert has_white_text(color, inverted=False) is is_white


@given(color=COLORS)
def test_text_can_be_read_on_every_color(color):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 or more, here by its definition."""

    def luminance(color):
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    text = "#FFFFFF" if has_white_text(color, inverted=False) else "#000000"
    dark, light = sorted((luminance(color), luminance(text)))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@given(color=COLORS)
def test_inverted_text_is_white(color):
    assert has_white_text(color, inverted=True)
