"""What there is to say about a filter: what, where in the text, and what to write instead."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Any

from ponytracker.issues.filters.tree import Span
from ponytracker.text import fold

MAX_DIAGNOSTICS = 20
"""Of each level: more of them help nobody."""

MAX_TOKEN = 100
"""Characters of the text that a diagnostic repeats."""


class Level(StrEnum):
    """How bad it is: after an error, part of the filter is not applied (FILTERS.md §4)."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Code(StrEnum):
    """What it is about, for programs."""

    UNCLOSED_QUOTE = "unclosed_quote"
    UNCLOSED_GROUP = "unclosed_group"
    STRAY_PARENTHESIS = "stray_parenthesis"
    EMPTY_GROUP = "empty_group"
    TOO_DEEP = "too_deep"
    TOO_MANY_TERMS = "too_many_terms"
    TOO_LONG = "too_long"
    NO_OPERAND = "no_operand"
    NEGATED = "negated"
    EMPTY_VALUE = "empty_value"
    BAD_VALUE = "bad_value"
    BAD_DATE = "bad_date"
    BAD_NUMBER = "bad_number"
    BAD_RANGE = "bad_range"
    UNKNOWN_KEY = "unknown_key"
    NOT_YET = "not_yet"
    UNKNOWN_NAME = "unknown_name"
    SIGN_IN = "sign_in"
    SEARCHED_AS_TEXT = "searched_as_text"
    READ_AS_FILTER = "read_as_filter"
    READ_AS_ONE_NAME = "read_as_one_name"
    PULL_REQUESTS = "pull_requests"
    NEVER = "never"
    NOTHING_TO_SCOPE = "nothing_to_scope"
    NO_WORDS = "no_words"
    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"


@dataclasses.dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to say about a filter.

    Each of *suggestions* could stand where *token* does; *fix* is the whole text put right.
    """

    level: Level
    code: Code
    message: str
    pos: int
    length: int
    token: str
    suggestions: tuple[str, ...] = ()
    fix: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what the API answers; the message is still to be translated (FILTERS.md §4)."""
        return {
            "code": self.code.value,
            "message": self.message,
            "pos": self.pos,
            "len": self.length,
            "token": self.token,
            "suggestions": list(self.suggestions),
        }


class Findings:
    """Collects what there is to say about *text*; `told` has the codes of all of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.diagnostics: list[Diagnostic] = []
        self.told: set[Code] = set()
        self._count: Counter[Level] = Counter()

    def error(self, code: Code, message: str, span: Span, **kw: Any) -> None:
        self._tell(Level.ERROR, code, message, span, **kw)

    def warning(self, code: Code, message: str, span: Span, **kw: Any) -> None:
        self._tell(Level.WARNING, code, message, span, **kw)

    def note(self, code: Code, message: str, span: Span, **kw: Any) -> None:
        self._tell(Level.NOTE, code, message, span, **kw)

    def replaced(self, span: Span, by: str) -> str:
        """Return the text with *by* instead of what is at *span*."""
        at, length = span
        return (self.text[:at] + by + self.text[at + length :]).strip()

    def _tell(
        self,
        level: Level,
        code: Code,
        message: str,
        span: Span,
        *,
        suggestions: Iterable[str] = (),
        instead: str | None = None,
        fix: str | None = None,
    ) -> None:
        """Add a diagnostic about what is at *span*.

        The text put right is *fix*, or has *instead* there, or the first of *suggestions*.
        """
        self.told.add(code)
        self._count[level] += 1
        if self._count[level] > MAX_DIAGNOSTICS:
            return
        suggestions = tuple(suggestions)
        if instead is None and suggestions:
            instead = suggestions[0]
        if fix is None and instead is not None:
            fix = self.replaced(span, instead)
        at, length = span
        token = self.text[at : at + min(length, MAX_TOKEN)]
        self.diagnostics.append(
            Diagnostic(level, code, message, at, length, token, suggestions, fix)
        )


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the three of *names* that look most like *name*, the nearest first.

    By the letters and pairs of letters they share (Dice's coefficient), as fast for a thousand.
    """
    wanted = _features(name)

    def unlikeness(other: str) -> tuple[float, str]:
        features = _features(other)
        return -len(wanted & features) / (len(wanted) + len(features)), other

    return tuple(heapq.nsmallest(3, set(names), key=unlikeness))


@lru_cache(256)
def _features(name: str) -> frozenset[str]:
    folded = fold(name[:100])
    return frozenset(folded).union(map("".join, itertools.pairwise(f" {folded} ")))
