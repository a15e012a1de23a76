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

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from ponytracker.i18n import _
from ponytracker.issues import fulltext
from ponytracker.issues.filter_names import look_up, visible_ids
from ponytracker.issues.filter_terms import Asked, Condition, Rows, condition_of, needs_reader
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

SOME = 50_000
"""Up to how many SQLite had better have their ids at hand than look into every issue."""

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
    condition, whatever_state = (builder.build(place, root) for root in roots)
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


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """A part of the condition that a filter is; one that leads names the few it is true of."""

    condition: ColumnElement[bool]
    leads: bool = False


class _Builder:
    """Puts a tree together from the conditions of its terms."""

    def __init__(self, session: Session, asked: Asked, findings: Findings) -> None:
        self._session = session
        self._asked = asked
        self._findings = findings
        self._has_statistics = session.get_bind().dialect.name != "sqlite"
        self._parts: dict[tuple[Leaf, Scope], _Part | None] = {}

    def prepare(self, roots: Sequence[Node | None]) -> None:
        """Make up the conditions of all terms of *roots*, each in the better way: one query."""
        terms = dict.fromkeys((term.leaf, term.scope) for root in roots for term in _terms(root))
        found = {(leaf, scope): self._condition(leaf, scope) for leaf, scope in terms}
        sizes = {
            key: condition.ids if condition.size is None else condition.size
            for key, condition in found.items()
            if condition is not None
        }
        counted = {
            key: self._count(key[0], size) for key, size in sizes.items() if size is not None
        }
        row = self._session.execute(select(*counted.values())).one() if counted else ()
        counts = dict(zip(counted, row, strict=True))
        for key, condition in found.items():
            if condition is None:
                self._parts[key] = None
            else:
                self._parts[key] = self._part(key[0], condition, counts.get(key))

    def build(self, place: ColumnElement[bool], root: Node | None) -> ColumnElement[bool]:
        """Return the condition that *root*, whose terms have been prepared, is in *place*."""
        part = self._build(root, fulltext.FIELDS)
        return place if part is None else self._all_of([_Part(place), part]).condition

    def _build(self, node: Node | None, scope: Scope) -> _Part | None:
        match node:
            case None:
                return None
            case And(children) | Or(children):
                scope = _scope(node, scope)
                built = [self._build(child, scope) for child in children]
                parts = [part for part in built if part is not None]
                if not parts:
                    return None
                return self._all_of(parts) if isinstance(node, And) else _any_of(parts)
            case Not(child):
                inner = self._build(child, scope)
                return None if inner is None else _Part(not_(inner.condition))
        if is_scope(node) or is_sort(node):
            return None
        return self._parts[node, scope]

    def _all_of(self, parts: Sequence[_Part]) -> _Part:
        leads = any(part.leads for part in parts)
        if not leads or self._has_statistics:
            return _Part(and_(*(part.condition for part in parts)), leads)
        return _Part(
            and_(*(part.condition if part.leads else _hidden(part.condition) for part in parts)),
            leads,
        )

    def _part(self, leaf: Leaf, condition: Condition, count: int | None) -> _Part:
        if condition.ids is not None and count is not None and count <= SOME:
            is_one = Issue.id.in_(condition.ids)
            if count <= FEW:
                exact = is_one if condition.is_exact else and_(is_one, condition.test)
                return _Part(exact, leads=True)
            if condition.is_exact and not self._has_statistics:
                return _Part(self._tested(leaf, is_one))
        return _Part(self._tested(leaf, condition.test))

    def _tested(self, leaf: Leaf, test: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return *test* as it is tried of each issue, in the order that the list is in.

        An index is for this order, for which it has the state too.
        """
        match leaf:
            case IssueNumber() | Everything() | Term("is", (Choice("open" | "closed"),)):
                return test
        return test if self._has_statistics else _hidden(test)

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

    def _count(self, leaf: Leaf, size: Rows) -> ScalarSelect[int]:
        """Return of how many issues *leaf* may be true at most, as far as it matters."""
        limit = (FEW if self._has_statistics else SOME) + 1
        if isinstance(leaf, Text):
            return fulltext.count_hits(self._session, leaf.text, limit)
        some = size.limit(limit).subquery()
        return select(func.count()).select_from(some).scalar_subquery()


def _any_of(parts: Sequence[_Part]) -> _Part:
    return _Part(or_(*(part.condition for part in parts)), all(part.leads for part in parts))


def _hidden(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return *condition* so that SQLite looks for no index for it."""
    return func.coalesce(condition, literal(value=False))
