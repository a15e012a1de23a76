"""A mail from its arrival to the row in the log: judged, written down, perhaps answered."""

from __future__ import annotations

import dataclasses

from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.inbound import log
from ponytracker.inbound.addressee import Arrival
from ponytracker.inbound.answering import Answer, find_answer
from ponytracker.inbound.gate import Gate
from ponytracker.inbound.posted import Posted
from ponytracker.inbound.reading.message import read_message
from ponytracker.inbound.verdict import Outcome, Verdict
from ponytracker.models import ReceivedMail
from ponytracker.models.base import now
from ponytracker.security import audit
from ponytracker.security.principals import Identity


class NotKept(DomainError):
    """A mail cannot be replayed, since its time is up."""


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """What was written down of a mail, and what is to be sent once that is committed."""

    row: ReceivedMail
    verdict: Verdict
    answer: Answer | None


def read(posted: Posted) -> Arrival:
    """Return the mail that was posted, with its header read; this needs no database."""
    return Arrival(read_message(posted.mail), posted.sender, posted.recipients, posted.is_whole)


def receive(session: Session, gate: Gate, arrival: Arrival, raw: bytes) -> Receipt:
    """Take *arrival* in, whose octets are *raw*."""
    days = gate.settings.mail_retention_days
    if log.is_full(session):
        verdict = Verdict(Outcome.TOO_MANY, recipient=(*arrival.recipients, "")[0])
    else:
        verdict = gate.judge(session, arrival)
    arrival.message.forget_body()  # its files are on the disk now, and storing the mail takes room
    is_kept = days and log.is_kept(session, verdict, len(raw))
    row = log.write(session, arrival, verdict, raw if is_kept else None)
    log.tidy(session, days)
    answer = find_answer(session, gate.registry, row, arrival, verdict)
    return Receipt(row, verdict, answer)


def fail(session: Session, gate: Gate, arrival: Arrival, raw: bytes, *, error: Exception) -> None:
    """Write down that *arrival* could not be taken because of a mistake of ours."""
    recipient = (*arrival.recipients, "")[0]
    verdict = Verdict(Outcome.FAILED, type(error).__name__, recipient=recipient)
    log.write(session, arrival, verdict, raw if gate.settings.mail_retention_days else None)


def replay(session: Session, actor: Identity, gate: Gate, row: ReceivedMail) -> Receipt:
    """Take the mail of *row* in again, as if it came now; raise `NotKept`.

    What it has made already it does not make twice.
    """
    if row.raw is None:
        raise NotKept(_("This mail is not kept any more, so it cannot be replayed."))
    before = {"outcome": row.outcome}
    arrival = Arrival(
        read_message(row.raw),
        # Only whether there was one matters.
        sender=row.sender,
        recipients=(row.recipient,) if row.recipient else (),
    )
    verdict = gate.judge(session, arrival, is_replay=True)
    row.replayed_at = now()
    if verdict.outcome is not Outcome.DUPLICATE:
        log.judge(row, arrival, verdict)
    after = {"outcome": verdict.outcome}
    audit.record(session, actor, "mail.replay", str(row.id), before=before, after=after)
    answer = find_answer(session, gate.registry, row, arrival, verdict)
    return Receipt(row, verdict, answer)
