"""Delivers what is owed: takes a few mails, composes and sends them, writes down what came of it.

No transaction is open while the mail server is spoken to. A mail counts as sent in a transaction of
its own, at once after the server has taken it: only whoever dies in between leaves one to be sent
twice, and its Message-ID says that it is the same.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ponytracker import mail
from ponytracker.db import UNAVAILABLE
from ponytracker.models.base import now
from ponytracker.notifications import outbox
from ponytracker.notifications.messages import Outgoing, compose

log = logging.getLogger(__name__)

SWEEP_SECONDS = 60
"""How often somebody looks for what has become due."""

LONGEST_MAIL = dt.timedelta(minutes=13)
"""What one mail can take by the time-outs of ``mail/smtp.py``; the lease must not end before it."""

PATIENCE = (1, 5, 15, 30)
"""Seconds between tries to write down that a mail was sent, while the database is away."""


@dataclasses.dataclass(frozen=True, slots=True)
class Delivered:
    """What a delivery has done; *no_server* says why the mail server could not be spoken to."""

    sent: int = 0
    dropped: int = 0
    postponed: int = 0
    no_server: str = ""

    def __add__(self, other: Delivered) -> Delivered:
        return Delivered(
            self.sent + other.sent,
            self.dropped + other.dropped,
            self.postponed + other.postponed,
            self.no_server or other.no_server,
        )


def deliver(registry: Any) -> Delivered:
    """Send all that is due, until nothing is or the mail server cannot be spoken to."""
    total = Delivered()
    if not registry["ponytracker.settings"].mail_default_sender:
        return total
    while not total.no_server:
        latest_start = time.monotonic() + (outbox.LEASE - LONGEST_MAIL).total_seconds()
        ids = _take(registry)
        if not ids:
            break
        total += _deliver_taken(registry, ids, latest_start)
    return total


def sweep(registry: Any) -> Delivered:
    """Send what is due, and forget what was sent so long ago that nobody asks for it any more."""
    delivered = deliver(registry)
    before = now() - outbox.REMEMBERED_FOR
    if _read(registry, outbox.is_any_forgettable, before):
        _write(registry, outbox.forget, before)
    return delivered


def _take(registry: Any) -> Sequence[int]:
    # Asked first, since whoever takes is the one writer that SQLite has.
    due = _read(registry, outbox.is_any_due)
    return _write(registry, outbox.take) if due else ()


def _deliver_taken(registry: Any, ids: Sequence[int], latest_start: float) -> Delivered:
    unwanted = _read(registry, outbox.find_unwanted, ids)
    for id_, why in unwanted.items():
        _write(registry, outbox.drop, id_, why)
    ready, failed = _compose(registry, [id_ for id_ in ids if id_ not in unwanted])
    for id_, why in failed.items():
        _write(registry, outbox.postpone, [id_], why)
    begun = Delivered(dropped=len(unwanted), postponed=len(failed))
    return begun + _send(registry, ready, latest_start)


def _compose(
    registry: Any, ids: Iterable[int]
) -> tuple[Sequence[tuple[int, Outgoing]], dict[int, str]]:
    """Return the mails of *ids*, and why others could not be composed."""
    ready, failed = [], {}
    with registry["ponytracker.database"].session(write=False) as session:
        for owed in outbox.load(session, ids):
            try:
                ready.append((owed.id, compose(registry, session, owed)))
            except UNAVAILABLE:  # which is no fault of this mail
                raise
            except Exception as error:
                # A fault of ours in one mail is to hold up no other; mended, it still goes out.
                log.exception("the mail %d could not be composed", owed.id)
                failed[owed.id] = f"It could not be composed: {type(error).__name__}"
    return ready, failed


def _send(registry: Any, ready: Sequence[tuple[int, Outgoing]], latest_start: float) -> Delivered:
    """Send mails by one connection, one after the other."""
    sent = postponed = 0
    with mail.connection(registry) as relay:
        for position, (id_, outgoing) in enumerate(ready):
            rest = [id_ for id_, _outgoing in ready[position:]]
            if time.monotonic() > latest_start:
                _write(registry, outbox.give_back, rest)
                break
            try:
                relay.send(outgoing.message, sender=outgoing.sender)
            except mail.NoServer as error:
                log.warning("no mail can be sent: %s", error)
                _write(registry, outbox.postpone, rest, str(error))
                return Delivered(sent=sent, postponed=postponed + len(rest), no_server=str(error))
            except mail.NotSent as error:
                log.warning("the mail %d could not be sent: %s", id_, error)
                _write(registry, outbox.postpone, [id_], str(error))
                postponed += 1
            else:
                _mark_sent(registry, id_)
                sent += 1
    return Delivered(sent=sent, postponed=postponed)


def _mark_sent(registry: Any, id_: int) -> None:
    """Write down that a mail is out, however long it takes: else it would go out twice."""
    for seconds in PATIENCE:
        try:
            _write(registry, outbox.mark_sent, id_)
        except UNAVAILABLE:
            time.sleep(seconds)
        else:
            return
    _write(registry, outbox.mark_sent, id_)


def _read(registry: Any, question: Callable[..., Any], *arguments: Any) -> Any:
    with registry["ponytracker.database"].session(write=False) as session:
        return question(session, *arguments)


def _write(registry: Any, change: Callable[..., Any], *arguments: Any) -> Any:
    with registry["ponytracker.database"].session(write=True) as session, session.begin():
        return change(session, *arguments)


class Coalesced:
    """Runs *function* in the background when asked: once for all who ask while it is not running.

    Who asks while it is has it run once more afterwards, so that it sees what they have written.
    """

    def __init__(self, registry: Any, function: Callable[[Any], object]) -> None:
        self._registry = registry
        self._function = function
        self._lock = threading.Lock()
        self._is_asked = False
        self._is_running = False

    def ask(self) -> None:
        with self._lock:
            self._is_asked = True
            if self._is_running:
                return
            self._is_running = True
        if not self._registry["ponytracker.background"].run(self.run):
            self._is_running = False

    def run(self) -> None:
        while self._take():
            try:
                self._function(self._registry)
            except Exception:
                self._is_running = False
                raise

    def _take(self) -> bool:
        with self._lock:
            asked, self._is_asked = self._is_asked, False
            self._is_running = asked
            return asked
