"""The rows of owed mail: which are due, which were taken and are still wanted, what came of it.

Whoever sends takes a few due rows in one statement, which moves their next try on by a lease: two
who do so at once take different ones, and those of somebody who dies are due again afterwards. See
docs/decisions/outbox.rst.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from ponytracker.models import (
    Event,
    EventKind,
    Issue,
    IssueSubscription,
    MailState,
    Notifications,
    OwedMail,
    Project,
    ProjectSubscription,
    User,
)
from ponytracker.models.base import now
from ponytracker.security.visibility import each_user, may_see_project
from ponytracker.web.pages import Page

BATCH = 20
"""Mails that are taken at once, and sent by one connection: some servers allow no more."""

LEASE = dt.timedelta(minutes=15)
"""How long the taken ones are nobody else's. Should their taker die, so long it takes."""

WAITS = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120))
"""How long after each failed try the next one comes; all further ones as the last."""

LONGEST_WAIT = 2 * WAITS[-1]
"""Nothing is due so far ahead, unless the clock was."""

GIVE_UP_AFTER = dt.timedelta(days=3)
LEAST_TRIES = len(WAITS)
"""A mail is given up once it is so old and was tried so often."""

REMEMBERED_FOR = dt.timedelta(days=90)
"""How long what was sent stays: for the administrator, and to know it again in a reply."""

_EVENT = joinedload(OwedMail.event)
_WITH_THEM = (
    joinedload(OwedMail.user),
    _EVENT.joinedload(Event.issue).joinedload(Issue.project),
    _EVENT.joinedload(Event.actor),
)
"""Loaded with mails: for whom they are, and what they are about."""


