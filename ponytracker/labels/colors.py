"""The colours of labels: ``#RRGGBB``, and whether text on one is black or white."""

from __future__ import annotations

import re

_COLOR = re.compile(r"#?([0-9a-fA-F]{6})", re.ASCII)


def read_color(typed: str) -> str | None:
    """Return the colour that *typed* names, as it is stored; nothing where it names none."""
    found = _COLOR.fullmatch(typed)
    return f"#{found[1].upper()}" if found else None


def has_white_text(color: str, inverted: bool) -> bool:
    """Return whether the text of a label of *color* is white, and not black.

    Whichever of both stands out more from the colour (WCAG 2.2, contrast ratio), unless the label
    is *inverted*.
    """
    return inverted or _contrast_with_white(color) > 21**0.5


def _contrast_with_white(color: str) -> float:
    """Return the contrast ratio, from 1 to 21; that with black is 21 divided by it."""
    channels = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
