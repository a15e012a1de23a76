"""One change to every issue that has a label or is under a milestone, however many they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, selectinload

from ponytracker.models import Issue, Label, Milestone

AT_ONCE = 200
"""How many issues are locked and read by one statement."""


def change_each(
    session: Session,
    row: Label | Milestone,
    condition: ColumnElement[bool],
    change: Callable[[Issue], object],
) -> None:
    """Call *change* for each issue that fits *condition*, in the order of their ids; hold *row*.

    The caller has locked the project. Whoever puts an issue under *row* holds it until the commit,
    and the issue before that. So the row is locked last, by which all of them are waited for; and
    what came meanwhile is changed too.
    """
    done: set[int] = set()
    for is_held in (False, True):
        if is_held:
            session.refresh(row, with_for_update=True)
        for issue in _lock_issues(session, condition, done):
            change(issue)
            done.add(issue.id)


def _lock_issues(
    session: Session, condition: ColumnElement[bool], done: set[int]
) -> Iterator[Issue]:
    found = session.scalars(select(Issue.id).where(condition).order_by(Issue.id))
    for ids in _chunks([id_ for id_ in found if id_ not in done]):
        yield from session.scalars(
            select(Issue)
            .where(Issue.id.in_(ids), condition)
            .order_by(Issue.id)
            .options(selectinload(Issue.label_links))
            .with_for_update(of=Issue, key_share=True)
            .execution_options(populate_existing=True)
        ).all()


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
