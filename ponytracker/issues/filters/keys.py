"""The words of the filter language: its keys and what may follow each (FILTERS.md §2)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum, auto
from functools import lru_cache


class Kind(Enum):
    """What the values of a key are."""

    CHOICE = auto()
    NAME = auto()
    USER = auto()
    DATE = auto()
    NUMBER = auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """What may follow a key. Each of its *choices* is written as the word beside it."""

    kind: Kind
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _words(listed: str) -> dict[str, str]:
    return {word: word for word in listed.split()}


_PARTS = _words("label milestone assignee due description comments reply")

_DIRECTIONS = {
    "created": "created-desc",
    "updated": "updated-desc",
    "due": "due-asc",
    "comments": "comments-desc",
    "number": "number-desc",
    "relevance": "relevance-desc",
}
"""What a list can be sorted by, and the way round that is meant where none is said."""

ORIGINAL_SORTS = {
    "recently-updated": "updated-desc",
    "least-recently-updated": "updated-asc",
    "newest": "created-desc",
    "oldest": "created-asc",
    "most-urgent": "due-asc",
    "least-urgent": "due-desc",
}
"""The names that sorts have in the original's addresses (ORIGINAL.md §5)."""

SORTS = {
    **{f"{by}-{way}": f"{by}-{way}" for by in _DIRECTIONS for way in ("asc", "desc")},
    **_DIRECTIONS,
    **ORIGINAL_SORTS,
}

DEFAULT_SORT = "updated-desc"

KEYS: Mapping[str, Key] = {
    "is": Key(
        Kind.CHOICE,
        {
            **_words("open closed all unread read overdue locked pinned confidential watched mine"),
            **_words("issue pr merged draft"),
            "close": "closed",
        },
    ),
    "author": Key(Kind.USER),
    "assignee": Key(Kind.USER),
    "commenter": Key(Kind.USER),
    "mentions": Key(Kind.USER),
    "involves": Key(Kind.USER),
    "closed-by": Key(Kind.USER),
    "watcher": Key(Kind.USER),
    "label": Key(Kind.NAME),
    "milestone": Key(Kind.NAME),
    "project": Key(Kind.NAME),
    "no": Key(Kind.CHOICE, _PARTS),
    "has": Key(Kind.CHOICE, _PARTS),
    "due": Key(Kind.DATE, _words("yes no overdue")),
    "created": Key(Kind.DATE),
    "updated": Key(Kind.DATE),
    "closed": Key(Kind.DATE),
    "comments": Key(Kind.NUMBER),
    "events": Key(Kind.NUMBER),
    "in": Key(Kind.CHOICE, _words("title body comments")),
    "reason": Key(
        Kind.CHOICE,
        {
            **_words("completed duplicate"),
            "not planned": "not planned",
            "not-planned": "not planned",
            "not_planned": "not planned",
        },
    ),
    "sort": Key(Kind.CHOICE, SORTS),
}

STATE = Key(Kind.CHOICE, {**_words("open closed all"), "close": "closed"})
"""`state:` is another way to write `is:`, of these alone."""

TYPES = Key(Kind.CHOICE, _words("issue pr"))
"""So is `type:`, of GitHub's; whatever else follows it is text."""

LATER = frozenset({"was", "changed", "as-of"})
"""What the language keeps for asking about the past."""

PULL_REQUEST_ONLY = frozenset(
    {"review", "reviewed-by", "review-requested", "draft", "base", "head", "linked"}
)
"""What GitHub asks of pull requests, which are not here."""

QUOTED = frozenset({"is", "label", "milestone", "due", "author"})
"""The keys of the original, which read `"label:help wanted"` as a filter (FILTERS.md §3.5)."""

STATES = frozenset({"open", "closed", "all", "unread", "read"})
"""What speaks of the state behind `is:`, so that `is:open` does not go without saying."""

QUALIFIER = re.compile(r"([A-Za-z][A-Za-z-]*):")
"""A key with its colon."""

_SPOKEN = frozenset({*KEYS, "state", "type", *LATER, *PULL_REQUEST_ONLY})


def is_known(key: str) -> bool:
    """Return whether *key*, in small letters, means something before a colon."""
    return key in _SPOKEN


@lru_cache(1024)
def meant_by(key: str) -> str | None:
    """Return the key that *key*, which is none, was most likely meant to be (FILTERS.md §4).

    Two letters may differ, but in a short key one: else `foo:` would be `no:`.
    """
    best: tuple[int, str] | None = None
    letters = frozenset(key)
    for known, known_letters in _LETTERS.items():
        allowed = 1 if len(known) < 4 else 2
        # An edit changes which letters there are by two at most: this spares most of the work.
        if abs(len(known) - len(key)) > allowed or len(letters ^ known_letters) > 2 * allowed:
            continue
        apart = distance(key, known)
        if apart <= allowed and (best is None or apart < best[0]):
            best = apart, known
    return best and best[1]


_LETTERS = {known: frozenset(known) for known in (*KEYS, "state")}


def distance(one: str, other: str) -> int:
    """Return how many letters must be put in, taken out or exchanged to make *other* of *one*."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, wanted in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != wanted))
    return row[-1]
