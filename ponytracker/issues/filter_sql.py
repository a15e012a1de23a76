"""A filter as SQL: one condition on `Issue`.

A term can be put in two ways: "is one of these", which the index names, best where they are few;
and "is it true of this one", best on the way through many in the order of the list. Which it is to
be is counted first, for all terms at once, up to a limit: no planner knows how common a word is,
and SQLite's keeps no statistics of anything. See docs/decisions/filters.rst.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Select,
    and_,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from ponytracker.i18n import _
from ponytracker.issues import fulltext
from ponytracker.issues.filter_names import look_up, visible_ids
from ponytracker.issues.filter_terms import Asked, Condition, condition_of, needs_reader
from ponytracker.issues.filters import Code, Diagnostic, Filter, Findings
from ponytracker.issues.filters.tree import (
    And,
    Choice,
    Everything,
    IssueNumber,
    Leaf,
    Node,
    Not,
    Or,
    Term,
    Text,
    is_scope,
    is_sort,
)
from ponytracker.models import Issue, Project
from ponytracker.models.base import now
from ponytracker.security.principals import Identity

FEW = 2_000
"""Up to how many issues it is best to look at each."""

MAX_NUMBER = 2**31 - 1
"""The greatest number that an issue can have."""

Scope = frozenset[str]
"""In which texts words are looked for: see ``fulltext.FIELDS``."""


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """The issues that a filter finds for one reader in one place, as conditions on `Issue`.

    `whatever_state` is all but the state. `diagnostics` are those of the filter, and what there is
    to say about its names. `texts` are what is looked for, in `scope`.
    """

    filter: Filter
    project: Project | None
    condition: ColumnElement[bool]
    whatever_state: ColumnElement[bool]
    diagnostics: tuple[Diagnostic, ...]
    texts: tuple[str, ...]
    scope: Scope


def select_issues(
    session: Session,
    filter_: Filter,
    reader: Identity,
    project: Project | None = None,
    *,
    at: dt.datetime | None = None,
) -> Selection:
    """Return what *filter_* finds for *reader* in *project*, or without one in all they may see."""
    findings = Findings(filter_.text)
    names = look_up(session, filter_.root, reader, project, findings)
    asked = Asked(reader, project, names, at or now())
    builder = _Builder(session, asked, findings)
    roots = [filter_.root, filter_.stateless]
    builder.prepare(roots)
    place = _place(reader, project)
    condition, whatever_state = (and_(place, builder.build(root)) for root in roots)
    told = sorted((*filter_.diagnostics, *findings.diagnostics), key=lambda found: found.pos)
    sought = [
        (found.leaf.text, found.scope)
        for found in _terms(filter_.root)
        if isinstance(found.leaf, Text) and not found.negated
    ]
    return Selection(
        filter_,
        project,
        condition,
        whatever_state,
        tuple(told),
        tuple(text for text, _scope in sought if fulltext.has_words(text)),
        frozenset().union(*(scope for _text, scope in sought)),
    )


def _place(reader: Identity, project: Project | None) -> ColumnElement[bool]:
    if project is not None:
        return Issue.project_id == project.id
    return Issue.project_id.in_(visible_ids(reader))


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """A term with what stands around it."""

    leaf: Leaf
    scope: Scope
    negated: bool


def _terms(
    node: Node | None, scope: Scope = fulltext.FIELDS, *, negated: bool = False
) -> Iterator[_Found]:
    """Yield the terms of *node* that ask something of an issue."""
    match node:
        case None:
            return
        case And(children) | Or(children):
            scope = _scope(node, scope)
            for child in children:
                yield from _terms(child, scope, negated=negated)
        case Not(child):
            yield from _terms(child, scope, negated=not negated)
        case _ if not (is_scope(node) or is_sort(node)):
            yield _Found(node, scope, negated)


def _scope(group: And | Or, outer: Scope) -> Scope:
    """Return in which texts the words of *group* are looked for: where its own `in:` says."""
    if isinstance(group, Or):
        return outer
    said = [
        value.word
        for child in group.children
        if isinstance(child, Term) and is_scope(child)
        for value in child.values
        if isinstance(value, Choice)
    ]
    return frozenset(said) or outer


class _Builder:
    """Puts a tree together from the conditions of its terms."""

    def __init__(self, session: Session, asked: Asked, findings: Findings) -> None:
        self._session = session
        self._asked = asked
        self._findings = findings
        self._conditions: dict[tuple[Leaf, Scope], ColumnElement[bool] | None] = {}

    def prepare(self, roots: Sequence[Node | None]) -> None:
        """Make up the conditions of all terms of *roots*, each in the better way: one query."""
        terms = dict.fromkeys((term.leaf, term.scope) for root in roots for term in _terms(root))
        found = {(leaf, scope): self._condition(leaf, scope) for leaf, scope in terms}
        ids = {
            key: condition.ids
            for key, condition in found.items()
            if condition is not None and condition.ids is not None
        }
        counts = [self._count(leaf, some) for (leaf, _scope), some in ids.items()]
        row = self._session.execute(select(*counts)).one() if counts else ()
        few = {key for key, count in zip(ids, row, strict=True) if count <= FEW}
        for key, condition in found.items():
            if condition is None:
                self._conditions[key] = None
            else:
                self._conditions[key] = Issue.id.in_(ids[key]) if key in few else condition.test

    def build(self, root: Node | None) -> ColumnElement[bool]:
        """Return the condition that *root* is, whose terms have been prepared."""
        condition = self._build(root, fulltext.FIELDS)
        return true() if condition is None else condition

    def _build(self, node: Node | None, scope: Scope) -> ColumnElement[bool] | None:
        match node:
            case None:
                return None
            case And(children) | Or(children):
                scope = _scope(node, scope)
                built = [self._build(child, scope) for child in children]
                asked = [condition for condition in built if condition is not None]
                if not asked:
                    return None
                return and_(*asked) if isinstance(node, And) else or_(*asked)
            case Not(child):
                inner = self._build(child, scope)
                return None if inner is None else not_(inner)
        if is_scope(node) or is_sort(node):
            return None
        return self._conditions[node, scope]

    def _condition(self, leaf: Leaf, scope: Scope) -> Condition | None:
        """Return what *leaf* asks of an issue, nothing if there is nothing in it to ask."""
        match leaf:
            case Everything():
                return Condition(true())
            case IssueNumber(number):
                return Condition(Issue.number == number if number <= MAX_NUMBER else false())
            case Text(text, span):
                if not fulltext.has_words(text):
                    message = _("There is no word in this to search for.")
                    self._findings.note(Code.NO_WORDS, message, span)
                    return None
                session = self._session
                ids = fulltext.issue_ids(session, text, scope)
                return Condition(fulltext.matches(session, text, scope), ids)
            case Term() if needs_reader(leaf) and not self._asked.reader.is_signed_in:
                message = _("This is about whoever is signed in. Log in to use it.")
                self._findings.warning(Code.SIGN_IN, message, leaf.span)
        return condition_of(leaf, self._asked)

    def _count(self, leaf: Leaf, ids: Select[Any] | CompoundSelect[Any]) -> ScalarSelect[int]:
        """Return how many *ids* there are of issues that *leaf* finds, as far as it matters."""
        if isinstance(leaf, Text):
            return fulltext.count_hits(self._session, leaf.text, FEW + 1)
        some = ids.limit(FEW + 1).subquery()
        return select(func.count()).select_from(some).scalar_subquery()
