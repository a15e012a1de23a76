"""The syntax tree of a filter: what is asked for, however it was typed.

Trees are made by `conjunction`, `disjunction` and `negation`, which keep them in one form: nothing
is nested that need not be. Where a part was typed (`span`) is no part of what it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from ponytracker.issues.filters.keys import STATES

Span = tuple[int, int]
"""Where something begins in the text, and its length."""


class Special(StrEnum):
    """The values that are words and no names; in quotes they are names."""

    NONE = "none"
    ANY = "*"
    ME = "@me"


@dataclasses.dataclass(frozen=True, slots=True)
class Name:
    """The name of a label, milestone, user or project."""

    text: str
    span: Span = dataclasses.field(default=(0, 0), compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """One of the words that a key knows."""

    word: str


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """A date or number, or all on one side of it: *comparison* is empty, `>`, `>=`, `<` or `<=`."""

    comparison: str
    at: str


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """From a date or number to another, with both."""

    low: str
    high: str


Value = Special | Name | Choice | Bound | Range


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """A qualifier: any of *values* will do."""

    key: str
    values: tuple[Value, ...]
    span: Span = dataclasses.field(default=(0, 0), compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A word or phrase to be found in the texts of the issue."""

    text: str
    span: Span = dataclasses.field(default=(0, 0), compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class IssueNumber:
    number: int
    span: Span = dataclasses.field(default=(0, 0), compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Everything:
    """`*`: issues in every state."""

    span: Span = dataclasses.field(default=(0, 0), compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    child: Node


@dataclasses.dataclass(frozen=True, slots=True)
class And:
    """All of these. An `in:` among them is about the words beside it and within its groups."""

    children: tuple[Node, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Or:
    children: tuple[Node, ...]


Leaf = Term | Text | IssueNumber | Everything
Node = Leaf | Not | And | Or

OPEN = Term("is", (Choice("open"),))
"""What a filter asks for that does not speak of the state."""

_ANY_ISSUE = Term("is", (Choice("issue"),))


def conjunction(children: Iterable[Node]) -> Node | None:
    """Return the node for all of *children*; there is none for nothing."""
    parts: list[Node] = []
    for child in children:
        # A group keeps the words that its `in:` is about apart from others.
        if isinstance(child, And) and not any(is_scope(part) for part in child.children):
            parts.extend(child.children)
        else:
            parts.append(child)
    if not any(isinstance(leaf, Text) for part in parts for leaf in leaves(part)):
        parts = [part for part in parts if not is_scope(part)]
    if len(parts) > 1:
        parts = [part for part in parts if part != _ANY_ISSUE] or parts[:1]
    return And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def disjunction(children: Iterable[Node]) -> Node | None:
    """Return the node for any of *children*; there is none for nothing."""
    parts: list[Node] = []
    for child in children:
        parts.extend(child.children if isinstance(child, Or) else (child,))
    return Or(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def negation(child: Node) -> Node:
    """Return the node for what *child* is not; what has no label is not what has one."""
    match child:
        case Not(inner):
            return inner
        case Term("no" | "has" as key, (value,), span):
            return Term("has" if key == "no" else "no", (value,), span)
    return Not(child)


def is_scope(node: Node) -> bool:
    return isinstance(node, Term) and node.key == "in"


def is_sort(node: Node) -> bool:
    return isinstance(node, Term) and node.key == "sort"


def speaks_of_state(leaf: Node) -> bool:
    """Return whether after *leaf* `is:open` does not go without saying (FILTERS.md §3.1)."""
    match leaf:
        case Everything() | Term("closed" | "reason"):
            return True
        case Term("is", values):
            return any(isinstance(value, Choice) and value.word in STATES for value in values)
    return False


def leaves(node: Node | None) -> Iterator[Leaf]:
    """Yield the terms of *node*, in order."""
    match node:
        case None:
            return
        case And(children) | Or(children):
            for child in children:
                yield from leaves(child)
        case Not(child):
            yield from leaves(child)
        case _:
            yield node


def rebuilt(node: Node | None, change: Callable[[Leaf], Node | None]) -> Node | None:
    """Return *node* with each term as *change* gives it back, or without it."""
    match node:
        case None:
            return None
        case And(children):
            return conjunction(_present(rebuilt(child, change) for child in children))
        case Or(children):
            return disjunction(_present(rebuilt(child, change) for child in children))
        case Not(child):
            inner = rebuilt(child, change)
            return None if inner is None else negation(inner)
    return change(node)


def completed(node: Node | None) -> Node:
    """Return the tree of a whole filter: sorts are beside all else, and a state is always said."""
    sorts = [leaf for leaf in leaves(node) if is_sort(leaf)]
    if len(sorts) > sum(is_sort(part) for part in parts(node)):
        rest = rebuilt(node, lambda leaf: None if is_sort(leaf) else leaf)
        node = conjunction((*parts(rest), *sorts))
    if any(speaks_of_state(leaf) and not isinstance(leaf, Everything) for leaf in leaves(node)):
        node = _without_everything(node)
    if not any(speaks_of_state(leaf) for leaf in leaves(node)):
        node = conjunction((*parts(node), OPEN))
    return node or OPEN


def parts(node: Node | None) -> tuple[Node, ...]:
    """Return what must all hold for *node*."""
    return node.children if isinstance(node, And) else () if node is None else (node,)


def _without_everything(node: Node | None) -> Node | None:
    """Return *node* without each `*` that adds nothing to what stands beside it."""
    match node:
        case And(children):
            kept = [child for child in children if not isinstance(child, Everything)]
            return conjunction(_present(map(_without_everything, kept or children[:1])))
        case Or(children):
            return disjunction(_present(map(_without_everything, children)))
        case Not(child):
            inner = _without_everything(child)
            return None if inner is None else negation(inner)
    return node


def _present(nodes: Iterable[Node | None]) -> Iterator[Node]:
    return (node for node in nodes if node is not None)
