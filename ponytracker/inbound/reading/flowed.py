"""Paragraphs that a client sent as format=flowed, made into one line each again (RFC 3676)."""

from __future__ import annotations

import re

_QUOTE = re.compile(r">+")


def unflow(text: str, *, delete_space: bool = False) -> str:
    """Return *text*, whose soft line breaks are undone; *delete_space* is the parameter DelSp."""
    lines: list[str] = []
    open_depth: int | None = None  # the quote depth of the paragraph that goes on, if one does
    parts: list[str] = []

    def close() -> None:
        nonlocal open_depth
        if parts:
            lines.append("".join(parts))
            parts.clear()
        open_depth = None

    for line in text.split("\n"):
        quote = _QUOTE.match(line)
        depth = quote.end() if quote else 0
        content = line[depth:].removeprefix(" ")
        if open_depth is not None and (open_depth != depth or content == "-- "):
            close()
        if open_depth is None and depth:
            parts.append(">" * depth + " ")
        is_soft = content.endswith(" ") and content != "-- "
        parts.append(content[:-1] if is_soft and delete_space else content)
        open_depth = depth if is_soft else None
        if not is_soft:
            close()
    close()
    return "\n".join(lines)
