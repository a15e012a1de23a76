"""What each key of a filter asks of an issue, as SQL (FILTERS.md §2, §3).

A condition is true or false and never NULL, so that its negation is what it is not: issues without
a label have no label x. Where an index can name the issues that it may hold for, it does.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from ponytracker.issues.filter_names import Names
from ponytracker.issues.filters.dates import period
from ponytracker.issues.filters.keys import KEYS, Kind
from ponytracker.issues.filters.tree import Bound, Choice, Range, Special, Term, Value
from ponytracker.issues.unread import is_unread
from ponytracker.models import (
    Event,
    EventKind,
    Issue,
    IssueLabel,
    IssueSubscription,
    Label,
    Milestone,
    Project,
    ProjectReadMark,
    ProjectSubscription,
    State,
    StateReason,
)
from ponytracker.security.principals import Identity

Rows = Select[Any] | CompoundSelect[Any]

AnIssue = Any
"""`Issue` or another name for it in the same statement."""


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """What a term asks of the row of `Issue`; and the ids of all of which it is true, by an index.

    They may be of other projects too; where they are not exact, also of some it is not true of.
    `size` is as many rows, which are read sooner.
    """

    test: ColumnElement[bool]
    ids: Rows | None = None
    size: Rows | None = None
    is_exact: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, where (in all projects they may see, if in none), when, and what the names are."""

    reader: Identity
    project: Project | None
    names: Names
    at: dt.datetime

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.reader.time_zone)

    @property
    def today(self) -> dt.date:
        return self.at.astimezone(self.zone).date()


def condition_of(term: Term, asked: Asked) -> Condition:
    """Return what *term* asks of an issue."""
    match KEYS[term.key].kind:
        case Kind.USER:
            return _about_people(term, asked)
        case Kind.DATE | Kind.NUMBER:
            return _about_quantity(term, asked)
    match term.key:
        case "label":
            return _about_label(term, asked)
        case "milestone":
            return _about_milestone(term, asked)
        case "project":
            return _about_project(term, asked)
        case "is":
            return _any_of([_is(word, asked) for word in _words(term)])
        case "no":
            return _any_of([Condition(not_(_HAS[word](Issue))) for word in _words(term)])
        case "has":
            return _any_of([Condition(_HAS[word](Issue)) for word in _words(term)])
        case "reason":
            reasons = [StateReason(word.replace(" ", "_")) for word in _words(term)]
            return Condition(_present(Issue.state_reason, Issue.state_reason.in_(reasons)))
    raise ValueError(term.key)


def needs_reader(term: Term) -> bool:
    """Return whether *term* is about whoever reads: nobody, if they are not signed in."""
    words = {value.word for value in term.values if isinstance(value, Choice)}
    is_state = term.key == "is" and words & {"unread", "read", "mine", "watched"}
    return bool(is_state) or Special.ME in term.values


def _words(term: Term) -> list[str]:
    return [value.word for value in dict.fromkeys(term.values) if isinstance(value, Choice)]


