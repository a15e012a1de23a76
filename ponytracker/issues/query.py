"""Reading issues: a page of those that a filter finds, in its order, and how many there are.

Whatever the size of a project, a page reads what it shows and no more: counts stop at a limit, and
every order of a project's list is read off an index (models/issue.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    UnaryExpression,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Session, joinedload, selectinload

from ponytracker.i18n import _
from ponytracker.issues import fulltext
from ponytracker.issues.filter_sql import Selection, select_issues
from ponytracker.issues.filters import DEFAULT_SORT, Diagnostic, Filter, Level, parse
from ponytracker.issues.filters.keys import SORTS as MEANT_BY
from ponytracker.models import Issue, Project, State
from ponytracker.resources.base import number
from ponytracker.security.principals import Identity
from ponytracker.web.pages import Page

SORTS = {
    "recently-updated": _("Recently updated"),
    "least-recently-updated": _("Least recently updated"),
    "newest": _("Newest"),
    "oldest": _("Oldest"),
    "most-urgent": _("Most urgent"),
    "least-urgent": _("Least urgent"),
    "comments-desc": _("Most commented"),
    "comments-asc": _("Least commented"),
}
"""The orders in the menu of a list, by their names in the address."""

COUNT_BEYOND = 250
"""How many more than the page has are counted, so that there are pages to go on to."""

MAX_LISTED = 10_000
"""How many of the issues that a filter finds can be paged through."""

RANKED = 500
"""How many of those found, the last ones changed, are put in order by relevance."""

_COLUMNS: Mapping[str, Any] = {
    "created": Issue.created_at,
    "updated": Issue.updated_at,
    "due": Issue.due_at,
    "comments": Issue.comment_count,
    "number": Issue.number,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Count:
    """How many issues there are; where counting stopped, at least so many."""

    number: int
    is_capped: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class IssueQuery:
    """What the reader of a list asked for, and where."""

    selection: Selection

    @property
    def filter(self) -> Filter:
        return self.selection.filter

    @property
    def text(self) -> str:
        """What stands in the box: what was typed, and the default where nothing was."""
        return self.filter.text if self.filter.text.strip() else str(self.filter)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.selection.diagnostics

    @property
    def error(self) -> str | None:
        """The first thing that is wrong."""
        errors = [found for found in self.diagnostics if found.level is Level.ERROR]
        return errors[0].message if errors else None

    @property
    def state(self) -> str | None:
        return self.filter.state

    @property
    def sort(self) -> str:
        """The name of the order, as it stands in the menu."""
        order = self.filter.sort
        return next((name for name in SORTS if MEANT_BY[name] == order), order)


def parse_query(
    session: Session,
    text: str | None,
    sort: str | None,
    reader: Identity,
    project: Project | None = None,
) -> IssueQuery:
    """Return what *text* and *sort* ask of the issues of *project*, or of all *reader* may see.

    What is not understood is in the diagnostics, and the rest applies.
    """
    return IssueQuery(select_issues(session, parse(text, sort), reader, project))


def find_page(
    session: Session, query: IssueQuery, raw: str | None, *, size: int
) -> tuple[Page, Count]:
    """Return the page that *raw* names, and how many issues there are: one query at most."""
    asked = Page.asked_for(raw, size=size, total=MAX_LISTED)
    count = _known_count(query)
    if count is None:
        limit = asked.offset + size + COUNT_BEYOND
        condition = query.selection.condition
        number = session.execute(select(_count_some(condition, limit + 1))).scalar_one()
        count = Count(min(number, limit), is_capped=number > limit)
    return Page.asked_for(raw, size=size, total=count.number), count


def count_states(session: Session, query: IssueQuery) -> Mapping[State, Count]:
    """Return how many there are in each state of what is asked for besides: one query at most."""
    selection = query.selection
    project = selection.project
    if project is not None and query.filter.is_only_state:
        return {
            State.OPEN: Count(project.open_count),
            State.CLOSED: Count(project.closed_count),
        }
    counts = [
        _count_some(selection.whatever_state & (Issue.state == state), COUNT_BEYOND + 1)
        for state in State
    ]
    row = session.execute(select(*counts)).one()
    return {
        state: Count(min(number, COUNT_BEYOND), is_capped=number > COUNT_BEYOND)
        for state, number in zip(State, row, strict=True)
    }


def list_issues(session: Session, query: IssueQuery, page: Page) -> Sequence[Issue]:
    """Return one page of issues, with all that a row of the list shows: two queries."""
    # Ids first, off the index alone: what is skipped on the way to a late page is never read.
    return session.scalars(
        select(Issue)
        .where(Issue.id.in_(_ids(session, query.selection, page)))
        .order_by(*_ordered(_keys(session, query.selection, page)))
        .options(
            joinedload(Issue.author),
            joinedload(Issue.assignee),
            joinedload(Issue.milestone),
            joinedload(Issue.project),
            selectinload(Issue.labels),
        )
    ).all()


def find_issue(session: Session, project: Project, typed: str) -> Issue | None:
    """Return the issue of *project* whose number was *typed*, if there is one."""
    try:
        wanted = number(typed)
    except KeyError:
        return None
    return session.scalar(
        select(Issue).where(Issue.project_id == project.id, Issue.number == wanted)
    )


def _known_count(query: IssueQuery) -> Count | None:
    """Return how many there are where the counters of the project know it."""
    project = query.selection.project
    if project is None or not query.filter.is_only_state:
        return None
    known = {
        "open": project.open_count,
        "closed": project.closed_count,
        "all": project.open_count + project.closed_count,
    }
    number = known.get(query.filter.state or "")
    return None if number is None else Count(number)


def _count_some(condition: ColumnElement[bool], limit: int) -> ScalarSelect[int]:
    some = select(Issue.id).where(condition).limit(limit).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


_Key = tuple[Any, bool]
"""What is sorted by, and whether the greatest comes first."""


def _keys(session: Session, selection: Selection, page: Page) -> list[_Key]:
    """Return what the list is sorted by; what is equal, by number."""
    sorts = [sort.rpartition("-") for sort in selection.filter.sorts or (DEFAULT_SORT,)]
    is_down = sorts[0][2] == "desc"
    keys: list[_Key] = []
    for by, _hyphen, way in sorts:
        if by == "due":
            keys.append((Issue.due_at.is_(None), False))
        if by in _COLUMNS:
            keys.append((_COLUMNS[by], way == "desc"))
    if _is_ranked(selection, page):
        ranks = fulltext.relevance(session, selection.texts, selection.scope)
        keys = [(rank, is_down) for rank in ranks] + (keys or [(Issue.updated_at, is_down)])
    elif not keys:
        keys, is_down = [(Issue.updated_at, True)], True
    keys.append((Issue.number, is_down))
    if selection.project is None:
        keys.append((Issue.id, is_down))
    return keys


def _is_ranked(selection: Selection, page: Page) -> bool:
    """Return whether *page* is in order of relevance: it is asked for first, and of the first."""
    is_asked = selection.filter.sort.startswith("relevance")
    return is_asked and bool(selection.texts) and page.offset < RANKED


def _ordered(keys: Sequence[_Key]) -> Iterator[UnaryExpression[Any]]:
    return (key.desc() if is_down else key.asc() for key, is_down in keys)


def _ids(session: Session, selection: Selection, page: Page) -> Select[Any]:
    """Return the ids of the issues on *page*."""
    found = select(Issue.id).where(selection.condition)
    keys = _keys(session, selection, page)
    if _is_ranked(selection, page):
        # Up to the end of a page, so that the next one goes on in the order of these here.
        last_changed = Issue.updated_at.desc(), Issue.number.desc(), Issue.id.desc()
        whole_pages = -(-RANKED // page.size) * page.size
        newest = found.order_by(*last_changed).limit(whole_pages)
        found = select(Issue.id).where(Issue.id.in_(newest))
    elif selection.filter.sort.startswith("due"):
        return _ids_by_due(found, keys, page)
    return found.order_by(*_ordered(keys)).offset(page.offset).limit(page.size)


def _ids_by_due(found: Select[Any], keys: Sequence[_Key], page: Page) -> Select[Any]:
    """Return the ids of those on *page*, first those with a due date, then those without.

    The databases do not agree where NULL belongs in an index. Each half is read off it alike.
    """
    halves = []
    for without in (False, True):
        # Nothing is to be sorted by what is the same for all.
        order = _ordered(keys[2:] if without else keys[1:])
        shown = [literal(int(without)), *(key for key, _is_down in keys[1:])]
        half = (
            found.where(Issue.due_at.is_(None) if without else Issue.due_at.is_not(None))
            .add_columns(*(column.label(f"key_{at}") for at, column in enumerate(shown)))
            .order_by(*order)
            .limit(page.offset + page.size)
        )
        halves.append(select(half.subquery()))
    both = union_all(*halves).subquery()
    merged = [(both.c[f"key_{at}"], is_down) for at, (_key, is_down) in enumerate(keys)]
    ids = select(both.c.id).order_by(*_ordered(merged))
    return ids.offset(page.offset).limit(page.size)
