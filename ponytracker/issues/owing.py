"""Who is owed a mail for an event: written in the transaction of the event, one row for each.

Whether they still want it, and may see the issue, is asked when it is sent: see ``notifications``.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, literal, or_, select
from sqlalchemy.orm import Session

from ponytracker.models import (
    Event,
    EventKind,
    IssueSubscription,
    MailReason,
    MailState,
    Notifications,
    OwedMail,
    ProjectSubscription,
    SubscriptionReason,
    User,
)
from ponytracker.projects.watching import INSERT

OWES = "owes"
"""The key in the info of a session under which it says that a mail is owed once it commits."""

_REASONS = {
    SubscriptionReason.AUTHOR: MailReason.AUTHOR,
    SubscriptionReason.MENTIONED: MailReason.MENTIONED,
    SubscriptionReason.ASSIGNED: MailReason.ASSIGNED,
}


def owe_to_followers(session: Session, event: Event) -> None:
    """Owe a mail for *event* to whoever watches its project or is subscribed to its issue.

    A new issue is news for those who watch the project alone: its author knows (ORIGINAL.md §7).
    """
    session.flush()
    watches = exists().where(
        ProjectSubscription.project_id == event.project_id, ProjectSubscription.user_id == User.id
    )
    is_subscribed = IssueSubscription.user_id.is_not(None)
    follows = watches if event.kind is EventKind.OPENED else or_(watches, is_subscribed)
    said = [(IssueSubscription.reason == why, literal(reason)) for why, reason in _REASONS.items()]
    reason = case(
        (_is_actor(event), literal(MailReason.OWN)), *said, else_=literal(MailReason.SUBSCRIBED)
    )
    followers = (
        select(literal(event.id), User.id, reason)
        .outerjoin(
            IssueSubscription,
            and_(
                IssueSubscription.issue_id == event.issue_id,
                IssueSubscription.user_id == User.id,
            ),
        )
        .where(follows, _wants_mail(event))
    )
    _owe(session, followers)


def owe_to(session: Session, event: Event, people: Iterable[User], reason: MailReason) -> None:
    """Owe a mail for *event* to each of *people*, who are meant by it in person."""
    session.flush()
    ids = [person.id for person in people]
    meant = select(literal(event.id), User.id, literal(reason))
    _owe(session, meant.where(User.id.in_(ids), _wants_mail(event)), reason)


def _owe(
    session: Session,
    rows: Select[int, int, MailReason],
    personal_reason: MailReason | None = None,
) -> None:
    """Owe each of *rows*; a *personal_reason* goes before that for which it is owed already."""
    if not session.info.get("owes_mail", True):
        return
    insert = INSERT[session.get_bind().dialect.name](OwedMail)
    is_personal = literal(personal_reason is not None)
    columns = ["event_id", "user_id", "reason", "is_personal"]
    # In order, so that mails of one event go out in the same order everywhere.
    insert = insert.from_select(columns, rows.add_columns(is_personal).order_by(User.id))
    if personal_reason is None:
        insert = insert.on_conflict_do_nothing()
    else:
        insert = insert.on_conflict_do_update(
            index_elements=["event_id", "user_id"],
            set_={"reason": personal_reason, "is_personal": True},
            where=OwedMail.state == MailState.OWED,
        )
    if session.scalars(insert.returning(OwedMail.user_id)).all():
        session.info[OWES] = True


def _wants_mail(event: Event) -> ColumnElement[bool]:
    return and_(
        User.is_active,
        User.email.is_not(None),
        User.email != "",
        User.mail_paused_at.is_(None),
        User.notifications != Notifications.NEVER,
        or_(User.notifications == Notifications.ALWAYS, ~_is_actor(event)),
    )


def _is_actor(event: Event) -> ColumnElement[bool]:
    return User.id == event.actor_id if event.actor_id is not None else false()
