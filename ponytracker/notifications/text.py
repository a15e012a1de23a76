"""Markdown as it stands in the text of a mail: lines of 72 columns, with nothing broken by that.

Code, tables, headings and link targets stay as they were typed, and no word is split, so that a
link can be followed. What a quote or a list item goes on with begins like it. Everything is linear
in the length of the text, also in that of one long word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

COLUMNS = 72

MAX_LINE = 10_000
"""Characters of a line up to which it is looked at for code and links that hold blanks."""

_FENCE = re.compile(r" {0,3}(?:> ?)*(?:[-+*] +|\d{1,9}[.)] +)?(`{3,}|~{3,})")
_INDENTED = re.compile(r" {4}| {0,3}\t")
_BEGINNING = re.compile(r"[ \t]*((?:> ?)*)((?:[-+*]|\d{1,9}[.)]) +(?:\[[ xX]\] +)?)?")
_KEPT = re.compile(
    r"""
    [ ]{0,3} (?:
        [#]{1,6} [ ]                # a heading
        | [|]                       # a row of a table
        | \[ [^\]]{1,200} \]: [ ]   # a link's target
        | [-=*_ ]+ $                # the line under a heading, or between two parts
    )
    """,
    re.VERBOSE,
)
_DELIMITERS = re.compile(r" {0,3}:?-+:? *(?:\| *:?-+:? *)+")
_PIECE = re.compile(
    r"""
    (?: (?<!`) (?P<ticks> `{1,3} ) (?!`) [^`]* (?P=ticks) (?!`)     # code
      | !?\[ [^\[\]]* \] \( [^()\s]* (?: [ ]+ "[^"]*" )? \)         # a link
      | \S )+
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"\S+")


def wrap(markdown: str, columns: int = COLUMNS) -> str:
    """Return *markdown* in lines of *columns*, as far as no word is longer."""
    return "\n".join(_wrap_lines(markdown.split("\n"), columns))


def quote(text: str) -> str:
    """Return *text* as a mail quotes it."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _wrap_lines(lines: list[str], columns: int) -> Iterator[str]:
    fence = ""
    is_quoted = in_paragraph = in_table = False
    for number, line in enumerate(lines):
        opening = _FENCE.match(line)
        if is_quoted and not line.lstrip().startswith(">"):  # the quote ends, and with it its code
            fence, is_quoted = "", False
        if fence:
            yield line.rstrip()
            if opening and opening[1].startswith(fence) and not line[opening.end() :].strip():
                fence, is_quoted = "", False
            continue
        if opening:
            fence, is_quoted = opening[1], ">" in opening[0]
            in_paragraph = in_table = False
            yield line.rstrip()
            continue
        if not line.strip():
            in_paragraph = in_table = False
            yield ""
            continue
        following = lines[number + 1] if number + 1 < len(lines) else ""
        in_table = in_table or ("|" in line and bool(_DELIMITERS.fullmatch(following.rstrip())))
        is_code = not in_paragraph and _INDENTED.match(line)
        if is_code or in_table or _KEPT.match(line):
            yield line.rstrip()
        else:
            in_paragraph = True
            yield from _wrap_line(line, columns)


def _wrap_line(line: str, columns: int) -> Iterator[str]:
    """Yield *line* in several that begin as what it stands in goes on."""
    line = line.rstrip()
    if len(line) <= columns and line.isascii():
        yield line
        return
    beginning = _BEGINNING.match(line)
    start = beginning.end() if beginning else 0
    # A continuation hangs below the words of a list item, and has the marks of a quote.
    marks = beginning.end(1) if beginning else 0
    present, rest = line[:start], line[:marks] + " " * (start - marks)
    width, is_empty = start, True
    piece = _PIECE if len(line) <= MAX_LINE else _WORD
    parts = [present]
    for word in piece.finditer(line, start):
        size = _width(word[0])
        if not is_empty and width + 1 + size > columns:
            yield "".join(parts)
            parts, width, is_empty = [rest], start, True
        parts += [word[0]] if is_empty else [" ", word[0]]
        width += size + (not is_empty)
        is_empty = False
    yield "".join(parts)


def _width(word: str) -> int:
    """Return how many columns of a terminal *word* takes (UAX #11; combining marks take none)."""
    if word.isascii():
        return len(word)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in word
    )
