"""The part of a text that shows why it was found, with the words that were looked for marked.

It is cut and stemmed as the database's index does it (``models/search_index.py``), by the same
algorithm of Porter, so that what is marked is what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import snowballstemmer
from markupsafe import Markup, escape

LENGTH = 220
"""Characters of a snippet, about three lines."""

MAX_LOOKED_AT = 100_000
"""Characters of a text that are looked through."""

_BEFORE = 40
"""Characters shown before the first hit."""

_WORD = re.compile(r"[^\W_]+")
_STEMMER = snowballstemmer.stemmer("porter")


class Hit(NamedTuple):
    """Where in a text something was found."""

    start: int
    end: int


def snippet(text: str, phrases: Iterable[str], length: int = LENGTH) -> Markup:
    """Return the part of *text* with the most hits of *phrases*, each in a ``<mark>``."""
    hits = find_hits(text, phrases)
    start = _best_start(hits, length)
    return _cut(text, start, length, hits)


def highlight(text: str, phrases: Iterable[str]) -> Markup:
    """Return the whole of *text*, a line, with each hit of *phrases* in a ``<mark>``."""
    return _mark(text, 0, len(text), find_hits(text, phrases))


def find_hits(text: str, phrases: Iterable[str]) -> list[Hit]:
    """Return where in *text* any of *phrases* is, from its start on; none overlaps another."""
    wanted = [stems for phrase in phrases if (stems := _stems(phrase))]
    # Stemming leaves the first letter alone, and most words begin with another.
    letters = {stem[0] for stems in wanted for stem in stems}
    words = [
        (found.start(), found.end(), _stem(found[0]) if found[0][0].lower() in letters else "")
        for found in _WORD.finditer(text, 0, MAX_LOOKED_AT)
    ]
    hits: list[Hit] = []
    for index, (start, _, stem) in enumerate(words):
        if not stem or (hits and start < hits[-1].end):
            continue
        for stems in wanted:
            last = index + len(stems)
            if stem == stems[0] and [word[2] for word in words[index:last]] == stems:
                hits.append(Hit(start, words[last - 1][1]))
                break
    return hits


def _stems(phrase: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(phrase)]


def _stem(word: str) -> str:
    stem: str = _STEMMER.stemWord(word.lower())
    return stem


def _best_start(hits: Sequence[Hit], length: int) -> int:
    """Return where the snippet begins: so that it shows as many hits as it can."""
    best, most, after = 0, 0, 0
    for index, hit in enumerate(hits):
        while after < len(hits) and hits[after].end <= hit.start + length - _BEFORE:
            after += 1
        if after - index > most:
            best, most = hit.start, after - index
    return max(0, best - _BEFORE)


def _cut(text: str, start: int, length: int, hits: Sequence[Hit]) -> Markup:
    """Return *length* characters of *text* from *start* on, cut at blanks where there are some."""
    end = min(len(text), start + length)
    if start:
        blank = text.find(" ", start, start + _BEFORE)
        start = blank + 1 if blank >= 0 else start
    if end < len(text):
        blank = text.rfind(" ", max(start, end - _BEFORE), end)
        end = blank if blank > start else end
    marked = _mark(text, start, end, hits)
    return Markup("{}{}{}").format("… " if start else "", marked, " …" if end < len(text) else "")


def _mark(text: str, start: int, end: int, hits: Sequence[Hit]) -> Markup:
    pieces, at = [], start
    for hit in hits:
        if hit.start < at or hit.end > end:
            continue
        pieces += [
            escape(text[at : hit.start]),
            Markup("<mark>{}</mark>").format(text[slice(*hit)]),
        ]
        at = hit.end
    return Markup("").join([*pieces, escape(text[at:end])])
