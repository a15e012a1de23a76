"""The activity of a project: what happened to all its issues, the latest first."""

from __future__ import annotations

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased, defer, joinedload

from ponytracker.issues.timeline import Entry, fold, is_shown
from ponytracker.models import Event, Issue, Project
from ponytracker.security.principals import Identity
from ponytracker.web.pages import Page

PER_PAGE = 50

MAX_EVENTS = 10_000
"""How far back one can leaf: the latest events, which are counted at each view."""


def count_events(session: Session, reader: Identity, project: Project) -> int:
    """Return how many events of *project* the reader may see, at most `MAX_EVENTS`."""
    latest = _shown(reader, project).limit(MAX_EVENTS).subquery()
    return session.scalars(select(func.count()).select_from(latest)).one()


def list_activity(session: Session, reader: Identity, project: Project, page: Page) -> list[Entry]:
    """Return one page of what happened in *project*, folded: one query."""
    # Ids first: of what is skipped on the way to a late page nothing else is read.
    ids = _shown(reader, project).offset(page.offset).limit(page.size)
    events = session.scalars(
        select(Event)
        .where(Event.id.in_(ids.scalar_subquery()))
        .order_by(Event.created_at, Event.id)
        .options(
            joinedload(Event.actor),
            joinedload(Event.issue),
            joinedload(Event.source_issue).joinedload(Issue.project),
            defer(Event.text),
            defer(Event.html),
        )
    )
    return fold(events)[::-1]


def _shown(reader: Identity, project: Project) -> Select[int]:
    """Return a select of the ids of what *reader* may see, the latest first."""
    source = aliased(Issue)
    return (
        select(Event.id)
        .outerjoin(source, Event.source_issue_id == source.id)
        .outerjoin(Project, source.project_id == Project.id)
        .where(Event.project_id == project.id, is_shown(reader))
        .order_by(Event.created_at.desc(), Event.id.desc())
    )
