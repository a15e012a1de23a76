"""The hinge of the door: an event is appended to a timeline and changes its issue, both or neither.

On SQLite the whole database is locked from the start of a writing transaction; on PostgreSQL the
rows are, in the mode that leaves foreign keys to them unhindered (FOR NO KEY UPDATE): the project,
for numbers and counters, before its issues, and these in the order of their ids.
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
from ponytracker.issues.replay import MENTIONS, apply
from ponytracker.models import (
    Event,
    EventKind,
    Issue,
    IssueSubscription,
    Label,
    Milestone,
    Project,
    SubscriptionReason,
    TextRevision,
    User,
)
from ponytracker.models.base import now
from ponytracker.projects.service import lock_project
from ponytracker.projects.watching import INSERT

Subject = User | Label | Milestone | Issue
"""What an event can be about."""

_COLUMNS: dict[type[Any], str] = {
    User: "user_id",
    Label: "label_id",
    Milestone: "milestone_id",
    Issue: "source_issue_id",
}

_SUBSCRIBING = {
    EventKind.OPENED: SubscriptionReason.AUTHOR,
    EventKind.COMMENTED: SubscriptionReason.COMMENTED,
}


def record_issue(
    session: Session,
    project: Project,
    author: User | None,
    *,
    number: int,
    title: str,
    text: str,
    elided: str | None = None,
    submission: str | None = None,
    at: dt.datetime | None = None,
    imported_from: str | None = None,
    html: Markup | None = None,
) -> Event:
    """Add an issue to *project*, whose row the caller has locked; return what opened it."""
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
    return record(
        session,
        issue,
        EventKind.OPENED,
        author,
        at=at,
        args={"title": title},
        text=text,
        html=html,
        elided=elided,
        submission=submission,
    )


def record(
    session: Session,
    issue: Issue,
    kind: EventKind,
    actor: User | None,
    *,
    about: Subject | None = None,
    args: dict[str, Any] | None = None,
    at: dt.datetime | None = None,
    text: str | None = None,
    html: Markup | None = None,
    elided: str | None = None,
    submission: str | None = None,
    batch: str | None = None,
) -> Event:
    """Append an event to the timeline of *issue*, change the issue by it, subscribe who wrote it.

    The caller has locked the issue, and the project where its state changes. Importers call this
    for what happened elsewhere; everyone else calls a verb of ``issues/service.py``.
    """
    event = Event(
        issue=issue,
        project_id=issue.project.id,
        actor_id=actor and actor.id,
        created_at=at or now(),
        kind=kind,
        args=args or {},
        elided=elided or None,
        submission=submission,
        batch=batch,
        **({_COLUMNS[type(about)]: about.id} if about else {}),
    )
    if text is not None:
        set_text(event, text, html)
    session.add(event)
    if kind is EventKind.UNLABELED:
        # Were its label still unwritten, taking it away would shrink the session's list of new
        # objects, by whose length SQLAlchemy puts them in order: two events would share a place.
        session.flush()
    apply(event, issue)
    if kind not in MENTIONS:
        issue.last_event = event
    _count(event, issue.project)
    if kind in _SUBSCRIBING and actor is not None:
        subscribe_for(issue, actor, _SUBSCRIBING[kind])
    return event


def record_once(
    session: Session,
    issue: Issue,
    kind: EventKind,
    actor: User,
    *,
    about: User | Issue,
    args: dict[str, Any],
) -> bool:
    """Append an event of `MENTIONS` unless there is one; return whether there was none.

    It changes nothing in *issue*, which need not be locked: that there is one is the database's to
    say, however many ask at the same moment.
    """
    insert = INSERT[session.get_bind().dialect.name](Event).values(
        issue_id=issue.id,
        project_id=issue.project_id,
        actor_id=actor.id,
        created_at=now(),
        kind=kind,
        args=args,
        **{_COLUMNS[type(about)]: about.id},
    )
    return bool(session.scalars(insert.on_conflict_do_nothing().returning(Event.id)).all())


def subscribe_for(issue: Issue, user: User, reason: SubscriptionReason) -> None:
    """Let *user* hear of *issue*; whoever hears of it already does so for their first reason."""
    if user.id not in issue.subscriptions:
        issue.subscriptions[user.id] = IssueSubscription(user_id=user.id, reason=reason)


def rewrite(session: Session, event: Event, editor: User, text: str) -> None:
    """Give *event* a new text and keep the one it had."""
    author_id = event.editor_id if event.edited_at else event.actor_id
    session.add(TextRevision(event_id=event.id, author_id=author_id, text=event.text or ""))
    set_text(event, text, None)
    event.edited_at = now()
    event.editor_id = editor.id


def set_text(event: Event, text: str, html: Markup | None) -> None:
    event.text = text
    event.html = markup.render(text) if html is None else html
    event.html_version = markup.RENDERER_VERSION


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


def lock_for_state_change(session: Session, issue: Issue) -> None:
    """Hold the project of *issue*, for its counters, and *issue* itself."""
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
