"""Asking the database's full-text index (``models/search_index.py``) which issues hold some words.

A text is cut into words at whatever is no letter or digit, on both databases, so that what is asked
for in one piece (``foo.bar``, "not found") is a phrase: these words next to each other. Each
question can be put in two ways: for all issues that hold them (`issue_ids`), which is the better
way to few, and for one issue whether it does (`matches`), which is the better way through many.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Select,
    case,
    column,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.orm import Session

from ponytracker.models import Event, EventKind, Issue
from ponytracker.models.search_index import CONFIGURATION, NOT_IN_WORDS, TEXTS, TITLES, VECTOR

FIELDS = frozenset({"title", "body", "comments"})
"""The texts of an issue, by their names in the filter language (FILTERS.md §2, ``in:``)."""

_KINDS = {"body": EventKind.OPENED, "comments": EventKind.COMMENTED}
_WORD = re.compile(r"[^\W_]")
_NOT_IN_WORDS = re.compile(NOT_IN_WORDS)


def has_words(text: str) -> bool:
    """Return whether there is anything in *text* that can be looked for."""
    return bool(_WORD.search(text))


def matches(session: Session, text: str, scope: frozenset[str] = FIELDS) -> ColumnElement[bool]:
    """Return the condition that a text of the row of `Issue`, of those in *scope*, has these words.

    *text* has words in it (`has_words`).
    """
    titles, texts = _conditions(session, text, scope)
    return or_(titles, exists().where(Event.issue_id == Issue.id, texts))


def issue_ids(session: Session, text: str, scope: frozenset[str] = FIELDS) -> CompoundSelect[int]:
    """Return the ids of all issues, of whatever project, of which the same is true."""
    titles, texts = _conditions(session, text, scope, rows=True)
    return union_all(select(Issue.id).where(titles), select(Event.issue_id).where(texts))


def count_hits(session: Session, text: str, limit: int) -> ScalarSelect[int]:
    """Return how many titles, descriptions and comments have these words, counted up to *limit*.

    Off the index alone, so that it costs next to nothing however common they are.
    """
    find = _rows_of[session.get_bind().dialect.name]
    hits = [
        select(find(model, name, text).limit(limit).subquery().c.id)
        for model, name in ((Issue, TITLES), (Event, TEXTS))
    ]
    return select(func.count()).select_from(union_all(*hits).subquery()).scalar_subquery()


def relevance(
    session: Session, texts: Sequence[str], scope: frozenset[str] = FIELDS
) -> Sequence[ColumnElement[Any]]:
    """Return what the row of `Issue` is put in order by, most relevant last.

    How many of *texts* its title has, then how many of its other texts have any of them.
    """
    conditions = [_conditions(session, text, scope) for text in texts]
    in_title = sum((case((titles, 1), else_=0) for titles, _ in conditions), start=_ZERO)
    hits = select(func.count()).where(Event.issue_id == Issue.id, or_(*(c for _, c in conditions)))
    return in_title, hits.correlate(Issue).scalar_subquery()


def first_hits(
    session: Session, issue_ids: Sequence[int], texts: Sequence[str], scope: frozenset[str] = FIELDS
) -> Select[int, int]:
    """Return the id of each issue, and that of its first description or comment that has a hit."""
    conditions = [_conditions(session, text, scope)[1] for text in texts]
    return (
        select(Event.issue_id, func.min(Event.id))
        .where(Event.issue_id.in_(issue_ids), or_(*conditions))
        .group_by(Event.issue_id)
    )


_ZERO: ColumnElement[int] = literal_column("0")


def _conditions(
    session: Session, text: str, scope: frozenset[str], *, rows: bool = False
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions on the row of `Issue` and of `Event` that it is a hit.

    With *rows*, they are put so that all rows are found; else, so that a given one is tried.
    """
    kinds = [kind for field, kind in _KINDS.items() if field in scope]
    is_hit = _hit_of[session.get_bind().dialect.name]
    titles = is_hit(Issue, TITLES, text, rows) if "title" in scope else false()
    if not kinds:
        return titles, false()
    texts = is_hit(Event, TEXTS, text, rows)
    # Only these two kinds have texts.
    return titles, texts if len(kinds) == len(_KINDS) else texts & Event.kind.in_(kinds)


def _is_fts_hit(model: Any, name: str, text: str, rows: bool) -> ColumnElement[bool]:
    """FTS5: a row of the index has the id of what it indexes (sqlite.org/fts5.html §4.4.2)."""
    index = table(name, column("rowid"), column(name))
    hits = _fts_match(index.c[name], text)
    if rows:
        return model.id.in_(select(index.c.rowid).where(hits))
    return exists().where(index.c.rowid == model.id, hits).correlate(model)


def _fts_match(indexed: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return indexed.op("MATCH", is_comparison=True)('"{}"'.format(text.replace('"', '""')))


def _is_vector_hit(model: Any, _name: str, text: str, _rows: bool) -> ColumnElement[bool]:
    """PostgreSQL, whose planner chooses the way by itself."""
    vector: ColumnElement[Any] = literal_column(f"{model.__tablename__}.{VECTOR}")
    configuration: ColumnElement[Any] = literal_column(f"'{CONFIGURATION}'::regconfig")
    words = _NOT_IN_WORDS.sub(" ", text)
    return vector.op("@@", is_comparison=True)(func.phraseto_tsquery(configuration, words))


def _fts_rows(_model: Any, name: str, text: str) -> Select[int]:
    index = table(name, column("rowid"), column(name))
    return select(index.c.rowid.label("id")).where(_fts_match(index.c[name], text))


def _vector_rows(model: Any, name: str, text: str) -> Select[int]:
    return select(model.id.label("id")).where(_is_vector_hit(model, name, text, True))


_rows_of = {"sqlite": _fts_rows, "postgresql": _vector_rows}
_hit_of = {"sqlite": _is_fts_hit, "postgresql": _is_vector_hit}
