"""What differs between two versions of a text, word by word where lines are alike.

The work has a hard limit, whatever the texts are: where it is reached, the rest counts as replaced.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import Match, SequenceMatcher
from itertools import accumulate, groupby, takewhile
from typing import NamedTuple

MAX_COMPARED = 65_536
"""Characters of the longer text, above which nothing is compared. Of real texts 1 in 5,000 is."""

MAX_STEPS = 3_000_000
"""Comparisons of lines or words in one difference: a few tenths of a second at most."""

_ALIKE = 0.4
"""The part that two passages must have in common for their words to be compared."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


class Part(NamedTuple):
    """A passage that both texts have, or only the old one (deleted) or the new one (inserted)."""

    kind: str
    text: str


SAME, DELETED, INSERTED = "same", "deleted", "inserted"


def compare(old: str, new: str) -> Sequence[Part] | None:
    """Return the passages by which *old* becomes *new*; nothing, where they are too long.

    Those the same or deleted are *old*, those the same or inserted are *new*.
    """
    if max(len(old), len(new)) > MAX_COMPARED:
        return None
    budget = _Budget(MAX_STEPS)
    lines = _matches(_LINE.findall(old), _LINE.findall(new), budget, bool)
    return list(_merge(_by_words(lines, budget)))


class _Budget:
    """The steps that are left."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def spend(self, steps: int) -> bool:
        """Take *steps*; return whether there were as many."""
        self.steps -= steps
        return self.steps >= 0


class _Matcher(SequenceMatcher[str]):
    """Finds no more once its budget is spent.

    A search looks at each place of *b* that is like one of *a*: what it will cost is known before.
    """

    def __init__(self, a: Sequence[str], b: Sequence[str], budget: _Budget) -> None:
        super().__init__(str.isspace, a, b, autojunk=False)
        self.budget = budget
        places = Counter(b)
        self.costs = [0, *accumulate(1 + places[item] for item in a)]

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        end = len(self.costs) - 1 if ahi is None else ahi
        if not self.budget.spend(self.costs[end] - self.costs[alo]):
            return Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def _matches(
    old: Sequence[str], new: Sequence[str], budget: _Budget, is_end: Callable[[str], bool]
) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Yield runs of *old* and *new* and what became of them: "equal" or something else.

    How both begin is told apart first, and how they end as far as it *is_end*: it costs next to
    nothing, and leaves little of most edits.
    """
    start = _common(old, new)
    a, b = old[start:], new[start:]
    end = _common(a[::-1], b[::-1], is_end)
    yield "equal", old[:start], new[:start]
    a, b = a[: len(a) - end], b[: len(b) - end]
    for tag, i1, i2, j1, j2 in _Matcher(a, b, budget).get_opcodes():
        yield tag, a[i1:i2], b[j1:j2]
    yield "equal", old[len(old) - end :], new[len(new) - end :]


def _common(old: Sequence[str], new: Sequence[str], is_part: Callable[[str], bool] = bool) -> int:
    """Return how long both are the same from the first on, of what *is_part*."""
    same = takewhile(
        lambda pair: pair[0] == pair[1] and is_part(pair[0]), zip(old, new, strict=False)
    )
    return sum(1 for _ in same)


def _by_words(
    lines: Iterable[tuple[str, Sequence[str], Sequence[str]]], budget: _Budget
) -> Iterator[Part]:
    for tag, old_lines, new_lines in lines:
        old, new = "".join(old_lines), "".join(new_lines)
        if tag == "replace":
            # The last words may be alike by chance only: a "." after another sentence.
            found = _matches(_WORD.findall(old), _WORD.findall(new), budget, str.isspace)
            words = list(found)
            common = sum(len(word) for tag, run, _new in words if tag == "equal" for word in run)
            if common >= _ALIKE * min(len(old), len(new)):
                for word_tag, old_words, new_words in words:
                    yield from _parts(word_tag, "".join(old_words), "".join(new_words))
                continue
        yield from _parts(tag, old, new)


def _parts(tag: str, old: str, new: str) -> Iterator[Part]:
    if tag == "equal":
        yield Part(SAME, old)
    else:
        yield Part(DELETED, old)
        yield Part(INSERTED, new)


def _merge(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield *parts* without empty ones, and neighbours of one kind as one."""
    filled = (part for part in parts if part.text)
    for kind, run in groupby(filled, key=lambda part: part.kind):
        yield Part(kind, "".join(part.text for part in run))
