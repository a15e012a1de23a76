"""From text to the syntax tree (FILTERS.md §2). Whatever the text is, there is a tree.

What is faulty is told and left out, and the rest applied (FILTERS.md §4).
"""

from __future__ import annotations

import re

from ponytracker.i18n import _
from ponytracker.issues.filters.diagnostics import Code, Findings
from ponytracker.issues.filters.keys import QUALIFIER
from ponytracker.issues.filters.printing import MAX_DEPTH, print_leaf
from ponytracker.issues.filters.qualifiers import (
    is_qualifier,
    read_qualifier,
    read_quoted_qualifier,
    tell_unclosed_quote,
)
from ponytracker.issues.filters.scanning import Scanner
from ponytracker.issues.filters.tree import (
    OPEN,
    Everything,
    IssueNumber,
    Node,
    Span,
    Term,
    Text,
    conjunction,
    disjunction,
    is_scope,
    is_sort,
    leaves,
    negation,
)

MAX_TERMS = 50

_AND, _OR, _NOT = (re.compile(rf"{word}(?=[\s()]|\Z)") for word in ("AND", "OR", "NOT"))
_MINUS = re.compile(r"-(?=[^\s)])")
_CLOSING = re.compile(r"\)+")
_STAR = re.compile(r"\*(?=[\s)]|\Z)")
_NUMBER = re.compile(r"#(\d{1,18})(?=[\s)]|\Z)", re.ASCII)
_PHRASE = re.compile(r"""["]|'(?:[^'\\]|\\.)*'(?=[\s)]|\Z)""", re.DOTALL)

_NOTHING_TO_THE_LEFT = _("There is nothing to the left of this.")
_NOTHING_TO_THE_RIGHT = _("There is nothing to the right of this.")
_CLOSES_NONE = _("This parenthesis closes none. Write \\) to search for one.")


