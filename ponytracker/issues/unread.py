"""What someone has not read yet, down to the event: what came after their marks from others.

A mark is the id of the last event someone has read, of an issue or of a whole project ("mark all
as read"); whichever is later counts. One's own actions are read. That an issue or a person was
spoken of elsewhere is nothing to be read in this issue, and must not tell of what may be hidden.
Counts stop at a hundred, shown as "99+", so that they cost the same at any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from ponytracker.issues.replay import MENTIONS
from ponytracker.models import Event, Issue, Project, ProjectReadMark, ReadMark
from ponytracker.projects.watching import INSERT

MAX_COUNT = 100
"""Where counting stops: what is shown for it is "99+"."""

MAX_LOOKED_AT = 1_000
"""How many of a project's issues, the last ones changed, are asked whether they are unread."""


def is_unread(user_id: int) -> ColumnElement[bool]:
    """Return the condition that something in the row of `Issue` is unread by *user_id*."""
    # The first half, which needs no event, leaves little for the second to look for.
    return and_(
        _is_after_marks(Issue.last_event_id, user_id, Issue),
        exists().where(*_is_new(user_id, Issue)),
    )


def count_unread_events(
    session: Session, user_id: int, issue_ids: Iterable[int]
) -> Mapping[int, int]:
    """Return how many events of each issue are unread, at most `MAX_COUNT`: one query."""
    count = _count_some(select(Event.id).where(*_is_new(user_id, Issue)))
    rows = session.execute(select(Issue.id, count).where(Issue.id.in_(issue_ids)))
    return {issue_id: number for issue_id, number in rows if number}


def count_unread_issues(
    session: Session, user_id: int, project_ids: Iterable[int]
) -> Mapping[int, int]:
    """Return how many issues of each project have something unread: one query.

    At most `MAX_COUNT`, and only of the `MAX_LOOKED_AT` that changed last: who reads them all one
    by one has read those before.
    """
    changed = (
        select(Issue.id, Issue.project_id, Issue.last_event_id)
        .where(Issue.project_id == Project.id)
        .where(Issue.last_event_id > _project_mark(user_id, Project.id))
        .order_by(Issue.last_event_id.desc())
        .limit(MAX_LOOKED_AT)
        .correlate(Project)
        .subquery()
    )
    issue = changed.c
    unread = select(issue.id).where(
        _is_after_marks(issue.last_event_id, user_id, issue),
        exists().where(*_is_new(user_id, issue)),
    )
    rows = session.execute(
        select(Project.id, _count_some(unread)).where(Project.id.in_(project_ids))
    )
    return {project_id: number for project_id, number in rows if number}


def find_mark(session: Session, user_id: int, issue: Issue) -> int:
    """Return the id of the last event of *issue* that *user_id* has read, 0 for none."""
    marks = select(_issue_mark(user_id, issue.id), _project_mark(user_id, issue.project_id))
    return max(session.execute(marks).one())


def is_new(event: Event, user_id: int, mark: int) -> bool:
    """Return whether *event* is unread by *user_id*, whose mark is *mark*."""
    return event.id > mark and event.actor_id != user_id and event.kind not in MENTIONS


def mark_read(session: Session, user_id: int, issue_id: int, event_id: int) -> None:
    """Let the events of an issue up to *event_id* count as read by *user_id*."""
    insert = INSERT[session.get_bind().dialect.name](ReadMark).values(
        user_id=user_id, issue_id=issue_id, last_event_id=event_id
    )
    # Of two at once the later mark stays, in whatever order they come.
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["user_id", "issue_id"],
            set_={"last_event_id": insert.excluded.last_event_id},
            where=ReadMark.last_event_id < insert.excluded.last_event_id,
        )
    )


def _is_new(user_id: int, issue: Any) -> Sequence[ColumnElement[bool]]:
    """Return the conditions on `Event` that hold for what is unread in the row of *issue*."""
    return (
        Event.issue_id == issue.id,
        _is_after_marks(Event.id, user_id, issue),
        or_(Event.actor_id.is_(None), Event.actor_id != user_id),
        Event.kind.not_in(MENTIONS),
    )


def _is_after_marks(event_id: Any, user_id: int, issue: Any) -> ColumnElement[bool]:
    return and_(
        event_id > _issue_mark(user_id, issue.id),
        event_id > _project_mark(user_id, issue.project_id),
    )


def _issue_mark(user_id: int, issue_id: Any) -> ColumnElement[int]:
    mark = select(ReadMark.last_event_id).where(
        ReadMark.user_id == user_id, ReadMark.issue_id == issue_id
    )
    return func.coalesce(mark.correlate_except(ReadMark).scalar_subquery(), 0)


def _project_mark(user_id: int, project_id: Any) -> ColumnElement[int]:
    mark = select(ProjectReadMark.last_event_id).where(
        ProjectReadMark.user_id == user_id, ProjectReadMark.project_id == project_id
    )
    return func.coalesce(mark.correlate_except(ProjectReadMark).scalar_subquery(), 0)


def _count_some(rows: Select[Any]) -> ScalarSelect[int]:
    """Return how many of *rows* there are, at most `MAX_COUNT`."""
    some = rows.limit(MAX_COUNT).correlate(Issue, Project).subquery()
    return select(func.count()).select_from(some).scalar_subquery()
