"""One change to many issues: through the door one by one, together or not at all, and undone alike.

The events of such a change share a batch, by which whoever made it can undo it: each issue that
still is as the change has left it goes back to what it was before, by events like any others.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ponytracker.errors import Conflict
from ponytracker.issues import service
from ponytracker.models import Event, EventKind, Issue, Label, Milestone, Project, User
from ponytracker.models.base import now
from ponytracker.projects.service import lock_project
from ponytracker.security.permissions import Permission

MAX_ISSUES = 500
"""How many issues are changed at once, as many as a page of the list can have."""

UNDO_FOR = dt.timedelta(days=1)
"""How long a change can be undone; after that too much will have been built on it."""

Change = Callable[..., Event | None]
"""A verb of the door with what it is about: called with a session, an issue, an actor, a batch."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """How many issues were changed, and how many needed no change or could have none.

    `batch` is what to undo it by.
    """

    batch: str
    changed: int
    unchanged: int


def close() -> Change:
    return service.close_issue


def reopen() -> Change:
    return service.reopen_issue


def label(label: Label) -> Change:
    return _about(service.add_label, label)


def unlabel(label: Label) -> Change:
    return _about(service.remove_label, label)


def milestone(milestone: Milestone | None) -> Change:
    return _about(service.set_milestone, milestone)


def assign(user: User | None) -> Change:
    return _about(service.assign, user)


def change_issues(
    session: Session, project: Project, actor: User, numbers: Iterable[int], change: Change
) -> Outcome:
    """Make *change* on the issues of *project* that have these *numbers*."""
    batch = str(uuid.uuid4())
    issues = _lock_issues(session, project, Issue.number.in_(list(numbers)[:MAX_ISSUES]))
    done = [_try(partial(change, session, issue, actor, batch=batch)) for issue in issues]
    return Outcome(batch, sum(done), len(done) - sum(done))


def undo(session: Session, project: Project, actor: User, batch: str) -> Outcome:
    """Take back what *actor* has changed as *batch*, wherever nobody has changed it since."""
    events: dict[int, list[Event]] = defaultdict(list)
    for event in find_batch(session, project, actor, batch):
        events[event.issue_id].append(event)
    undoing = str(uuid.uuid4())
    issues = _lock_issues(session, project, Issue.id.in_(events))
    done = [_take_back(session, issue, actor, events[issue.id], undoing) for issue in issues]
    return Outcome(undoing, sum(done), len(done) - sum(done))


def find_batch(session: Session, project: Project, actor: User, batch: str) -> Sequence[Event]:
    """Return the events of *batch* that *actor* may still undo, in their order."""
    return session.scalars(
        select(Event)
        .where(
            Event.batch == batch,
            Event.project_id == project.id,
            Event.actor_id == actor.id,
            Event.created_at > now() - UNDO_FOR,
        )
        .order_by(Event.id)
    ).all()


def needed_for(kind: EventKind) -> Permission:
    """Return what one must be allowed for a change of *kind*, or to undo it."""
    return Permission.MANAGE_TAGS if kind in _TAGGING else Permission.MANAGE_ISSUE


_TAGGING = frozenset(
    {EventKind.LABELED, EventKind.UNLABELED, EventKind.MILESTONED, EventKind.DEMILESTONED}
)


def _lock_issues(
    session: Session, project: Project, condition: ColumnElement[bool]
) -> Sequence[Issue]:
    """Hold the project and those issues in the order of their ids, as every other change does."""
    lock_project(session, project)
    return session.scalars(
        select(Issue)
        .where(Issue.project_id == project.id, condition)
        .order_by(Issue.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def _about(verb: Callable[..., Event | None], subject: object) -> Change:
    def change(session: Session, issue: Issue, actor: User, *, batch: str) -> Event | None:
        return verb(session, issue, actor, subject, batch=batch)

    return change


def _try(change: Callable[[], Event | None]) -> bool:
    """Return whether *change* changed anything; that it is so already is no failure."""
    try:
        return change() is not None
    except Conflict:
        return False


def _take_back(
    session: Session, issue: Issue, actor: User, events: Sequence[Event], batch: str
) -> bool:
    """Undo what the last of *events* has left, if it is still there; return whether it was."""
    last, first = events[-1], events[0]
    # A change from one milestone, or assignee, to another is two events.
    earlier = first if first is not last else None
    match last.kind:
        case EventKind.CLOSED if not issue.is_open and issue.closed_at == last.created_at:
            change = reopen()
        case EventKind.REOPENED if issue.is_open:
            change = close()
        case EventKind.LABELED if last.label:
            change = unlabel(last.label)
        case EventKind.UNLABELED if last.label:
            change = label(last.label)
        case EventKind.MILESTONED if issue.milestone_id == last.milestone_id:
            change = milestone(earlier.milestone if earlier else None)
        case EventKind.DEMILESTONED if issue.milestone_id is None and last.milestone:
            change = milestone(last.milestone)
        case EventKind.ASSIGNED if issue.assignee_id == last.user_id:
            change = assign(earlier.user if earlier else None)
        case EventKind.UNASSIGNED if issue.assignee_id is None and last.user:
            change = assign(last.user)
        case _:
            return False
    return _try(partial(change, session, issue, actor, batch=batch))
