"""Reading issues: what `q` and `sort` ask for, and the page of the list that answers it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import UnaryExpression, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from ponytracker.i18n import _
from ponytracker.models import Issue, Project, State
from ponytracker.web.pages import Page

SORTS = {
    "newest": _("Newest"),
    "oldest": _("Oldest"),
    "recently-updated": _("Recently updated"),
    "least-recently-updated": _("Least recently updated"),
}
"""The orders of a list, by their names in the address; each is read off one index."""

DEFAULT_SORT = "recently-updated"

DEFAULT_FILTER = "is:open"

_STATES = {
    "is:open": State.OPEN,
    "is:closed": State.CLOSED,
    "is:close": State.CLOSED,
    "is:all": None,
    "*": None,
}


@dataclasses.dataclass(frozen=True, slots=True)
class IssueQuery:
    """What the reader of a list asked for. `state` is empty for all issues."""

    text: str
    state: State | None
    sort: str
    error: str | None = None


def parse_query(text: str | None, sort: str | None) -> IssueQuery:
    """Return what *text* (`is:open`, `is:closed` or `*`) and *sort* ask for.

    What is not understood is said in `error`, and the list shows the open issues.
    """
    words = (text or "").split() or [DEFAULT_FILTER]
    known_sort = sort if sort in SORTS else DEFAULT_SORT
    if len(words) == 1 and words[0] in _STATES:
        return IssueQuery(words[0], _STATES[words[0]], known_sort)
    error = _("This filter is not understood. Write is:open, is:closed or * for all issues.")
    return IssueQuery(" ".join(words), State.OPEN, known_sort, error)


def count_issues(project: Project, state: State | None) -> int:
    """Return how many issues of *project* are in *state*, from its counters."""
    match state:
        case State.OPEN:
            return project.open_count
        case State.CLOSED:
            return project.closed_count
        case None:
            return project.open_count + project.closed_count


def list_issues(
    session: Session, project: Project, query: IssueQuery, page: Page
) -> Sequence[Issue]:
    """Return one page of issues, with all that a row of the list shows: two queries."""
    wanted = select(Issue.id).where(Issue.project_id == project.id)
    if query.state is not None:
        wanted = wanted.where(Issue.state == query.state)
    # Ids first, off the index alone: what is skipped on the way to a late page is never read.
    ids = wanted.order_by(*_order(query.sort)).offset(page.offset).limit(page.size)
    return session.scalars(
        select(Issue)
        .where(Issue.id.in_(ids))
        .order_by(*_order(query.sort))
        .options(
            joinedload(Issue.author),
            joinedload(Issue.assignee),
            joinedload(Issue.milestone),
            selectinload(Issue.labels),
        )
    ).all()


def _order(sort: str) -> tuple[UnaryExpression[Any], ...]:
    by_time: InstrumentedAttribute[Any]
    by_time = Issue.updated_at if sort.endswith("recently-updated") else Issue.created_at
    if sort in ("oldest", "least-recently-updated"):
        return by_time.asc(), Issue.number.asc()
    return by_time.desc(), Issue.number.desc()
