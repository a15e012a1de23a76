"""The door: whatever changes an issue comes through here, and leaves an event in its timeline.

Each verb locks what it counts or changes, records an event, by which the issue changes (see
``issues/recording.py``), and owes the mails for it (``issues/owing.py``). Events of one change to
many issues share its *batch*.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ponytracker.attachments.service import forget_issue, remove_attachments
from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.issues.mentions import follow_references
from ponytracker.issues.owing import owe_to, owe_to_followers
from ponytracker.issues.recording import (
    lock_for_state_change,
    lock_issue,
    record,
    record_issue,
    record_once,
    rewrite,
    subscribe_for,
)
from ponytracker.models import (
    Event,
    EventKind,
    Issue,
    Label,
    MailReason,
    Milestone,
    Project,
    State,
    StateReason,
    SubscriptionReason,
    TextRevision,
    User,
)
from ponytracker.models.base import now
from ponytracker.projects.service import lock_project
from ponytracker.security import audit
from ponytracker.security.principals import Identity


def open_issue(
    session: Session,
    project: Project,
    author: User | None,
    *,
    title: str,
    text: str = "",
    due_at: dt.datetime | None = None,
    elided: str | None = None,
    subscribers: Iterable[User] = (),
    submission: str | None = None,
    at: dt.datetime | None = None,
) -> Issue:
    """Open an issue under the next number of *project*; *subscribers* hear of it from now on.

    *elided* is what a mail had beside *text*, *submission* the id of the form it was typed into.
    """
    lock_project(session, project)
    opened = record_issue(
        session,
        project,
        author,
        number=project.last_issue_number + 1,
        title=title,
        text=text,
        elided=elided,
        submission=submission,
        at=at,
    )
    for user in subscribers:
        subscribe_for(opened.issue, user, SubscriptionReason.MANUAL)
    if due_at is not None:
        _record_due(session, opened.issue, author, due_at, at=opened.created_at)
    owe_to_followers(session, opened)
    follow_references(session, opened, author)
    return opened.issue


def comment(
    session: Session,
    issue: Issue,
    author: User | None,
    *,
    text: str,
    elided: str | None = None,
    submission: str | None = None,
    at: dt.datetime | None = None,
) -> Event:
    """Add a comment to *issue* and subscribe its author.

    *elided* is what a mail had beside *text*.
    """
    lock_issue(session, issue)
    event = record(
        session,
        issue,
        EventKind.COMMENTED,
        author,
        at=at,
        text=text,
        elided=elided,
        submission=submission,
    )
    owe_to_followers(session, event)
    follow_references(session, event, author)
    return event


def close_issue(
    session: Session,
    issue: Issue,
    actor: User,
    *,
    reason: StateReason | None = None,
    original: Issue | None = None,
    batch: str | None = None,
) -> Event:
    """Close *issue*, perhaps as a duplicate of *original*; raise `Conflict` when it is closed."""
    lock_for_state_change(session, issue)
    if not issue.is_open:
        raise Conflict(_("This issue is closed already."))
    event = _record_closed(session, issue, actor, reason, original, batch=batch)
    owe_to_followers(session, event)
    return event


def reopen_issue(session: Session, issue: Issue, actor: User, *, batch: str | None = None) -> Event:
    """Reopen *issue*; raise `Conflict` when it is open already."""
    lock_for_state_change(session, issue)
    if issue.is_open:
        raise Conflict(_("This issue is open already."))
    event = record(session, issue, EventKind.REOPENED, actor, batch=batch)
    owe_to_followers(session, event)
    return event


def comment_and_change_state(
    session: Session,
    issue: Issue,
    actor: User,
    *,
    text: str,
    elided: str | None = None,
    state: State | None = None,
    reason: StateReason | None = None,
    original: Issue | None = None,
    submission: str | None = None,
) -> Event:
    """Comment on *issue* and bring it to *state*; return the comment.

    Someone else may have brought it there meanwhile: then the comment alone is added. Without
    *state*, an open issue is closed and a closed one reopened. Both happen at the same moment, and
    one mail is owed for them.
    """
    lock_for_state_change(session, issue)
    event = comment(session, issue, actor, text=text, elided=elided, submission=submission)
    if state is not issue.state and issue.is_open:
        _record_closed(session, issue, actor, reason, original, at=event.created_at)
    elif state is not issue.state:
        record(session, issue, EventKind.REOPENED, actor, at=event.created_at)
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
        _record_due(session, issue, editor, due_at)
        changed = True
    if text != description.text:
        before = description.html
        rewrite(session, description, editor, text)
        follow_references(session, description, editor, before=before)
        changed = True
    return changed


def set_due_date(
    session: Session, issue: Issue, actor: User, due_at: dt.datetime | None
) -> Event | None:
    """Have *issue* done by *due_at*, or by no time at all; return the event, if that is new."""
    lock_issue(session, issue)
    return None if due_at == issue.due_at else _record_due(session, issue, actor, due_at)


def edit_comment(session: Session, comment: Event, editor: User, *, text: str) -> bool:
    """Change the text of *comment*, keeping the earlier one; return whether it differs.

    Raise `Conflict` where it was deleted meanwhile.
    """
    _lock_comment(session, comment)
    if text == comment.text:
        return False
    before = comment.html
    rewrite(session, comment, editor, text)
    follow_references(session, comment, editor, before=before)
    return True


def delete_comment(session: Session, comment: Event, actor: User) -> Event:
    """Empty *comment*, with its earlier versions and files; its place in the timeline stays."""
    _lock_comment(session, comment)
    remove_attachments(session, comment)
    session.execute(delete(TextRevision).where(TextRevision.event_id == comment.id))
    comment.text = comment.html = comment.html_version = comment.elided = None
    comment.deleted_at = now()
    args = {"comment_id": comment.id}
    return record(session, comment.issue, EventKind.COMMENT_DELETED, actor, args=args)


def add_label(
    session: Session, issue: Issue, actor: User, label: Label, *, batch: str | None = None
) -> Event | None:
    """Put *label* on *issue*; return the event, or nothing where it is there already.

    Raise `Conflict` where the label was deleted meanwhile.
    """
    lock_issue(session, issue)
    if label.id in issue.label_ids:
        return None
    _check_current(session, label, _("This label was deleted meanwhile."))
    args = _label_args(label)
    return record(session, issue, EventKind.LABELED, actor, about=label, args=args, batch=batch)


def remove_label(
    session: Session, issue: Issue, actor: User, label: Label, *, batch: str | None = None
) -> Event | None:
    """Take *label* off *issue*; return the event, or nothing where it is not there."""
    lock_issue(session, issue)
    if label.id not in issue.label_ids:
        return None
    args = _label_args(label)
    return record(session, issue, EventKind.UNLABELED, actor, about=label, args=args, batch=batch)


def set_milestone(
    session: Session,
    issue: Issue,
    actor: User,
    milestone: Milestone | None,
    *,
    batch: str | None = None,
) -> Event | None:
    """Put *issue* under *milestone*, or under none; return the last event, if that is new.

    Leaving the one it was under is an event of its own. Raise `Conflict` where the milestone was
    deleted meanwhile.
    """
    lock_issue(session, issue)
    old = session.get(Milestone, issue.milestone_id) if issue.milestone_id else None
    if milestone is old:
        return None
    event = None
    if old is not None:
        args = {"name": old.name}
        kind = EventKind.DEMILESTONED
        event = record(session, issue, kind, actor, about=old, args=args, batch=batch)
    if milestone is not None:
        _check_current(session, milestone, _("This milestone was deleted meanwhile."))
        args = {"name": milestone.name}
        kind = EventKind.MILESTONED
        event = record(session, issue, kind, actor, about=milestone, args=args, batch=batch)
    return event


def note_milestone_rename(
    session: Session,
    issue: Issue,
    actor: User,
    milestone: Milestone,
    *,
    old_name: str,
    batch: str | None = None,
) -> Event:
    """Say on *issue* that *milestone*, which it is under, had another name before."""
    lock_issue(session, issue)
    kind, args = EventKind.MILESTONE_RENAMED, {"old_name": old_name, "new_name": milestone.name}
    return record(session, issue, kind, actor, about=milestone, args=args, batch=batch)


def assign(
    session: Session, issue: Issue, actor: User, user: User | None, *, batch: str | None = None
) -> Event | None:
    """Make *user* the assignee of *issue*, who hears of it then; or nobody.

    Return the last event, if that is new.
    """
    lock_issue(session, issue)
    old = session.get(User, issue.assignee_id) if issue.assignee_id else None
    if user is old:
        return None
    event = None
    if old is not None:
        args = {"username": old.username}
        kind = EventKind.UNASSIGNED
        event = record(session, issue, kind, actor, about=old, args=args, batch=batch)
    if user is not None:
        args = {"username": user.username}
        event = record(
            session, issue, EventKind.ASSIGNED, actor, about=user, args=args, batch=batch
        )
        subscribe_for(issue, user, SubscriptionReason.ASSIGNED)
        owe_to(session, event, [user], MailReason.ASSIGNED)
    return event


def delete_issue(session: Session, issue: Issue, actor: Identity) -> None:
    """Delete *issue* with its whole timeline; its number is not used again."""
    lock_for_state_change(session, issue)
    project = issue.project
    if issue.is_open:
        project.open_count -= 1
    else:
        project.closed_count -= 1
    before = {"title": issue.title, "comments": issue.comment_count, "state": issue.state}
    target = f"{project.name}#{issue.number}"
    forget_issue(session, issue)
    session.flush()
    session.expunge(issue)
    session.execute(delete(Issue).where(Issue.id == issue.id))
    audit.record(session, actor, "issue.delete", target, before=before)


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


def _lock_comment(session: Session, comment: Event) -> None:
    lock_issue(session, comment.issue)
    session.refresh(comment, ["text", "edited_at", "editor_id", "deleted_at"])
    if comment.deleted_at:
        raise Conflict(_("This comment was deleted meanwhile."))


def _check_current(session: Session, row: Label | Milestone, complaint: str) -> None:
    """Hold *row*, so that nobody deletes it until the commit; raise `Conflict` where one has."""
    session.refresh(row, ["name", "deleted"], with_for_update={"read": True, "key_share": True})
    if row.deleted:
        raise Conflict(complaint)


def _record_closed(
    session: Session,
    issue: Issue,
    actor: User,
    reason: StateReason | None,
    original: Issue | None,
    *,
    at: dt.datetime | None = None,
    batch: str | None = None,
) -> Event:
    """Close *issue*; an *original* of the same project hears that this is its duplicate."""
    args: dict[str, Any] = {"reason": reason} if reason else {}
    if original is not None:
        args = {"reason": StateReason.DUPLICATE, "duplicate_of": original.number}
    event = record(session, issue, EventKind.CLOSED, actor, at=at, args=args, batch=batch)
    if original is not None:
        session.flush()  # the event there tells the id of this one
        at_event = {"event_id": event.id}
        record_once(session, original, EventKind.REFERENCED, actor, about=issue, args=at_event)
    return event


def _label_args(label: Label) -> dict[str, Any]:
    return {"name": label.name, "color": label.color, "inverted": label.inverted}


def _record_due(
    session: Session,
    issue: Issue,
    actor: User | None,
    due_at: dt.datetime | None,
    *,
    at: dt.datetime | None = None,
) -> Event:
    old = issue.due_at
    args = {"old_due_at": old and old.isoformat(), "due_at": due_at and due_at.isoformat()}
    if due_at is None:
        kind = EventKind.DUE_UNSET
    elif old is None:
        kind = EventKind.DUE_SET
    else:
        kind = EventKind.DUE_CHANGED
    args = {name: value for name, value in args.items() if value}
    return record(session, issue, kind, actor, at=at, args=args)
