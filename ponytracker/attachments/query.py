"""Which files there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from ponytracker.models import Attachment, Event, Issue, Project
from ponytracker.placeholders import collect_attachments

MAX_LOOKED_UP = 500
"""Files that the texts of a preview are looked through for."""


def list_attachments(session: Session, issue: Issue) -> Sequence[Attachment]:
    """Return the files of *issue*, in the order in which they came: one query."""
    return session.scalars(
        select(Attachment).where(Attachment.issue_id == issue.id).order_by(Attachment.id)
    ).all()


def find_unshown(
    events: Iterable[Event], files: Sequence[Attachment]
) -> dict[int, list[Attachment]]:
    """Return by the ids of *events* those of their *files* that their own texts do not show."""
    of_some = {file.event_id for file in files}
    shown = {
        event.id: collect_attachments([event.html])
        for event in events
        if event.html and event.id in of_some
    }
    unshown: dict[int, list[Attachment]] = {}
    for file in files:
        if file.event_id is not None and file.id not in shown.get(file.event_id, ()):
            unshown.setdefault(file.event_id, []).append(file)
    return unshown


def list_of_event(session: Session, event: Event) -> Sequence[Attachment]:
    """Return the files of the text that *event* wrote."""
    return session.scalars(
        select(Attachment).where(Attachment.event_id == event.id).order_by(Attachment.id)
    ).all()


def find_for_preview(
    session: Session,
    project: Project,
    issue_id: int | None,
    reader_id: int,
    ids: Collection[int],
) -> Sequence[Attachment]:
    """Return those of *ids* that a text being written there may show: the issue's, and one's own.

    One query, or none where *ids* are none.
    """
    if not ids:
        return []
    waiting = and_(Attachment.event_id.is_(None), Attachment.uploader_id == reader_id)
    of_issue = Attachment.issue_id == issue_id if issue_id is not None else None
    return session.scalars(
        select(Attachment).where(
            Attachment.id.in_(list(ids)[:MAX_LOOKED_UP]),
            Attachment.project_id == project.id,
            waiting if of_issue is None else or_(waiting, of_issue),
        )
    ).all()