def _present(column: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(column.is_not(None), condition)


def _any_of(conditions: Sequence[Condition]) -> Condition:
    """Return what holds where any of *conditions* does."""
    if len(conditions) == 1:
        return conditions[0]
    test = or_(false(), *(condition.test for condition in conditions))
    if any(condition.ids is None for condition in conditions):
        return Condition(test)
    return Condition(
        test,
        _union([condition.ids for condition in conditions]),
        _union([c.ids if c.size is None else c.size for c in conditions]),
        is_exact=all(condition.is_exact for condition in conditions),
    )


def _union(selects: Iterable[Rows | None]) -> Rows | None:
    # A union cannot be a part of another one on SQLite, but be selected from in it.
    found = [select(rows.subquery().c[0]) for rows in selects if rows is not None]
    return union_all(*found) if found else None


# is:


def _is(word: str, asked: Asked) -> Condition:
    user_id = asked.reader.user_id
    match word:
        case "open" | "closed":
            return Condition(Issue.state == State(word))
        case "all" | "issue":
            return Condition(true())
        case "overdue":
            return _in_place(asked, lambda issue: _is_overdue(issue, asked.at))
        case "mine" if user_id is not None:
            mine = frozenset({user_id})
            return _any_of([_author(mine, asked), _assignee(mine, asked)])
        case "watched" if user_id is not None:
            return _watcher(frozenset({user_id}), asked)
        case "unread" if user_id is not None:
            changed = _changed_since(user_id, asked.project)
            return Condition(_is_unread(user_id), changed, is_exact=False)
        case "read" if user_id is not None:
            return Condition(not_(_is_unread(user_id)))
    return Condition(false())


def _is_unread(user_id: int) -> ColumnElement[bool]:
    return _present(Issue.last_event_id, is_unread(user_id))


def _changed_since(user_id: int, project: Project | None) -> Rows | None:
    """Return the ids of what has changed since someone has read all of *project*."""
    if project is None:
        return None
    other = aliased(Issue)
    mark = select(ProjectReadMark.last_event_id).where(
        ProjectReadMark.user_id == user_id, ProjectReadMark.project_id == project.id
    )
    is_later = other.last_event_id > func.coalesce(mark.scalar_subquery(), 0)
    return select(other.id).where(other.project_id == project.id, is_later)


def _is_overdue(issue: AnIssue, at: dt.datetime) -> ColumnElement[bool]:
    return and_(issue.state == State.OPEN, _present(issue.due_at, issue.due_at < at))


# no: and has:


def _has_event(issue: AnIssue, kind: EventKind, *conditions: ColumnElement[bool]) -> Any:
    return exists().where(Event.issue_id == issue.id, Event.kind == kind, *conditions)


def _has_reply(issue: AnIssue) -> ColumnElement[bool]:
    is_other = Event.actor_id.is_distinct_from(issue.author_id)
    return _correlated(_has_event(issue, EventKind.COMMENTED, Event.deleted_at.is_(None), is_other))


def _correlated(found: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = found.correlate(Issue)
    return condition


_HAS: dict[str, Callable[[AnIssue], ColumnElement[bool]]] = {
    "label": lambda issue: _correlated(exists().where(IssueLabel.issue_id == issue.id)),
    "milestone": lambda issue: issue.milestone_id.is_not(None),
    "assignee": lambda issue: issue.assignee_id.is_not(None),
    "due": lambda issue: issue.due_at.is_not(None),
    "description": lambda issue: _correlated(
        _has_event(issue, EventKind.OPENED, func.trim(func.coalesce(Event.text, "")) != "")
    ),
    "comments": lambda issue: issue.comment_count > 0,
    "reply": _has_reply,
}


# Labels, milestones, projects


def _about_label(term: Term, asked: Asked) -> Condition:
    conditions = []
    if known := asked.names.of(term):
        has = IssueLabel.label_id.in_(_stored(Label, known, asked))
        conditions.append(
            Condition(
                exists().where(IssueLabel.issue_id == Issue.id, has).correlate(Issue),
                select(IssueLabel.issue_id).where(has),
                select(IssueLabel.label_id).where(has),
            )
        )
    return _any_of([*conditions, *_specials(term, _HAS["label"])])


def _stored(
    model: type[Label] | type[Milestone], known: frozenset[Any], asked: Asked
) -> frozenset[Any] | Select[Any]:
    """Return the ids of what is *known*: by name where it is of several projects."""
    if asked.project is not None:
        return known
    return select(model.id).where(model.name.in_(known), model.deleted.is_(False))


def _about_milestone(term: Term, asked: Asked) -> Condition:
    conditions = []
    if known := asked.names.of(term):
        conditions.append(_by_column("milestone_id", _stored(Milestone, known, asked)))
    return _any_of([*conditions, *_specials(term, _HAS["milestone"])])


def _about_project(term: Term, asked: Asked) -> Condition:
    ids = asked.names.of(term)
    is_any = Special.ANY in term.values
    if asked.project is not None:
        return Condition(true() if is_any or asked.project.id in ids else false())
    return Condition(true() if is_any else Issue.project_id.in_(ids))


def _specials(term: Term, has: Callable[[AnIssue], ColumnElement[bool]]) -> list[Condition]:
    """Return what `none` and `*` among the values of *term* ask for."""
    found = {Special.NONE: not_(has(Issue)), Special.ANY: has(Issue)}
    return [Condition(found[value]) for value in Special if value in term.values and value in found]


def _by_column(name: str, ids: Any) -> Condition:
    """Return that the column *name* is one of *ids*."""
    other = aliased(Issue)
    return Condition(
        _present(getattr(Issue, name), getattr(Issue, name).in_(ids)),
        select(other.id).where(getattr(other, name).in_(ids)),
    )


# People

_Ids = frozenset[int] | None
"""Whom a key is about, or anyone at all."""


def _about_people(term: Term, asked: Asked) -> Condition:
    ids = asked.names.of(term)
    if Special.ME in term.values and asked.reader.user_id is not None:
        ids |= {asked.reader.user_id}
    asks = _PEOPLE[term.key]
    conditions = [asks(ids, asked)] if ids else []
    return _any_of([*conditions, *_specials(term, lambda _issue: asks(None, asked).test)])


def _author(ids: _Ids, _asked: Asked) -> Condition:
    return Condition(Issue.author_id.is_not(None)) if ids is None else _by_column("author_id", ids)


def _assignee(ids: _Ids, _asked: Asked) -> Condition:
    if ids is None:
        return Condition(Issue.assignee_id.is_not(None))
    return _by_column("assignee_id", ids)


def _by_event(kind: EventKind, column: Any, ids: _Ids) -> Condition:
    """Return that there is an event of *kind* whose *column* is one of *ids*."""
    whose = column.is_not(None) if ids is None else column.in_(ids)
    conditions = (Event.kind == kind, Event.deleted_at.is_(None), whose)
    of_one = exists().where(Event.issue_id == Issue.id, *conditions).correlate(Issue)
    return Condition(of_one, None if ids is None else select(Event.issue_id).where(*conditions))


def _commenter(ids: _Ids, _asked: Asked) -> Condition:
    return _by_event(EventKind.COMMENTED, Event.actor_id, ids)


def _closed_by(ids: _Ids, _asked: Asked) -> Condition:
    return _by_event(EventKind.CLOSED, Event.actor_id, ids)


def _mentions(ids: _Ids, _asked: Asked) -> Condition:
    return _by_event(EventKind.MENTIONED, Event.user_id, ids)


def _involves(ids: _Ids, asked: Asked) -> Condition:
    return _any_of([asks(ids, asked) for asks in (_author, _assignee, _commenter, _mentions)])


def _watcher(ids: _Ids, asked: Asked) -> Condition:
    """Subscribed to the issue, or to all of its project."""
    other = aliased(Issue)
    one, all_ = IssueSubscription, ProjectSubscription
    is_one = true() if ids is None else one.user_id.in_(ids)
    is_all = true() if ids is None else all_.user_id.in_(ids)
    by_project = select(other.id).where(all_.project_id == other.project_id, is_all)
    if asked.project is not None:
        # Whether they watch it all is asked once, and not of each issue.
        watches = exists().where(all_.project_id == asked.project.id, is_all)
        by_project = select(other.id).where(other.project_id == asked.project.id, watches)
    return Condition(
        or_(
            exists().where(one.issue_id == Issue.id, is_one).correlate(Issue),
            exists().where(all_.project_id == Issue.project_id, is_all).correlate(Issue),
        ),
        union_all(select(one.issue_id).where(is_one), by_project),
    )


_PEOPLE: dict[str, Callable[[_Ids, Asked], Condition]] = {
    "author": _author,
    "assignee": _assignee,
    "commenter": _commenter,
    "mentions": _mentions,
    "involves": _involves,
    "closed-by": _closed_by,
    "watcher": _watcher,
}


# Dates and numbers

_COLUMNS = {
    "created": "created_at",
    "updated": "updated_at",
    "closed": "closed_at",
    "due": "due_at",
    "comments": "comment_count",
}
_COMPARISONS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def _about_quantity(term: Term, asked: Asked) -> Condition:
    test = _dated(term, asked) if KEYS[term.key].kind is Kind.DATE else _counted(term)
    # An issue's times and its comments are in an index of its project (models/issue.py).
    return Condition(test(Issue)) if term.key in ("closed", "events") else _in_place(asked, test)


def _in_place(asked: Asked, test: Callable[[AnIssue], ColumnElement[bool]]) -> Condition:
    """Return *test*, which an index answers in one project."""
    if asked.project is None:
        return Condition(test(Issue))
    other = aliased(Issue)
    found = select(other.id).where(other.project_id == asked.project.id, test(other))
    return Condition(test(Issue), found)


def _dated(term: Term, asked: Asked) -> Callable[[AnIssue], ColumnElement[bool]]:
    def test(issue: AnIssue) -> ColumnElement[bool]:
        column = getattr(issue, _COLUMNS[term.key])
        return or_(*(_in_period(issue, column, v, asked) for v in dict.fromkeys(term.values)))

    return test


def _in_period(issue: AnIssue, column: Any, value: Value, asked: Asked) -> ColumnElement[bool]:
    match value:
        case Special.NONE | Choice("no"):
            condition = column.is_(None)
        case Special.ANY | Choice("yes"):
            condition = column.is_not(None)
        case Choice("overdue"):
            condition = _is_overdue(issue, asked.at)
        case Range(low, high):
            start, end = _period(low, asked)[0], _period(high, asked)[1]
            condition = _present(column, and_(column >= start, column < end))
        case Bound(comparison, date):
            condition = _present(column, _bounded(column, comparison, *_period(date, asked)))
        case _:
            raise ValueError(value)
    found: ColumnElement[bool] = condition
    return found


def _bounded(
    column: Any, comparison: str, start: dt.datetime, end: dt.datetime
) -> ColumnElement[bool]:
    """Return that *column* is in a period, or on one side of it."""
    found: dict[str, ColumnElement[bool]] = {
        "": and_(column >= start, column < end),
        ">": column >= end,
        ">=": column >= start,
        "<": column < start,
        "<=": column < end,
    }
    return found[comparison]


def _period(date: str, asked: Asked) -> tuple[dt.datetime, dt.datetime]:
    return period(date, asked.today, asked.zone)


def _counted(term: Term) -> Callable[[AnIssue], ColumnElement[bool]]:
    def test(issue: AnIssue) -> ColumnElement[bool]:
        number = issue.comment_count if term.key == "comments" else _event_count(issue)
        values = dict.fromkeys(term.values)
        # Together, since SQLite takes no more than a thousand with OR between them.
        exact = [int(v.at) for v in values if isinstance(v, Bound) and not v.comparison]
        others = [v for v in values if not (isinstance(v, Bound) and not v.comparison)]
        one_of = [number.in_(exact)] if exact else []
        return or_(*one_of, *(_compared(number, value) for value in others))

    return test


def _event_count(issue: AnIssue) -> ColumnElement[int]:
    """Return how many events an issue has, off an index.

    That it was spoken of elsewhere is none of its own: it must not tell of what may be hidden.
    """
    own = select(func.count()).where(Event.issue_id == issue.id, Event.source_issue_id.is_(None))
    return own.correlate(issue).scalar_subquery()


def _compared(number: Any, value: Value) -> ColumnElement[bool]:
    match value:
        case Special.NONE:
            condition = number == 0
        case Special.ANY:
            condition = number > 0
        case Range(low, high):
            condition = number.between(int(low), int(high))
        case Bound(comparison, at):
            condition = _COMPARISONS[comparison](number, int(at))
        case _:
            raise ValueError(value)
    found: ColumnElement[bool] = condition
    return found
