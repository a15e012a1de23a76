"""How often something may be tried: for each account or mail address, and for each IP address.

A try is a row of `attempts`, written and committed before anything is looked at; only then the
earlier ones are counted. So those who try at the same moment, in whatever processes, count each
other, and cannot all pass. See docs/decisions/signing-in.rst.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hmac
import ipaddress
import logging
import math
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from ponytracker.models.account import Attempt
from ponytracker.models.base import now
from ponytracker.text import fold

log = logging.getLogger(__name__)

REMEMBERED = dt.timedelta(hours=1)
"""How long a try counts."""

SWEPT_AT_ONCE = 100
"""Rows that are too old to count and go when another is written."""


class Purpose(StrEnum):
    """What is tried."""

    SIGN_IN = "sign_in"
    CHANGE = "change_password"
    RESET = "reset"
    SIGN_UP = "sign_up"


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """After *free* tries one waits *first* seconds, then twice as long each time, to *longest*."""

    free: int
    first: int
    longest: int

    def wait(self, tries: int) -> int:
        """Return how many seconds after the last of *tries* the next one may come."""
        if tries < self.free:
            return 0
        doubled: int = 2 ** min(tries - self.free, 20)
        return min(self.first * doubled, self.longest)


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """The limit of one account or mail address, and that of one IP address."""

    subject: Limit
    address: Limit


LIMITS = {
    Purpose.SIGN_IN: Limits(subject=Limit(5, 1, 60), address=Limit(20, 1, 900)),
    Purpose.CHANGE: Limits(subject=Limit(5, 1, 60), address=Limit(20, 1, 900)),
    # Each of these makes a mail.
    Purpose.RESET: Limits(subject=Limit(3, 60, 900), address=Limit(10, 60, 900)),
    Purpose.SIGN_UP: Limits(subject=Limit(5, 60, 900), address=Limit(10, 60, 900)),
}


class Throttle:
    """Keeps count of who tries what. *secret* keys the hashes of the names they type."""

    def __init__(self, secret: str) -> None:
        self._key = secret.encode()

    def subject(self, purpose: Purpose, name: str) -> str:
        """Return what is stored of *name*: people type passwords where a name belongs."""
        text = f"attempts:{purpose}:{fold(name)}"
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()

    def write(self, session: Session, purpose: Purpose, name: str, address: str) -> int:
        """Store a try and return its id; sweep some of those that count no more."""
        tried = now()
        old = select(Attempt.id).where(_is_far_from(tried)).limit(SWEPT_AT_ONCE)
        # Two who sweep must not wait for each other.
        session.execute(
            delete(Attempt).where(Attempt.id.in_(old.with_for_update(skip_locked=True)))
        )
        attempt = Attempt(
            purpose=purpose,
            subject=self.subject(purpose, name),
            address=network(address),
            at=tried,
        )
        session.add(attempt)
        session.flush()
        return attempt.id

    def seconds_to_wait(self, session: Session, attempt_id: int) -> int:
        """Return how long the try *attempt_id* comes too early, by the others before it."""
        attempt = session.get_one(Attempt, attempt_id)
        limits = LIMITS[Purpose(attempt.purpose)]
        seconds = _too_early(session, attempt, limits.subject, Attempt.subject == attempt.subject)
        if not attempt.address:  # the server knows no addresses: all the world would be one
            return seconds
        same_place = Attempt.address == attempt.address
        return max(seconds, _too_early(session, attempt, limits.address, same_place))

    def forgive(self, session: Session, purpose: Purpose, name: str) -> None:
        """Forget the tries for *name*, since one was right.

        What they had counted for the IP address goes with them. What its tries for other names
        have counted stays: else whoever has one account could guess at all others.
        """
        session.execute(
            delete(Attempt).where(
                Attempt.purpose == purpose, Attempt.subject == self.subject(purpose, name)
            )
        )


def network(address: str) -> str:
    """Return what counts as one place: an IPv4 address, or the /64 that an IPv6 one is of."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _is_far_from(moment: dt.datetime) -> ColumnElement[bool]:
    """Return which tries do not count then: old ones, and those of a clock that was ahead."""
    return or_(Attempt.at < moment - REMEMBERED, Attempt.at > moment + REMEMBERED)


def _too_early(session: Session, attempt: Attempt, limit: Limit, same: ColumnElement[bool]) -> int:
    others = select(func.count(), func.max(Attempt.at)).where(
        same,
        Attempt.purpose == attempt.purpose,
        Attempt.id != attempt.id,
        ~_is_far_from(attempt.at),
    )
    tries, last = session.execute(others).one()
    if not limit.wait(tries):
        return 0
    passed = (attempt.at - last).total_seconds()
    # Of those at the same moment, or by a clock that is ahead, none has waited.
    return max(0, math.ceil(limit.wait(tries) - max(passed, 0)))


def _count_try(request: Any, purpose: Purpose, name: str) -> int:
    """Count a try of *purpose* for *name*; return the seconds to wait, 0 where it may go on.

    Whatever *request* has written before is committed.
    """
    throttle: Throttle = request.throttle
    attempt_id = throttle.write(request.dbsession, purpose, name, request.identity.address)
    request.commit_database()
    seconds = throttle.seconds_to_wait(request.dbsession, attempt_id)
    if seconds:
        # No name: it may be a password, typed too early.
        place = network(request.identity.address) or "(no address)"
        log.warning("A try came too early: %s from %s", purpose, place)
        request.dbsession.execute(delete(Attempt).where(Attempt.id == attempt_id))
        request.commit_database()
    return seconds


def includeme(config: Any) -> None:
    throttle = Throttle(config.registry["ponytracker.settings"].secret)
    config.add_request_method(lambda request: throttle, "throttle", reify=True)
    config.add_request_method(_count_try, "count_try")
