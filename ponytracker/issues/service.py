"""The door: whatever changes an issue comes through here, and leaves an event in its timeline.

Each verb locks what it counts or changes (the project for numbers and counters, before the issue),
appends the event, and lets `replay.apply` change the row by it. On SQLite the whole database is
locked from the start of a writing transaction; on PostgreSQL the rows are, in the mode that leaves
foreign keys to them unhindered (FOR NO KEY UPDATE).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from sqlalchemy import inspect, select, update
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from ponytracker import markup
from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.issues.replay import apply
from ponytracker.models import (
    Event,
    EventKind,
    Issue,
    IssueSubscription,
    Project,
    State,
    SubscriptionReason,
    TextRevision,
    User,
)
from ponytracker.models.base import now
from ponytracker.projects.service import lock_project


def open_issue(
    session: Session,
    project: Project,
    author: User | None,
    *,
    title: str,
    text: str = "",
    due_at: dt.datetime | None = None,
    submission: str | None = None,
    at: dt.datetime | None = None,
) -> Issue:
    """Open an issue under the next number of *project*.

    *submission* is the id of the form it was typed into.
    """
    lock_project(session, project)
    issue = record_issue(
        session,
        project,
        author,
        number=project.last_issue_number + 1,
        title=title,
        text=text,
        submission=submission,
        at=at,
    )
    if due_at is not None:
        args = _due_change(None, due_at)[1]
        record(session, issue, EventKind.DUE_SET, author, at=issue.created_at, args=args)
    return issue


def comment(
    session: Session,
    issue: Issue,
    author: User | None,
    *,
    text: str,
    submission: str | None = None,
    at: dt.datetime | None = None,
) -> Event:
    """Add a comment to *issue* and subscribe its author."""
    lock_issue(session, issue)
    return record(
        session,
        issue,
        EventKind.COMMENTED,
        author,
        at=at,
        text=text,
        submission=submission,
    )


def close_issue(session: Session, issue: Issue, actor: User) -> Event:
    """Close *issue*; raise `Conflict` when it is closed already."""
    _lock_for_state_change(session, issue)
    if not issue.is_open:
        raise Conflict(_("This issue is closed already."))
    return record(session, issue, EventKind.CLOSED, actor)


def reopen_issue(session: Session, issue: Issue, actor: User) -> Event:
    """Reopen *issue*; raise `Conflict` when it is open already."""
    _lock_for_state_change(session, issue)
    if issue.is_open:
        raise Conflict(_("This issue is open already."))
    return record(session, issue, EventKind.REOPENED, actor)


def comment_and_change_state(
    session: Session,
    issue: Issue,
    actor: User,
    *,
    text: str,
    state: State | None = None,
    submission: str | None = None,
) -> Event:
    """Comment on *issue* and bring it to *state*; return the comment.

    Someone else may have brought it there meanwhile: then the comment alone is added. Without
    *state*, an open issue is closed and a closed one reopened.
    """
    _lock_for_state_change(session, issue)
    event = comment(session, issue, actor, text=text, submission=submission)
    if state is not issue.state:
        record(session, issue, EventKind.CLOSED if issue.is_open else EventKind.REOPENED, actor)
    return event


def edit_issue(
    session: Session,
    issue: Issue,
    editor: User,
    *,
    title: str,
    text: str,
    due_at: dt.datetime | None,
) -> bool:
    """Change the title, description and due date of *issue* to these; return whether any differs.

    Title and due date leave an event, the description its earlier version.
    """
    lock_issue(session, issue)
    description = find_description(session, issue)
    changed = False
    if title != issue.title:
        args = {"old_title": issue.title, "new_title": title}
        record(session, issue, EventKind.RENAMED, editor, args=args)
        changed = True
    if due_at != issue.due_at:
        kind, args = _due_change(issue.due_at, due_at)
        record(session, issue, kind, editor, args=args)
        changed = True
    if text != description.text:
        _rewrite(session, description, editor, text)
        changed = True
    return changed


def find_description(session: Session, issue: Issue) -> Event:
    """Return the event that opened *issue*: its text is the description."""
    return session.scalars(
        select(Event).where(Event.issue_id == issue.id, Event.kind == EventKind.OPENED)
    ).one()


def find_submission(
    session: Session, project: Project, actor: User, submission: str
) -> Event | None:
    """Return what the form with this id has made already, if *actor* has sent it before."""
    return session.scalar(
        select(Event).where(
            Event.submission == submission,
            Event.project_id == project.id,
            Event.actor_id == actor.id,
        )
    )


def record_issue(
    session: Session,
    project: Project,
    author: User | None,
    *,
    number: int,
    title: str,
    text: str,
    submission: str | None = None,
    at: dt.datetime | None = None,
    imported_from: str | None = None,
    html: Markup | None = None,
) -> Issue:
    """Add an issue to *project*, whose row the caller has locked, and the event that opened it."""
    at = at or now()
    project.last_issue_number = max(project.last_issue_number, number)
    issue = Issue(
        project=project,
        number=number,
        author_id=author and author.id,
        created_at=at,
        imported_from=imported_from,
    )
    session.add(issue)
    record(
        session,
        issue,
        EventKind.OPENED,
        author,
        at=at,
        args={"title": title},
        text=text,
        html=html,
        submission=submission,
    )
    return issue


def record(
    session: Session,
    issue: Issue,
    kind: EventKind,
    actor: User | None,
    *,
    at: dt.datetime | None = None,
    args: dict[str, Any] | None = None,
    text: str | None = None,
    html: Markup | None = None,
    submission: str | None = None,
) -> Event:
    """Append an event to the timeline of *issue*, change the issue by it, subscribe who wrote it.

    The caller has locked the issue, and the project where its state changes. Importers call this
    for what happened elsewhere; everyone else calls a verb.
    """
    event = Event(
        issue=issue,
        project_id=issue.project.id,
        actor_id=actor and actor.id,
        created_at=at or now(),
        kind=kind,
        args=args or {},
        submission=submission,
    )
    if text is not None:
        _set_text(event, text, html)
    session.add(event)
    if kind is EventKind.UNLABELED:
        # Were its label still unwritten, taking it away would shrink the session's list of new
        # objects, by whose length SQLAlchemy puts them in order: two events would share a place.
        session.flush()
    apply(event, issue)
    issue.last_event = event
    _count(event, issue.project)
    if kind in _SUBSCRIBING:
        _subscribe(issue, actor, _SUBSCRIBING[kind])
    return event


def find_outdated(session: Session, *, after_id: int, limit: int) -> Sequence[tuple[int, str]]:
    """Return id and text of events after *after_id* that an older renderer has rendered."""
    return [
        (event_id, text or "")
        for event_id, text in session.execute(
            select(Event.id, Event.text)
            .where(Event.id > after_id, Event.html_version < markup.RENDERER_VERSION)
            .order_by(Event.id)
            .limit(limit)
        )
    ]


def refresh_html(session: Session, event_id: int, text: str, html: Markup) -> None:
    """Store *html*, rendered from *text*, unless the event has got another text meanwhile."""
    session.execute(
        update(Event)
        .where(Event.id == event_id, Event.text == text)
        .values(html=html, html_version=markup.RENDERER_VERSION)
    )


def lock_issue(session: Session, issue: Issue) -> None:
    """Hold the row of *issue*, as it is now, until the commit.

    Raise `Conflict` where it was deleted meanwhile.
    """
    session.flush()
    try:
        # Its columns by name: joined rows, which the page has loaded with it, cannot be locked.
        session.refresh(issue, _ISSUE_COLUMNS, with_for_update={"key_share": True})
    except InvalidRequestError:
        raise Conflict(_("This issue was deleted meanwhile.")) from None


_ISSUE_COLUMNS = [column.key for column in inspect(Issue).column_attrs]


def _lock_for_state_change(session: Session, issue: Issue) -> None:
    lock_project(session, issue.project)
    lock_issue(session, issue)


def _count(event: Event, project: Project) -> None:
    match event.kind:
        case EventKind.OPENED:
            project.open_count += 1
        case EventKind.CLOSED:
            project.open_count -= 1
            project.closed_count += 1
        case EventKind.REOPENED:
            project.open_count += 1
            project.closed_count -= 1


_SUBSCRIBING = {
    EventKind.OPENED: SubscriptionReason.AUTHOR,
    EventKind.COMMENTED: SubscriptionReason.COMMENTED,
}


def _subscribe(issue: Issue, user: User | None, reason: SubscriptionReason) -> None:
    if user is not None and user.id not in issue.subscriptions:
        issue.subscriptions[user.id] = IssueSubscription(user_id=user.id, reason=reason)


def _rewrite(session: Session, event: Event, editor: User, text: str) -> None:
    """Give *event* a new text and keep the one it had."""
    author_id = event.editor_id if event.edited_at else event.actor_id
    session.add(TextRevision(event_id=event.id, author_id=author_id, text=event.text or ""))
    _set_text(event, text, None)
    event.edited_at = now()
    event.editor_id = editor.id


def _set_text(event: Event, text: str, html: Markup | None) -> None:
    event.text = text
    event.html = markup.render(text) if html is None else html
    event.html_version = markup.RENDERER_VERSION


def _due_change(
    old: dt.datetime | None, new: dt.datetime | None
) -> tuple[EventKind, dict[str, Any]]:
    if new is None:
        return EventKind.DUE_UNSET, {"old_due_at": old and old.isoformat()}
    if old is None:
        return EventKind.DUE_SET, {"due_at": new.isoformat()}
    return EventKind.DUE_CHANGED, {"old_due_at": old.isoformat(), "due_at": new.isoformat()}
