"""Milestones: listing a project's; adding, editing, closing, reopening and deleting them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.issues.each import change_each
from ponytracker.issues.recording import lock_issue
from ponytracker.issues.service import note_milestone_rename, set_milestone
from ponytracker.milestones.names import free_slug, slug_of
from ponytracker.models import Event, Issue, Milestone, Project, State, User
from ponytracker.models.base import now
from ponytracker.projects.service import lock_project


class Show(StrEnum):
    """Which milestones the list shows, by the words of its parameter `show`."""

    OPEN = "open"
    CLOSE = "close"
    ALL = "all"


class Progress(NamedTuple):
    """A milestone, and how many of its issues are open and closed."""

    milestone: Milestone
    open: int
    closed: int

    @property
    def total(self) -> int:
        return self.open + self.closed

    @property
    def percent(self) -> int:
        return self.closed * 100 // (self.total or 1)


def list_milestones(session: Session, project: Project, show: Show) -> Sequence[Progress]:
    """Return the milestones of *project*, those due first before the others: one query."""
    found = select(Milestone, _count(State.OPEN), _count(State.CLOSED)).where(
        Milestone.project_id == project.id, Milestone.deleted.is_(False)
    )
    match show:
        case Show.OPEN:
            found = found.where(Milestone.closed_at.is_(None))
        case Show.CLOSE:
            found = found.where(Milestone.closed_at.is_not(None))
    rows = session.execute(found.order_by(*_SOONEST))
    return [Progress(*row) for row in rows]


def list_open_milestones(session: Session, project: Project) -> Sequence[Milestone]:
    """Return the milestones of *project* that issues can be put under, in the list's order."""
    return session.scalars(
        select(Milestone)
        .where(
            Milestone.project_id == project.id,
            Milestone.deleted.is_(False),
            Milestone.closed_at.is_(None),
        )
        .order_by(*_SOONEST)
    ).all()


def find_progress(session: Session, milestone: Milestone) -> Progress:
    """Return how far *milestone* has come."""
    counts = select(_count(State.OPEN), _count(State.CLOSED)).where(Milestone.id == milestone.id)
    return Progress(milestone, *session.execute(counts).one())


def create_milestone(
    session: Session,
    project: Project,
    *,
    name: str,
    due_at: dt.datetime | None = None,
    description: str = "",
) -> Milestone:
    """Add a milestone to *project*, under a name that `names.check_name` lets it have."""
    lock_project(session, project)
    slug = free_slug(name, _slugs(session, project.id))
    milestone = Milestone(
        project_id=project.id, name=name, slug=slug, due_at=due_at, description=description
    )
    session.add(milestone)
    session.flush()
    return milestone


def edit_milestone(
    session: Session,
    actor: User,
    milestone: Milestone,
    *,
    name: str,
    due_at: dt.datetime | None,
    description: str,
) -> None:
    """Change *milestone*, to a name that `names.check_name` lets it have.

    Each of its issues tells of a new name.
    """
    _lock_milestone(session, milestone)
    milestone.due_at = due_at
    milestone.description = description
    if name == milestone.name:
        return
    old_name = milestone.name
    if slug_of(name) != slug_of(old_name):
        milestone.slug = free_slug(name, _slugs(session, milestone.project_id, besides=milestone))
    milestone.name = name
    session.flush()
    batch = str(uuid.uuid4())
    change_each(
        session,
        milestone,
        Issue.milestone_id == milestone.id,
        lambda issue: note_milestone_rename(
            session, issue, actor, milestone, old_name=old_name, batch=batch
        ),
    )


def close_milestone(session: Session, milestone: Milestone) -> None:
    """Close *milestone*; raise `Conflict` when it is closed already."""
    _lock_milestone(session, milestone)
    if not milestone.is_open:
        raise Conflict(_("This milestone is closed already."))
    milestone.closed_at = now()


def reopen_milestone(session: Session, milestone: Milestone) -> None:
    """Reopen *milestone*; raise `Conflict` when it is open already."""
    _lock_milestone(session, milestone)
    if milestone.is_open:
        raise Conflict(_("This milestone is open already."))
    milestone.closed_at = None


def delete_milestone(session: Session, actor: User, milestone: Milestone) -> None:
    """Take all issues out of *milestone*, each with an event, and it out of the project."""
    _lock_milestone(session, milestone)
    batch = str(uuid.uuid4())
    change_each(
        session,
        milestone,
        Issue.milestone_id == milestone.id,
        lambda issue: set_milestone(session, issue, actor, None, batch=batch),
    )
    milestone.deleted = True


def put_under(session: Session, issue: Issue, actor: User, milestone: Milestone) -> Event | None:
    """Put *issue* under *milestone*; return the event, or nothing where it is under it already.

    Raise `Conflict` where the milestone is closed.
    """
    lock_issue(session, issue)
    if issue.milestone_id != milestone.id and not milestone.is_open:
        raise Conflict(_("This milestone is closed. Reopen it first."))
    return set_milestone(session, issue, actor, milestone)


def take_out(session: Session, issue: Issue, actor: User, milestone: Milestone) -> Event | None:
    """Take *issue* out of *milestone*; return the event, or nothing where it is not under it."""
    lock_issue(session, issue)
    if issue.milestone_id != milestone.id:
        return None
    return set_milestone(session, issue, actor, None)


def _lock_milestone(session: Session, milestone: Milestone) -> None:
    """Hold the project of *milestone*; raise `Conflict` where that was deleted meanwhile."""
    lock_project(session, milestone.project)
    session.refresh(milestone, ["name", "slug", "closed_at", "deleted"])
    if milestone.deleted:
        raise Conflict(_("This milestone was deleted meanwhile."))


def _slugs(session: Session, project_id: int, besides: Milestone | None = None) -> set[str]:
    others = Milestone.id != (besides.id if besides else None)
    return set(
        session.scalars(
            select(Milestone.slug).where(
                Milestone.project_id == project_id, Milestone.deleted.is_(False), others
            )
        )
    )


def _count(state: State) -> ScalarSelect[int]:
    counted = select(func.count()).where(Issue.milestone_id == Milestone.id, Issue.state == state)
    return counted.correlate(Milestone).scalar_subquery()


_SOONEST = (Milestone.due_at.is_(None), Milestone.due_at, func.lower(Milestone.name), Milestone.id)