def take(session: Session) -> Sequence[int]:
    """Take some of the mails that are due, the longest due first; return their ids."""
    moment = now()
    due = (
        select(OwedMail.id)
        .where(OwedMail.state == MailState.OWED, _is_due(moment))
        .order_by(OwedMail.next_try_at, OwedMail.id)
        .limit(BATCH)
        # Beside PostgreSQL, which locks rows, SQLite has one writer at a time and ignores this.
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = session.scalars(
        update(OwedMail)
        .where(OwedMail.id.in_(select(due.c.id)))
        .values(attempts=OwedMail.attempts + 1, next_try_at=moment + LEASE)
        .returning(OwedMail.id),
        execution_options={"synchronize_session": False},
    )
    return sorted(taken)


def is_any_due(session: Session) -> bool:
    """Return whether there is something to take; asking locks nothing."""
    due = exists().where(OwedMail.state == MailState.OWED, _is_due(now()))
    return bool(session.scalar(select(due)))


def _is_due(moment: dt.datetime) -> ColumnElement[bool]:
    """Return what is due then: also what waits longer than anything would, as a clock was ahead."""
    return or_(OwedMail.next_try_at <= moment, OwedMail.next_try_at > moment + LONGEST_WAIT)


def load(session: Session, ids: Iterable[int]) -> Sequence[OwedMail]:
    """Return those of *ids* that are still there and owed, with what a mail is made from."""
    return session.scalars(
        select(OwedMail)
        .where(OwedMail.id.in_(ids), OwedMail.state == MailState.OWED)
        .options(*_WITH_THEM)
        .order_by(OwedMail.id)
    ).all()


def find_unwanted(session: Session, ids: Iterable[int]) -> Mapping[int, str]:
    """Return those of *ids* that are to be sent no more, with why: one query.

    Who is owed a mail was decided when it was owed; this is about what has changed since then.
    """
    why = case(*((condition, text) for text, condition in _unwanted().items()))
    return {
        id_: text
        for id_, text in session.execute(
            select(OwedMail.id, why)
            .join(OwedMail.user)
            .join(OwedMail.event)
            .join(Project, Project.id == Event.project_id)
            .where(OwedMail.id.in_(ids))
        )
        if text
    }


def _unwanted() -> dict[str, ColumnElement[bool]]:
    """Return what keeps a mail from being sent, as conditions; the first that holds counts."""
    subscribed = exists().where(
        IssueSubscription.issue_id == Event.issue_id, IssueSubscription.user_id == OwedMail.user_id
    )
    watches = exists().where(
        ProjectSubscription.project_id == Event.project_id,
        ProjectSubscription.user_id == OwedMail.user_id,
    )
    return {
        "the account is disabled": ~User.is_active,
        "they have no address": func.coalesce(User.email, "") == "",
        "mail to them came back too often": User.mail_paused_at.is_not(None),
        "they want no mail": User.notifications == Notifications.NEVER,
        "they want no mail about what they do themselves": and_(
            User.notifications == Notifications.OTHERS, Event.actor_id == User.id
        ),
        "they may not see the issue": ~may_see_project(each_user()),
        "they follow it no more": ~or_(OwedMail.is_personal, subscribed, watches),
        "the comment was deleted": and_(
            Event.kind == EventKind.COMMENTED, Event.deleted_at.is_not(None)
        ),
    }


def mark_sent(session: Session, id_: int) -> None:
    _change(session, id_, state=MailState.SENT, sent_at=now(), last_error=None)


def drop(session: Session, id_: int, why: str) -> None:
    """Let the mail not be sent, since nobody wants it any more."""
    _change(session, id_, state=MailState.DROPPED, last_error=why)


def postpone(session: Session, ids: Iterable[int], why: str) -> None:
    """Let mails that could not be sent be tried again later, or give them up."""
    moment = now()
    next_try_at = case(
        *((OwedMail.attempts == tries, moment + wait) for tries, wait in enumerate(WAITS, start=1)),
        else_=moment + WAITS[-1],
    )
    is_over = and_(OwedMail.created_at <= moment - GIVE_UP_AFTER, OwedMail.attempts >= LEAST_TRIES)
    state = case((is_over, MailState.FAILED), else_=MailState.OWED)
    _change(session, *ids, state=state, next_try_at=next_try_at, last_error=why)


def give_back(session: Session, ids: Iterable[int]) -> None:
    """Let mails that were taken and not tried be due for anyone."""
    _change(session, *ids, attempts=OwedMail.attempts - 1, next_try_at=now())


def try_again(session: Session, *conditions: ColumnElement[bool]) -> int:
    """Let given up mails be tried once more from the beginning; return how many those are."""
    ids = session.scalars(
        update(OwedMail)
        .where(OwedMail.state == MailState.FAILED, *conditions)
        .values(state=MailState.OWED, attempts=0, next_try_at=now())
        .returning(OwedMail.id),
        execution_options={"synchronize_session": False},
    )
    return len(ids.all())


def is_any_forgettable(session: Session, before: dt.datetime) -> bool:
    return bool(session.scalar(select(exists().where(_is_forgettable(before)))))


def forget(session: Session, before: dt.datetime) -> None:
    """Delete what was sent, or dropped, *before* then."""
    session.execute(
        delete(OwedMail).where(_is_forgettable(before)).execution_options(synchronize_session=False)
    )


def _is_forgettable(before: dt.datetime) -> ColumnElement[bool]:
    # By the time of its last try, a lease later, which is in the index.
    is_over = OwedMail.state.in_((MailState.SENT, MailState.DROPPED))
    return and_(is_over, OwedMail.next_try_at < before)


def _change(session: Session, *ids: int, **values: object) -> None:
    """Change owed rows; what somebody else has settled meanwhile stays as it is."""
    session.execute(
        update(OwedMail)
        .where(OwedMail.id.in_(ids), OwedMail.state == MailState.OWED)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def count_by_state(session: Session) -> Mapping[MailState, int]:
    """Return how many mails stand how, also none."""
    rows = session.execute(
        select(OwedMail.state, func.count()).group_by(OwedMail.state).order_by(OwedMail.state)
    )
    counts = dict.fromkeys(MailState, 0)
    counts.update((state, count) for state, count in rows)
    return counts


def count_late(session: Session, before: dt.datetime) -> int:
    """Return how many mails were due *before* then and are still owed."""
    late = (OwedMail.state == MailState.OWED, OwedMail.next_try_at < before)
    return session.scalars(select(func.count()).select_from(OwedMail).where(*late)).one()


def list_errors(session: Session, limit: int = 3) -> Sequence[tuple[str, int]]:
    """Return why mails could not be sent so far, and how many each kept: the most frequent."""
    count = func.count()
    return [
        (error or "", number)
        for error, number in session.execute(
            select(OwedMail.last_error, count)
            .where(
                OwedMail.state.in_((MailState.OWED, MailState.FAILED)),
                OwedMail.last_error.is_not(None),
            )
            .group_by(OwedMail.last_error)
            .order_by(count.desc(), OwedMail.last_error)
            .limit(limit)
        )
    ]


def list_mails(session: Session, state: MailState, page: Page) -> Sequence[OwedMail]:
    """Return one page of the mails that stand so: first what is due next, or was touched last."""
    columns = (OwedMail.next_try_at, OwedMail.id)
    is_next_first = state is MailState.OWED
    order = [column.asc() if is_next_first else column.desc() for column in columns]
    return session.scalars(
        select(OwedMail)
        .where(OwedMail.state == state)
        .options(*_WITH_THEM)
        .order_by(*order)
        .offset(page.offset)
        .limit(page.size)
    ).all()
