"""What the gate says to who wrote: mails that nobody answers, at most one an hour (RFC 3834)."""

from __future__ import annotations

import dataclasses
import logging
import re
from typing import Any

from pyramid_mailer.message import Message
from sqlalchemy.orm import Session

from ponytracker.inbound import log
from ponytracker.inbound.addressee import Arrival
from ponytracker.inbound.verdict import MEANINGS, Outcome, Verdict
from ponytracker.mail import NotSent, compose, send_message
from ponytracker.mail.addresses import Addresses
from ponytracker.models import ReceivedMail
from ponytracker.models.base import now
from ponytracker.notifications.threads import site_host
from ponytracker.notifications.urls import Urls

logger = logging.getLogger(__name__)

TEMPLATES = "ponytracker.inbound:templates/mail/"

MAX_GIVEN_BACK = 50_000
"""Characters of what was written that come back with the answer."""

_RE = re.compile(r"\A\s*(?:re:\s*)+", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A mail to whoever an address of ours was given to, about the mail with that *message_id*."""

    recipient: str
    template: str
    message_id: str
    values: dict[str, Any]
    reply_to: str = ""


def find_answer(
    session: Session, registry: Any, row: ReceivedMail, arrival: Arrival, verdict: Verdict
) -> Answer | None:
    """Return what is to be sent for *verdict*, once it is committed; *row* notes that it was."""
    user = verdict.user
    if user is None or not user.email or not registry["ponytracker.settings"].mail_default_sender:
        return None
    if verdict.outcome is Outcome.OPENED:
        return _about_issue(session, registry, arrival, verdict)
    if not verdict.is_told or not log.may_answer(session, user):
        return None
    row.answered_at = now()
    is_done = verdict.outcome not in _NOT_DONE
    values = {
        "subject": _without_re(arrival.message.subject),
        "meaning": MEANINGS[verdict.outcome],
        "notices": list(verdict.notices),
        "is_done": is_done,
        "text": "" if is_done else verdict.text[:MAX_GIVEN_BACK],
    }
    return Answer(user.email, "answer.txt", arrival.message_id, values)


_NOT_DONE = frozenset(Outcome) - {Outcome.COMMENTED, Outcome.CHANGED, Outcome.OPENED}


def _about_issue(
    session: Session, registry: Any, arrival: Arrival, verdict: Verdict
) -> Answer | None:
    """Return the mail that says where the issue is; answered, it becomes a comment there."""
    user, event = verdict.user, verdict.event
    if user is None or user.email is None or event is None:
        return None
    session.flush()
    settings = registry["ponytracker.settings"]
    values = {
        "subject": _without_re(arrival.message.subject) or event.issue.title,
        "title": event.issue.title,
        "project": event.issue.project.name,
        "number": event.issue.number,
        "url": Urls(settings.base_url).issue(event.issue),
        "notices": list(verdict.notices),
    }
    reply_to = Addresses(settings).for_reply(event, user)
    return Answer(user.email, "opened.txt", arrival.message_id, values, reply_to)


def _without_re(subject: str) -> str:
    """Return *subject* without the "Re:" that an answer has once (RFC 5322 §3.6.5)."""
    return _RE.sub("", subject).strip()


def send_answer(registry: Any, answer: Answer) -> None:
    """Send *answer* from nobody, so that no program answers it or says that it did not arrive."""
    message = compose(registry, answer.recipient, TEMPLATES + answer.template, **answer.values)
    message.extra_headers.update(_headers(registry, answer, message))
    try:
        send_message(registry, message, sender="")
    except NotSent as error:
        logger.error("The answer to a received mail could not be sent: %s", error)


def _headers(registry: Any, answer: Answer, message: Message) -> dict[str, str]:
    headers = {
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
        "X-PonyTracker-Loop": site_host(registry["ponytracker.settings"].base_url),
    }
    if answer.message_id.startswith("<") and answer.message_id.isascii():
        headers["In-Reply-To"] = headers["References"] = answer.message_id
    if answer.reply_to:
        headers["Reply-To"] = answer.reply_to
    return headers
