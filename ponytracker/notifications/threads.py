"""Where a mail stands among those of its issue: its Message-ID and those it follows (RFC 5322).

The mail that opens an issue has the id ``<web.issue-12@host>``, with which the References of all
others begin, so that they stay together in a mailbox that has not all of them. Each of these is
``<web.issue-12.EVENT@host>``, for every recipient alike, and follows the one before.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import and_, exists, not_, select
from sqlalchemy.orm import Session, aliased

from ponytracker.models import Event, EventKind, ReceivedMail

MAX_REFERENCES = 20
"""Message-IDs in a header References: the first, and the latest."""

MAX_MESSAGE_ID = 250
"""Characters of a Message-ID of someone else that is taken into ours."""

MAILED = (
    EventKind.OPENED,
    EventKind.COMMENTED,
    EventKind.CLOSED,
    EventKind.REOPENED,
    EventKind.ASSIGNED,
)
"""Events that owe a mail."""

CHANGES_OF_STATE = (EventKind.CLOSED, EventKind.REOPENED)

_MESSAGE_ID = re.compile(r"<?([!-;=?A-~]+@[!-;=?A-~]+)>?", re.ASCII)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Thread:
    """The place of one mail: its own id, those it follows, and the nearest of them."""

    message_id: str
    references: tuple[str, ...] = ()
    parent: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Titles:
    """What an issue was called when it was opened, and at a later event.

    The subject of a thread stays the first: mailboxes that sort by subject keep it together.
    """

    first: str
    present: str


def site_host(base_url: str) -> str:
    """Return the host of *base_url* as the right half of a Message-ID, which is ASCII."""
    host = urlsplit(base_url).hostname or "localhost"
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            host = "localhost"
    return host if _HOST.fullmatch(host) else f"[{host}]"


def find_thread(session: Session, event: Event, host: str) -> Thread:
    """Return where the mail about *event* stands: two queries."""
    before = _find_earlier(session, event)
    by_mail = _find_received(session, [*(event_id for event_id, _ in before), event.id])
    root = _message_id(event, None, host)
    own = by_mail.get(event.id, [])
    if event.kind is EventKind.OPENED:
        return Thread(root, tuple(own))
    ids, parent = [root], root
    for event_id, kind in before:
        ids += by_mail.get(event_id, [])
        if kind is not EventKind.OPENED:
            parent = _message_id(event, event_id, host)
            ids.append(parent)
    # What its author has sent is followed by our copy of it, so that both stand together.
    chain = list(dict.fromkeys([*ids, *own]))
    references = (chain[0], *chain[1:][-(MAX_REFERENCES - 1) :])
    return Thread(_message_id(event, event.id, host), references, parent)


def find_titles(session: Session, event: Event) -> Titles:
    """Return what the issue of *event* was called before, and then."""
    rows = session.execute(
        select(Event.kind, Event.args)
        .where(
            Event.issue_id == event.issue_id,
            Event.kind.in_((EventKind.OPENED, EventKind.RENAMED)),
            Event.id <= event.id,
        )
        .order_by(Event.id)
    ).all()
    titles = [args.get("title") or args.get("new_title") or "" for _kind, args in rows]
    return Titles(titles[0], titles[-1]) if titles else Titles(event.issue.title, event.issue.title)


def find_change_of_state(session: Session, comment: Event) -> Event | None:
    """Return the event by which *comment* has also closed or reopened the issue, if it has.

    One mail is owed for both (``issues/service.py``).
    """
    return session.scalar(
        select(Event)
        .where(
            Event.issue_id == comment.issue_id,
            Event.id > comment.id,
            Event.kind.in_(CHANGES_OF_STATE),
            Event.actor_id == comment.actor_id,
            Event.created_at == comment.created_at,
        )
        .order_by(Event.id)
        .limit(1)
    )


def _find_earlier(session: Session, event: Event) -> Sequence[tuple[int, EventKind]]:
    """Return id and kind of the latest events that were mailed before *event*, in order.

    Not those that the mail of a comment has told of too.
    """
    comment = aliased(Event)
    is_told = exists().where(
        comment.issue_id == Event.issue_id,
        comment.id < Event.id,
        comment.kind == EventKind.COMMENTED,
        comment.actor_id == Event.actor_id,
        comment.created_at == Event.created_at,
    )
    rows = session.execute(
        select(Event.id, Event.kind)
        .where(
            Event.issue_id == event.issue_id,
            Event.id < event.id,
            Event.kind.in_(MAILED),
            not_(and_(Event.kind.in_(CHANGES_OF_STATE), is_told)),
        )
        .order_by(Event.id.desc())
        .limit(MAX_REFERENCES)
    )
    return [(event_id, kind) for event_id, kind in rows][::-1]


def _find_received(session: Session, event_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return by their events the Message-IDs of mails that these came from."""
    rows = session.execute(
        select(ReceivedMail.event_id, ReceivedMail.message_id)
        .where(ReceivedMail.event_id.in_(event_ids), ReceivedMail.taken_as.is_not(None))
        .order_by(ReceivedMail.id)
    )
    found: dict[int, list[str]] = {}
    for event_id, message_id in rows:
        match = _MESSAGE_ID.fullmatch(message_id)
        if event_id is not None and match and len(match[1]) <= MAX_MESSAGE_ID:
            found.setdefault(event_id, []).append(f"<{match[1]}>")
    return found


def _message_id(event: Event, number: int | None, host: str) -> str:
    """Return the id of the mail about the event *number*; without it, about the opening."""
    issue = event.issue
    part = "" if number is None else f".{number}"
    return f"<{issue.project.name}.issue-{issue.number}{part}@{host}>"
