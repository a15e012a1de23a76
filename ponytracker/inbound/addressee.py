"""Which address of ours a mail was sent to, by its envelope or else its header (MAIL.md §2)."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.inbound.reading.message import ReceivedMessage
from ponytracker.mail.addresses import Address, Addresses
from ponytracker.models import Event, EventKind, Issue, Project
from ponytracker.text import fold

FIELDS = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc", "Resent-To")
"""Where the address may stand, in the order in which they are asked."""

MAX_ADDRESSES = 200

_TRACES = frozenset({"received", "return-path", "delivered-to", "x-original-to", "envelope-to"})
"""What mail servers add, each time anew."""

_OWN_ID = re.compile(
    r"<([^<>@\s]{1,100})\.issue-([1-9][0-9]{0,8})(?:\.([1-9][0-9]{0,9}))?@([^<>@\s]+)>"
)


@dataclasses.dataclass(frozen=True)
class Arrival:
    """A mail as it comes in: *sender* and *recipients* are what the envelope said, if it is known.

    An empty *sender* wants no answer. Where the mail is too large, only its beginning is here.
    """

    message: ReceivedMessage
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    is_whole: bool = True

    @cached_property
    def message_id(self) -> str:
        """The Message-ID, or where there is none the SHA-256 of what mail servers do not change."""
        if found := self.message.message_id:
            return found[:998]
        content = hashlib.sha256()
        for name, value in self.message.root.fields:
            if name not in _TRACES:
                content.update(name.encode() + b":" + value + b"\n")
        content.update(self.message.root.body)
        return content.hexdigest()

    def taken_as(self, recipient: str) -> str:
        """Return what a mail is known again by that comes once more to *recipient*."""
        return hashlib.sha256(f"{self.message_id}\0{recipient}".encode()).hexdigest()

    @property
    def wants_no_answer(self) -> bool:
        """Whether the envelope has no sender."""
        return self.sender is not None and self.sender.strip("<> ") == ""


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """The address as it was written, in small letters, and what it claims if it is one of ours."""

    recipient: str
    address: Address | None


def find_address(addresses: Addresses, arrival: Arrival) -> Found:
    """Return the first address of ours that *arrival* was sent to, else the first there is."""
    first = ""
    for candidate in _candidates(arrival):
        recipient = candidate.strip().lower()[:320]
        first = first or recipient
        if address := addresses.read(recipient):
            return Found(recipient, address)
    return Found(first, None)


def _candidates(arrival: Arrival) -> Iterator[str]:
    yield from arrival.recipients
    for field in FIELDS:
        for found in arrival.message.addresses(field)[:MAX_ADDRESSES]:
            yield found.address


def find_answered(session: Session, message: ReceivedMessage, host: str) -> Event | None:
    """Return the event whose mail *message* answers, by the Message-IDs of *host* it names.

    They are no secret: whoever asks must know by something else who sent it.
    """
    named = [*message.headers("In-Reply-To"), *reversed(message.headers("References"))]
    ids = [found for text in named for found in reversed(_OWN_ID.findall(text))]
    for project, number, event_id, at in ids[:20]:
        if at.lower() != host.lower():
            continue
        wanted = (
            select(Event)
            .join(Issue, Issue.id == Event.issue_id)
            .join(Project, Project.id == Issue.project_id)
            .where(Project.name_key == fold(project), Issue.number == int(number))
        )
        is_it = Event.id == int(event_id) if event_id else Event.kind == EventKind.OPENED
        if event := session.scalar(wanted.where(is_it)):
            return event
    return None
