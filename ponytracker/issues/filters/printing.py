"""From the syntax tree to text, the one way to write it: what is read from that is the same tree.

Quotes and escapes stand where the text would be read as something else without them, so that to
read and print again changes nothing (FILTERS.md §5).
"""

from __future__ import annotations

import re

from ponytracker.issues.filters.keys import (
    KEYS,
    QUALIFIER,
    QUOTED,
    Kind,
    is_known,
    meant_by,
)
from ponytracker.issues.filters.tree import (
    And,
    Bound,
    Choice,
    Everything,
    IssueNumber,
    Name,
    Node,
    Not,
    Or,
    Range,
    Special,
    Term,
    Text,
    Value,
)

MAX_DEPTH = 5
"""How many groups may stand in each other."""

OPERATORS = frozenset({"AND", "OR", "NOT"})

_SPECIAL = frozenset({Special.NONE.value, Special.ANY.value})
_BLANK = re.compile(r"\s")
_NOT_BARE = re.compile(r"""[\s,()"\\]|^'""")
_ESCAPED = re.compile(r"""[\\"()]|^['#-]""")


def print_filter(root: Node) -> str:
    """Return *root* as text."""
    # AND binds tighter than OR: parentheses around it are for the eye, while there may be as many.
    return _print(root, None, spare=_depth(root, None, spare=False) > MAX_DEPTH)


def nesting(root: Node) -> int:
    """Return how many groups stand in each other when *root* is written with as few as will do."""
    return _depth(root, None, spare=True)


def print_name(name: str, kind: Kind) -> str:
    """Return *name* as the value of a qualifier, in quotes where it needs them."""
    special = name in _SPECIAL or (kind is Kind.USER and name.startswith("@"))
    return _quoted(name) if special or _NOT_BARE.search(name) else name


def print_leaf(node: Node) -> str:
    """Return a single term as text."""
    return _print(node, None, spare=True)


def _print(node: Node, inside: Node | None, *, spare: bool) -> str:
    match node:
        case And(children) | Or(children):
            together = " OR " if isinstance(node, Or) else " "
            text = together.join([_print(child, node, spare=spare) for child in children])
            return f"({text})" if _is_grouped(node, inside, spare=spare) else text
        case Not(child):
            return "-" + _print(child, node, spare=spare)
    return _leaf(node)


def _depth(node: Node, inside: Node | None, *, spare: bool) -> int:
    match node:
        case And(children) | Or(children):
            deepest = max([_depth(child, node, spare=spare) for child in children])
            return deepest + _is_grouped(node, inside, spare=spare)
        case Not(child):
            return _depth(child, node, spare=spare)
    return 0


def _is_grouped(node: And | Or, inside: Node | None, *, spare: bool) -> bool:
    """Return whether *node* is in parentheses where it is a part of *inside*."""
    if spare and isinstance(node, And):
        return isinstance(inside, And | Not)
    return inside is not None


def _leaf(node: Node) -> str:
    match node:
        case Everything():
            return "*"
        case IssueNumber(number):
            return f"#{number}"
        case Text(text):
            return _text(text)
        case Term(key, values):
            return f"{key}:{','.join(print_value(value, KEYS[key].kind) for value in values)}"
    raise TypeError(node)


def print_value(value: Value, kind: Kind) -> str:
    """Return one value of a key of that *kind* as text."""
    match value:
        case Special():
            return value.value
        case Name(name):
            return print_name(name, kind)
        case Choice(word):
            return _quoted(word) if _BLANK.search(word) else word
        case Bound(comparison, at):
            return comparison + at
        case Range(low, high):
            return f"{low}..{high}"


def _text(text: str) -> str:
    key = QUALIFIER.match(text)
    if _BLANK.search(text) and not (key and key[1].lower() in QUOTED):
        return _quoted(text)
    if text == Special.ANY or text in OPERATORS:
        return "\\" + text
    escaped = _BLANK.sub(_escape, _ESCAPED.sub(_escape, text))
    if key and (is_known(key[1].lower()) or meant_by(key[1].lower())):
        return escaped.replace(":", "\\:", 1)
    return escaped


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escape(found: re.Match[str]) -> str:
    return "\\" + found[0]
