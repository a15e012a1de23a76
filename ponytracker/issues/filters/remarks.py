"""Notes on filters that are right and find nothing, or say something twice (FILTERS.md §3, §4)."""

from __future__ import annotations

from collections.abc import Iterator

from ponytracker.i18n import _
from ponytracker.issues.filters.dates import is_backwards
from ponytracker.issues.filters.diagnostics import Code, Findings
from ponytracker.issues.filters.keys import KEYS, Kind
from ponytracker.issues.filters.printing import print_filter
from ponytracker.issues.filters.tree import (
    And,
    Choice,
    Everything,
    Leaf,
    Name,
    Node,
    Not,
    Or,
    Range,
    Span,
    Special,
    Term,
    completed,
    leaves,
    negation,
    rebuilt,
)
from ponytracker.text import fold

_ONE_EACH = frozenset({"author", "assignee", "milestone", "project", "reason"})
"""Keys of which an issue has one value at most: two of them exclude each other."""

_OPPOSED = frozenset({"open", "closed"}), frozenset({"read", "unread"})
"""So do these words behind `is:`."""

_TWICE = _("This is in the filter twice.")
_EMPTY = _("This is always empty.")
_EMPTY_BUT_FOR_COMMA = _("This is always empty: no issue has both. Use a comma to find either.")
_BACKWARDS = _("This is always empty: it ends before it begins.")


def remark(root: Node | None, findings: Findings) -> None:
    """Tell what in *root* is said twice, and what no issue can be."""
    for group in _groups(root):
        _remark_on_duplicates(group, findings)
        if isinstance(group, And):
            _remark_on_contradictions(group, root, findings)
    for leaf in leaves(root):
        if isinstance(leaf, Term):
            _remark_on_ranges(leaf, findings)


def _groups(node: Node | None) -> Iterator[And | Or]:
    match node:
        case And(children) | Or(children):
            yield node
            for child in children:
                yield from _groups(child)
        case Not(child):
            yield from _groups(child)


def _remark_on_duplicates(group: And | Or, findings: Findings) -> None:
    seen: set[Node] = set()
    for child in group.children:
        if child in seen and not isinstance(child, Everything):
            findings.note(Code.DUPLICATE, _TWICE, _span(child))
        seen.add(child)


def _remark_on_contradictions(group: And, root: Node | None, findings: Findings) -> None:
    """Tell the first contradiction in *group*: it makes all of it empty."""
    seen: set[Node] = set()
    terms: list[tuple[Term, frozenset[str]]] = []
    for child in group.children:
        if negation(child) in seen:
            findings.note(Code.CONTRADICTION, _EMPTY, _span(child))
            return
        if child in seen:
            continue
        seen.add(child)
        if isinstance(child, Term) and (values := _comparable(child)) is not None:
            for other, others in terms:
                if _exclude(other, others, child, values):
                    _tell_contradiction(other, child, root, findings)
                    return
            terms.append((child, values))


def _comparable(term: Term) -> frozenset[str] | None:
    """Return what the values of *term* stand for, nothing where the text alone does not tell."""
    found = set()
    for value in term.values:
        match value:
            case Name(text):
                found.add(f"={fold(text)}")
            case Choice(word):
                found.add(word)
            case Special.NONE:
                found.add("none")
            case _:
                return None
    return frozenset(found)


def _exclude(one: Term, mine: frozenset[str], other: Term, yours: frozenset[str]) -> bool:
    """Return whether no issue can be both."""
    if one.key == other.key == "is":
        return not mine & yours and any(mine | yours <= words for words in _OPPOSED)
    if one.key == other.key:
        return one.key in _ONE_EACH and not mine & yours
    if "none" in mine | yours:
        return False
    return (one.key == "no" and mine == {other.key}) or (other.key == "no" and yours == {one.key})


def _tell_contradiction(one: Term, other: Term, root: Node | None, findings: Findings) -> None:
    if one.key != other.key or one.key == "is":
        findings.note(Code.CONTRADICTION, _EMPTY, other.span)
        return

    def joined(leaf: Leaf) -> Leaf | None:
        if leaf is one:
            return Term(one.key, (*one.values, *other.values))
        return None if leaf is other else leaf

    # The first alone is put right: writing the whole anew for each would take its time.
    is_first = Code.CONTRADICTION not in findings.told
    fix = print_filter(completed(rebuilt(root, joined))) if is_first else None
    findings.note(Code.CONTRADICTION, _EMPTY_BUT_FOR_COMMA, other.span, fix=fix)


def _remark_on_ranges(term: Term, findings: Findings) -> None:
    kind = KEYS[term.key].kind
    for value in term.values:
        if isinstance(value, Range) and _is_empty(value, kind):
            findings.note(Code.CONTRADICTION, _BACKWARDS, term.span)


def _is_empty(value: Range, kind: Kind) -> bool:
    if kind is Kind.NUMBER:
        return int(value.low) > int(value.high)
    return is_backwards(value.low, value.high)


def _span(node: Node) -> Span:
    """Return where *node* was typed, from its first term to its last."""
    spans = [leaf.span for leaf in leaves(node)]
    start = spans[0][0]
    return start, sum(spans[-1]) - start
