"""The log of received mail: a row for each, with what became of it, and the mail for some days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from ponytracker.inbound.addressee import Arrival
from ponytracker.inbound.verdict import MADE_SOMETHING, Outcome, Verdict
from ponytracker.models import Event, Issue, ReceivedMail, User
from ponytracker.models.base import now
from ponytracker.text import clean_line
from ponytracker.web.pages import Page

A_MINUTE = dt.timedelta(minutes=1)
AN_HOUR = dt.timedelta(hours=1)

MAX_A_MINUTE = 600
"""Mails that make something within a minute; a mail server keeps more, and brings it later."""

MAX_OF_ONE_A_MINUTE = 3
"""Mails within a minute by one person on one issue that are taken (MAIL.md §3)."""

MAX_STRANGERS_A_MINUTE = 30
MAX_OF_STRANGERS = 256 * 1024
"""How many mails of nobody we know are kept in a minute, and how many octets of each at most."""

NOT_KEPT = frozenset({Outcome.TOO_MANY, Outcome.TOO_LARGE})
"""What is not kept: the mail server has it still, or it was never whole."""

SWEPT_AT_ONCE = 20
"""Mails whose time is up that go when another comes."""


def write(
    session: Session, arrival: Arrival, verdict: Verdict, raw: bytes | None = None
) -> ReceivedMail:
    """Write what became of a mail, and *raw*, the mail itself, where it is to be kept."""
    row = ReceivedMail(
        message_id=clean_line(arrival.message_id)[:998],
        sender="" if arrival.wants_no_answer else _sender(arrival),
        recipient=clean_line(verdict.recipient)[:320],
        subject=clean_line(arrival.message.subject)[:255],
        raw=raw,
    )
    session.add(row)
    judge(row, arrival, verdict)
    session.flush()
    return row


def judge(row: ReceivedMail, arrival: Arrival, verdict: Verdict) -> None:
    """Let *row* say what became of its mail."""
    row.outcome = verdict.outcome
    row.status = verdict.status
    row.detail = clean_line(verdict.detail)
    row.user = verdict.user
    row.event = verdict.event
    if verdict.outcome in MADE_SOMETHING and verdict.user is not None:
        row.taken_as = arrival.taken_as(verdict.recipient)


def was_taken(session: Session, taken_as: str) -> bool:
    """Return whether the same mail has made something before."""
    return bool(session.scalar(select(exists().where(ReceivedMail.taken_as == taken_as))))


def is_full(session: Session) -> bool:
    """Return whether no more mails are taken within this minute.

    Those count that have made something: strangers, who can send all others, hinder nobody.
    """
    recent = _within(ReceivedMail.received_at, A_MINUTE)
    return _count(session, recent, ReceivedMail.taken_as.is_not(None)) >= MAX_A_MINUTE


def is_kept(session: Session, verdict: Verdict, octets: int) -> bool:
    """Return whether a mail of so many *octets* is kept besides its row.

    Anyone can send what strangers send: of that only as much is kept as tells what it is.
    """
    if verdict.outcome in NOT_KEPT or verdict.user is not None:
        return verdict.outcome not in NOT_KEPT
    recent = _within(ReceivedMail.received_at, A_MINUTE)
    strangers = _count(session, recent, ReceivedMail.user_id.is_(None))
    return octets <= MAX_OF_STRANGERS and strangers < MAX_STRANGERS_A_MINUTE


def is_too_fast(session: Session, user: User, place: ColumnElement[bool]) -> bool:
    """Return whether *user* wrote too much within a minute at *place*, a condition on events."""
    recent = _within(ReceivedMail.received_at, A_MINUTE)
    of_one = _count(
        session,
        recent,
        ReceivedMail.user_id == user.id,
        ReceivedMail.event_id.in_(select(Event.id).where(place)),
    )
    return of_one >= MAX_OF_ONE_A_MINUTE


def may_answer(session: Session, user: User) -> bool:
    """Return whether *user* was told nothing within the hour; hold their row until the commit."""
    session.flush()
    # Two of their mails at once must not both be answered.
    session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    told = exists().where(
        ReceivedMail.user_id == user.id, _within(ReceivedMail.answered_at, AN_HOUR)
    )
    return not session.scalar(select(told))


def _within(time: InstrumentedAttribute[Any], span: dt.timedelta) -> ColumnElement[bool]:
    """Return whether *time* is no longer than *span* ago; nor ahead, by a clock that was wrong."""
    return time.between(now() - span, now() + span)


def tidy(session: Session, days: int, limit: int = SWEPT_AT_ONCE) -> int:
    """Forget the mails themselves that are older than *days*; return how many, at most *limit*."""
    old = (
        select(ReceivedMail.id)
        .where(ReceivedMail.raw.is_not(None), ReceivedMail.received_at < now() - dt.timedelta(days))
        .order_by(ReceivedMail.received_at)
        .limit(limit)
        # Two who sweep must not wait for each other.
        .with_for_update(skip_locked=True)
    )
    forgotten = session.scalars(
        update(ReceivedMail)
        .where(ReceivedMail.id.in_(old))
        .values(raw=None)
        .returning(ReceivedMail.id)
        .execution_options(synchronize_session=False)
    )
    return len(forgotten.all())


def list_mails(session: Session, outcome: str, page: Page) -> Sequence[ReceivedMail]:
    """Return one page of the mails with *outcome*, or of all, the latest first."""
    return session.scalars(
        select(ReceivedMail)
        .where(*_with(outcome))
        .options(
            joinedload(ReceivedMail.user),
            joinedload(ReceivedMail.event).joinedload(Event.issue).joinedload(Issue.project),
        )
        .order_by(ReceivedMail.id.desc())
        .offset(page.offset)
        .limit(page.size)
    ).all()


def count_mails(session: Session, outcome: str) -> int:
    return _count(session, *_with(outcome))


_OUTCOMES = frozenset(map(str, Outcome))


def _with(outcome: str) -> list[ColumnElement[bool]]:
    return [ReceivedMail.outcome == outcome] if outcome in _OUTCOMES else []


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalars(select(func.count()).select_from(ReceivedMail).where(*conditions)).one()


def _sender(arrival: Arrival) -> str:
    """Return who a mail says it is from, and else who the envelope says."""
    named = arrival.message.addresses("From")
    return clean_line(named[0].address if named else arrival.sender or "")[:320].lower()
