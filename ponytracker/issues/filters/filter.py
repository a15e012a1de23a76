"""A filter: what its text asks for, and the filters that are one click away from it.

Every link on a page is made by one of the methods here: they change the tree and write it anew, so
that all else that was typed stays (FILTERS.md §3.12).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ponytracker.i18n import _
from ponytracker.issues.filters.diagnostics import Code, Diagnostic, Findings, Level
from ponytracker.issues.filters.keys import DEFAULT_SORT, SORTS, STATES
from ponytracker.issues.filters.printing import MAX_DEPTH, nesting, print_filter
from ponytracker.issues.filters.remarks import remark
from ponytracker.issues.filters.syntax import Reader
from ponytracker.issues.filters.tree import (
    OPEN,
    Choice,
    Everything,
    Leaf,
    Name,
    Node,
    Special,
    Term,
    Value,
    completed,
    conjunction,
    is_sort,
    leaves,
    negation,
    parts,
    rebuilt,
)
from ponytracker.text import clean_line, fold

MAX_LENGTH = 2000
"""Characters of a filter, as it is typed and as it is written."""

_SAFE_LENGTH = MAX_LENGTH // 2 - 20
"""What is typed in so many characters is never written in more than `MAX_LENGTH`."""


def parse(text: str | None, sort: str | None = None) -> Filter:
    """Return the filter that *text* is, whatever it is.

    *sort* is that of the address, as in the original; `sort:` in the text goes before it.
    """
    text = clean_line((text or "")[: 4 * MAX_LENGTH])
    found = _parse(text, sort, MAX_LENGTH)
    if len(text) <= _SAFE_LENGTH or (excess := len(str(found)) - MAX_LENGTH) <= 0:
        return found
    # Mostly it is but the default state that is too much.
    found = _parse(text, sort, _end(text, MAX_LENGTH) - excess)
    return found if len(str(found)) <= MAX_LENGTH else _parse(text, sort, _SAFE_LENGTH)


def _parse(text: str, sort: str | None, max_length: int) -> Filter:
    end = _end(text, max_length)
    for depth in (MAX_DEPTH, MAX_DEPTH - 1):
        findings = Findings(text)
        root = Reader(findings, end, depth).read()
        whole = completed(root)
        # The parentheses that the default state puts around an OR are a group too.
        if nesting(whole) <= MAX_DEPTH:
            break
    remark(root, findings)
    if end < len(text):
        message = _(
            "A filter has at most ${max} characters: from here on nothing is applied.",
            mapping={"max": MAX_LENGTH},
        )
        findings.error(Code.TOO_LONG, message, (end, len(text) - end))
    given = Filter(whole, text, tuple(findings.diagnostics))
    if sort in SORTS and not given.sorts:
        return dataclasses.replace(given, root=given.sorted_by(sort).root)
    return given


def _end(text: str, max_length: int) -> int:
    """Return where to stop reading: after the last word that still fits."""
    if len(text) <= max_length:
        return len(text)
    return max(text.rfind(" ", 0, max_length + 1), 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for. `str()` writes it the one way there is.

    `text` is what was typed, `diagnostics` what there is to say about it.
    """

    root: Node
    text: str = dataclasses.field(default="", compare=False)
    diagnostics: tuple[Diagnostic, ...] = dataclasses.field(default=(), compare=False)

    def __str__(self) -> str:
        return print_filter(self.root)

    @property
    def has_errors(self) -> bool:
        return any(found.level is Level.ERROR for found in self.diagnostics)

    @property
    def is_default(self) -> bool:
        """Whether there is nothing to reset."""
        return self.root == OPEN

    @property
    def state(self) -> str | None:
        """Which of open, closed, unread and all is asked for, if it is just one of them."""
        said = [part for part in parts(self.root) if _state(part) is not None]
        nested = [leaf for leaf in leaves(self.root) if _state(leaf) is not None]
        return _state(said[0]) if len(said) == len(nested) == 1 else None

    @property
    def stateless(self) -> Node | None:
        """What is asked for besides the state; nothing, if that is all."""
        return rebuilt(self.root, _without_state)

    @property
    def is_only_state(self) -> bool:
        """Whether nothing but the state is asked for, so that counters know how many there are."""
        return all(is_sort(part) or _state(part) is not None for part in parts(self.root))

    @property
    def sorts(self) -> tuple[str, ...]:
        """The orders that are asked for, the first before the others."""
        terms = [part for part in parts(self.root) if isinstance(part, Term) and is_sort(part)]
        values = [value for term in terms for value in term.values]
        return tuple(value.word for value in values if isinstance(value, Choice))

    @property
    def sort(self) -> str:
        """The first order, that of the menu."""
        return self.sorts[0] if self.sorts else DEFAULT_SORT

    def values(self, key: str) -> tuple[Value, ...]:
        """Return the values of *key* that every issue found must have, for what menus mark."""
        terms = [part for part in parts(self.root) if isinstance(part, Term)]
        return tuple(term.values[0] for term in terms if term.key == key and len(term.values) == 1)

    def with_state(self, state: str) -> Filter:
        """Return this with `open`, `closed`, `unread` or `all` as its only state."""
        new = Everything() if state == "all" else Term("is", (Choice(state),))
        return self._changed(_without_state, new)

    def with_label(self, name: str) -> Filter:
        """Return this with one more label."""
        new = Term("label", (Name(name),))
        if new in parts(self.root):
            return Filter(self.root)
        opposed = (negation(new), Term("no", (Choice("label"),)))
        kept = [part for part in parts(self.root) if part not in opposed]
        return _filter([*kept, new])

    def without_label(self, name: str) -> Filter:
        def change(leaf: Leaf) -> Leaf | None:
            return _without(leaf, "label", lambda value: _is_named(value, name))

        return self._changed(change, None)

    def with_no_label(self) -> Filter:
        """Return this for issues without any label, instead of with some."""
        return self._with_value("label", Special.NONE)

    def with_milestone(self, value: str | None) -> Filter:
        """Return this with that milestone instead of any other, or with none said.

        Here and below, a string is a name; `Special.NONE` is nobody, and `Special.ME` the reader.
        """
        return self._with_value("milestone", value)

    def with_author(self, value: str | None) -> Filter:
        return self._with_value("author", value)

    def with_assignee(self, value: str | None) -> Filter:
        return self._with_value("assignee", value)

    def sorted_by(self, sort: str) -> Filter:
        """Return this in another order; that of every list is not written."""
        order = SORTS[sort]
        new = None if order == DEFAULT_SORT else Term("sort", (Choice(order),))
        return self._changed(lambda leaf: None if is_sort(leaf) else leaf, new)

    def reset(self) -> Filter:
        """Return the filter of a list where nothing is asked for."""
        return Filter(OPEN)

    def _with_value(self, key: str, value: str | None) -> Filter:
        new: Leaf | None = None
        if value is Special.NONE and key != "author":
            new = Term("no", (Choice(key),))
        elif value is not None:
            new = Term(key, (value if isinstance(value, Special) else Name(value),))

        def change(leaf: Leaf) -> Leaf | None:
            if isinstance(leaf, Term) and leaf.key in ("no", "has"):
                return _without(leaf, leaf.key, lambda value: value == Choice(key))
            return _without(leaf, key, lambda value: True)

        return self._changed(change, new)

    def _changed(self, change: Callable[[Leaf], Leaf | None], new: Leaf | None) -> Filter:
        """Return this with its terms changed, and *new* where the first of them was."""
        children: list[Node] = []
        for part in parts(self.root):
            kept = rebuilt(part, change)
            if kept != part and new is not None:
                children.append(new)
                new = None
            if kept is not None:
                children.append(kept)
        return _filter([*children, *([new] if new is not None else [])])


def _filter(children: list[Node]) -> Filter:
    return Filter(completed(conjunction(children)))


def _state(node: Node) -> str | None:
    """Return the one state that *node* asks for."""
    match node:
        case Everything():
            return "all"
        case Term("is", (Choice(word),)) if word in STATES:
            return word
    return None


def _without_state(leaf: Leaf) -> Leaf | None:
    if isinstance(leaf, Everything):
        return None
    return _without(leaf, "is", lambda value: isinstance(value, Choice) and value.word in STATES)


def _without(leaf: Leaf, key: str, is_unwanted: Callable[[Value], bool]) -> Leaf | None:
    """Return *leaf* without some of its values, if it is about *key*."""
    if not isinstance(leaf, Term) or leaf.key != key:
        return leaf
    kept = tuple(value for value in leaf.values if not is_unwanted(value))
    return dataclasses.replace(leaf, values=kept) if kept else None


def _is_named(value: Value, name: str) -> bool:
    return isinstance(value, Name) and fold(value.text) == fold(name)