class Reader:
    """Reads the text of *findings* up to *end*, and tells there what is wrong with it."""

    def __init__(self, findings: Findings, end: int, max_depth: int) -> None:
        self._findings = findings
        self._scan = Scanner(findings.text, end)
        self._max_depth = max_depth
        self._terms = 0
        self._says_open = False
        self._unclosed = 0

    def read(self) -> Node | None:
        """Return the tree of the text, nothing where it asks for nothing."""
        return self._any_of(0)

    def _any_of(self, depth: int) -> Node | None:
        """Read a group, or the whole: terms with OR between them."""
        scan = self._scan
        branches: list[Node] = []
        waiting: Span | None = None
        while True:
            node, seen = self._all_of(depth)
            if node is not None:
                branches.append(node)
            if waiting and not seen:
                self._tell_no_operand(waiting, _NOTHING_TO_THE_RIGHT)
            start = scan.at
            if not scan.take(_OR):
                return disjunction(branches)
            if seen or waiting:
                waiting = scan.since(start)
            else:
                self._tell_no_operand(scan.since(start), _NOTHING_TO_THE_LEFT)

    def _all_of(self, depth: int) -> tuple[Node | None, bool]:
        """Read up to the next OR or the end of the group; return also whether a term was there."""
        scan = self._scan
        children: list[Node] = []
        seen = False
        waiting: Span | None = None
        while True:
            scan.skip_blanks()
            start = scan.at
            if scan.is_done or scan.match(_OR) or (depth and scan.peek() == ")"):
                break
            if scan.take(_CLOSING):
                span = scan.since(start)
                self._findings.error(Code.STRAY_PARENTHESIS, _CLOSES_NONE, span, instead="")
            elif scan.take(_AND):
                if seen and not waiting:
                    waiting = scan.since(start)
                else:
                    self._tell_no_operand(scan.since(start), _NOTHING_TO_THE_LEFT)
            else:
                node = self._term(depth)
                seen, waiting = True, None
                if node is not None:
                    children.append(node)
        if waiting:
            self._tell_no_operand(waiting, _NOTHING_TO_THE_RIGHT)
        self._tell_useless_scopes(children)
        return conjunction(children), seen

    def _term(self, depth: int) -> Node | None:
        scan = self._scan
        start = scan.at
        negated = False
        while scan.take(_NOT):
            operator = scan.at - len("NOT"), len("NOT")
            negated = not negated
            scan.skip_blanks()
            if scan.is_done or scan.peek() == ")" or scan.match(_AND) or scan.match(_OR):
                self._tell_no_operand(operator, _("There is nothing after this NOT."))
                return None
        if scan.take(_MINUS):
            negated = not negated
        is_group = scan.peek() == "("
        node = self._operand(depth)
        if not (is_group and node) and not self._counts(node, scan.since(start), negated=negated):
            return None
        if node is None or not negated:
            return node
        if is_scope(node) or is_sort(node):
            message = _("This cannot be negated.")
            self._findings.error(Code.NEGATED, message, scan.since(start))
            return None
        return negation(node)

    def _counts(self, node: Node | None, span: Span, *, negated: bool) -> bool:
        """Return whether there may be one term more; where there are too many, go to the end.

        The state that is added where none is typed does not count.
        """
        if node == OPEN and not negated and not self._says_open:
            self._says_open = True
            return True
        self._terms += 1
        if self._terms <= MAX_TERMS:
            return True
        if self._scan.gave_up:
            return False
        message = _(
            "A filter has at most ${max} terms: from here on nothing is applied.",
            mapping={"max": MAX_TERMS},
        )
        self._findings.error(Code.TOO_MANY_TERMS, message, span)
        self._scan.give_up()
        return False

    def _operand(self, depth: int) -> Node | None:
        scan = self._scan
        start = scan.at
        if scan.peek() == "(":
            return self._group(depth)
        if scan.take(_STAR):
            return Everything(scan.since(start))
        if found := scan.take(_NUMBER):
            return IssueNumber(int(found[1]), scan.since(start))
        if scan.match(_PHRASE):
            return self._phrase()
        if found := scan.match(QUALIFIER):
            key = found[1].lower()
            if is_qualifier(key, scan):
                return read_qualifier(key, scan, self._findings)
            node = self._text(scan.bare(), start)
            message = _(
                "“${key}:” is no filter, so this is searched as text.", mapping={"key": found[1]}
            )
            self._findings.note(Code.SEARCHED_AS_TEXT, message, scan.since(start))
            return node
        return self._text(scan.bare(), start)

    def _group(self, depth: int) -> Node | None:
        scan, findings = self._scan, self._findings
        start = scan.at
        if depth >= self._max_depth:
            scan.skip_group()
            message = _(
                "Too many groups in each other: at most ${max}.", mapping={"max": MAX_DEPTH}
            )
            findings.error(Code.TOO_DEEP, message, scan.since(start))
            return None
        told = len(findings.diagnostics)
        scan.at += 1
        node = self._any_of(depth + 1)
        if scan.peek() == ")":
            scan.at += 1
            if node is None and len(findings.diagnostics) == told:
                span = scan.since(start)
                message = _("There is nothing between these parentheses.")
                findings.error(Code.EMPTY_GROUP, message, span, instead="")
            return node
        if scan.gave_up:
            return node
        self._unclosed += 1
        if not depth:
            message = _("This parenthesis is not closed.")
            fix = findings.text + ")" * self._unclosed
            findings.error(Code.UNCLOSED_GROUP, message, (start, 1), fix=fix)
        return None

    def _phrase(self) -> Node | None:
        scan = self._scan
        start = scan.at
        quoted = scan.quoted()
        if quoted is None:
            tell_unclosed_quote(start, scan, self._findings)
            scan.give_up()
            return None
        if scan.is_done or scan.peek().isspace() or scan.peek() == ")":
            node = read_quoted_qualifier(quoted, scan.since(start))
            if node is not None:
                message = _(
                    "With all of it in quotes, this is read as the filter ${filter}.",
                    mapping={"filter": print_leaf(node)},
                )
                self._findings.note(Code.READ_AS_FILTER, message, scan.since(start))
                return node
        return self._text(quoted + scan.bare(), start)

    def _text(self, text: str, start: int) -> Node | None:
        span = self._scan.since(start)
        if text.strip():
            return Text(text, span)
        message = _("There is nothing between these quotes.")
        self._findings.error(Code.EMPTY_VALUE, message, span, instead="")
        return None

    def _tell_no_operand(self, span: Span, message: str) -> None:
        self._findings.error(Code.NO_OPERAND, message, span, instead="")

    def _tell_useless_scopes(self, children: list[Node]) -> None:
        """Say that an `in:` is about words, where there are none beside it."""
        if any(isinstance(leaf, Text) for child in children for leaf in leaves(child)):
            return
        for child in children:
            if isinstance(child, Term) and is_scope(child):
                message = _("“in:” is about words to search for, and there are none beside it.")
                self._findings.note(Code.NOTHING_TO_SCOPE, message, child.span)
