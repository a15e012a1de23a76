"""The gate: decides what becomes of a mail that comes in, and does it, with the rights of the web.

Each question of MAIL.md §3 is asked in turn: which address of ours, whether a program sent it,
whether the token is genuine, whether it comes from whom it says, what they may do, what they wrote.
The first that is answered with no ends it. Nobody but the account to which the address was given is
ever told anything, at the address of that account.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hmac
from email.utils import parseaddr
from typing import Any

from sqlalchemy.orm import Session

from ponytracker.attachments.service import NotStored
from ponytracker.attachments.store import Store
from ponytracker.errors import DomainError
from ponytracker.inbound import log
from ponytracker.inbound.addressee import Arrival, Found, find_address, find_answered
from ponytracker.inbound.bounces import count_bounce, note_delivery
from ponytracker.inbound.files import keep_files
from ponytracker.inbound.obeying import Master, comment_and_obey, obey
from ponytracker.inbound.reading.origin import Origin, is_hard_bounce, kind_of
from ponytracker.inbound.subscribers import find_copied
from ponytracker.inbound.trust import find_account, find_author, is_proven
from ponytracker.inbound.verdict import Outcome, Verdict
from ponytracker.inbound.writing import NO_SUBJECT, Written, read_issue, read_reply, read_title
from ponytracker.issues.service import find_description, open_issue
from ponytracker.mail.addresses import Address, Addresses, Purpose
from ponytracker.models import Event, EventKind, Issue, PersonalAddress, Project, User
from ponytracker.models.base import now
from ponytracker.notifications.messages import REPLY_MARKER, text_of
from ponytracker.notifications.threads import site_host
from ponytracker.notifications.unsubscribing import leave_for_good
from ponytracker.resources import IssueResource, IssuesResource, Root
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import may
from ponytracker.security.principals import identify
from ponytracker.settings import Settings
from ponytracker.web.rate_limit import TokenBuckets

LOOP = "X-PonyTracker-Loop"
"""What every mail of a tracker has in its header, ours or another's: no person wrote it."""

MAX_WRONG_KEYS_A_MINUTE = 10
"""How many wrong keys from one network are told so; of more, nothing else is looked at."""

_SPAM = {"X-Spam-Flag": "yes", "X-Spam-Status": "yes", "X-Spam": "yes"}
"""How mail servers mark spam: rspamd, SpamAssassin and others."""

_PROGRAMS = {
    Origin.BOUNCE: Outcome.BOUNCE,
    Origin.AUTO_REPLY: Outcome.AUTO_REPLY,
    Origin.BULK: Outcome.BULK,
}


class Gate:
    """Takes the mails of a site; *registry* is that of the application, for what composes mails."""

    def __init__(self, registry: Any) -> None:
        self.registry = registry
        self.settings: Settings = registry["ponytracker.settings"]
        self.addresses = Addresses(self.settings)
        self.wrong_keys = TokenBuckets(MAX_WRONG_KEYS_A_MINUTE)

    def refuse_key(self, key: str, place: str) -> Outcome | None:
        """Return why *key*, which was posted from the network *place*, does not open.

        The right one always does: whoever can post from there too must not shut it out.
        """
        if hmac.compare_digest(key.encode(), self.settings.email_key.encode()):
            return None
        return Outcome.TOO_MANY if self.wrong_keys.take(place) else Outcome.WRONG_KEY

    def is_shut(self, place: str) -> bool:
        """Return whether so many wrong keys came from *place* that no more is parsed of it."""
        return self.wrong_keys.wait(place) > 0

    def judge(self, session: Session, arrival: Arrival, *, is_replay: bool = False) -> Verdict:
        """Do what *arrival* asks for, if it may, and return what became of it.

        A *replay* is held back neither for coming soon after others nor as spam: an administrator
        has looked at it.
        """
        found = find_address(self.addresses, arrival)
        address = found.address
        if address and address.purpose is Purpose.BOUNCE:
            return self._take_bounce(session, arrival, found.recipient, address)
        origin = kind_of(arrival.message)
        if origin is Origin.BOUNCE or (arrival.wants_no_answer and origin is Origin.PERSON):
            return Verdict(Outcome.BOUNCE, recipient=found.recipient)
        if address and address.purpose in (Purpose.LEAVE_ISSUE, Purpose.LEAVE_PROJECT):
            return self._leave(session, arrival, found.recipient, address)
        if self._is_own(arrival):
            return Verdict(Outcome.LOOP, recipient=found.recipient)
        if origin is not Origin.PERSON:
            return Verdict(_PROGRAMS[origin], recipient=found.recipient)
        if not is_replay and _is_spam(arrival):
            return Verdict(Outcome.SPAM, recipient=found.recipient)
        case = _Case(self, session, arrival, found, is_replay)
        if address and address.purpose is Purpose.NEW_ISSUE:
            return case.open(address)
        return case.reply(address)

    def _take_bounce(
        self, session: Session, arrival: Arrival, recipient: str, address: Address
    ) -> Verdict:
        """Count what came back to the envelope sender of a mail, which says whom it was to."""
        user = session.get(User, address.ids[0])
        if user is None or not self.addresses.is_bounce(address.token, user):
            return Verdict(Outcome.FORGED, recipient=recipient)
        if log.was_taken(session, arrival.taken_as(recipient)):
            return Verdict(Outcome.DUPLICATE, recipient=recipient, user=user)
        if not is_hard_bounce(arrival.message):
            return Verdict(Outcome.BOUNCE, "not for good", recipient=recipient)
        count_bounce(session, user, self.settings.bounce_limit)
        detail = f"number {user.bounces} in a row for {user.username}"
        return Verdict(Outcome.BOUNCE, detail, recipient=recipient, user=user)

    def _leave(
        self, session: Session, arrival: Arrival, recipient: str, address: Address
    ) -> Verdict:
        place_id, user_id = address.ids
        of_issue = address.purpose is Purpose.LEAVE_ISSUE
        place = session.get(Issue, place_id) if of_issue else session.get(Project, place_id)
        user = session.get(User, user_id)
        if not place or not user or not self.addresses.is_leaving(address.token, place, user):
            return Verdict(Outcome.FORGED, recipient=recipient)
        if log.was_taken(session, arrival.taken_as(recipient)):
            return Verdict(Outcome.DUPLICATE, recipient=recipient, user=user)
        leave_for_good(session, user, place)
        return Verdict(Outcome.LEFT, recipient=recipient, user=user)

    def _is_own(self, arrival: Arrival) -> bool:
        """Return whether a tracker sent it, or someone who says to be this one."""
        if arrival.message.header(LOOP) is not None:
            return True
        own = {self.settings.reply_email, parseaddr(self.settings.mail_default_sender)[1].lower()}
        named = [found.address.lower() for found in arrival.message.addresses("From")]
        return any(address in own or self.addresses.read(address) for address in named)


@dataclasses.dataclass(frozen=True, slots=True)
class _Case:
    """One mail of a person, while it is asked what becomes of it."""

    gate: Gate
    session: Session
    arrival: Arrival
    found: Found
    is_replay: bool

    def reply(self, address: Address | None) -> Verdict:
        """Add the mail to the issue of the event that it answers."""
        answered = self._answered_by_token(address) if address else self._answered_by_reference()
        if isinstance(answered, Verdict):
            return answered
        event, user = answered
        if refusal := self._refuse_sender(user, event.created_at):
            return refusal
        node = self._find_node(user, event.issue.project, event.issue)
        if not isinstance(node, IssueResource):
            return self._verdict(Outcome.NOT_ALLOWED, user, text=self.arrival.message.body.text)
        if refusal := self._refuse_now(user, node, Event.issue_id == event.issue_id):
            return refusal
        try:
            with self.session.begin_nested():
                return self._write_reply(node, user, event)
        except NotStored:
            raise
        except DomainError as error:  # the issue, say, was deleted at this moment
            return self._verdict(Outcome.NOT_FOUND, user, notices=[error.args[0]])

    def open(self, address: Address) -> Verdict:
        """Open an issue by the mail, in the project of the personal *address*."""
        personal = self.session.get(PersonalAddress, address.ids[0])
        if personal is None or not self.gate.addresses.is_new_issue(address.token, personal):
            return self._verdict(Outcome.FORGED)
        user, project = personal.user, personal.project
        if refusal := self._refuse_sender(user):
            return refusal
        node = self._find_node(user, project)
        if not isinstance(node, IssuesResource):
            return self._verdict(Outcome.NOT_ALLOWED, user, text=self.arrival.message.body.text)
        is_opening = (Event.project_id == project.id) & (Event.kind == EventKind.OPENED)
        if refusal := self._refuse_now(user, node, is_opening):
            return refusal
        if not may(node.__parent__.__parent__.identity, node, Permission.CREATE_ISSUE):
            return self._verdict(Outcome.NOT_ALLOWED, user, text=self.arrival.message.body.text)
        try:
            with self.session.begin_nested():
                return self._write_issue(node, user)
        except NotStored:
            raise
        except DomainError as error:
            return self._verdict(Outcome.NOT_FOUND, user, notices=[error.args[0]])

    def _answered_by_token(self, address: Address) -> tuple[Event, User] | Verdict:
        event_id, user_id = address.ids
        event, user = self.session.get(Event, event_id), self.session.get(User, user_id)
        # What is not there and what was made up are the same: nobody learns which ids there are.
        if event is None or user is None:
            return self._verdict(Outcome.FORGED)
        if not self.gate.addresses.is_reply(address.token, event, user):
            return self._verdict(Outcome.FORGED)
        return event, user

    def _answered_by_reference(self) -> tuple[Event, User] | Verdict:
        """Return what a mail without a token answers, if its sender is proven beyond doubt."""
        settings, message = self.gate.settings, self.arrival.message
        author = find_author(message)
        if settings.authserv_id and author and is_proven(message, author, settings.authserv_id):
            event = find_answered(self.session, message, site_host(settings.base_url))
            user = find_account(self.session, author)
            if event and user:
                return event, user
        return self._verdict(Outcome.NOT_FOUND)

    def _refuse_sender(self, user: User, given_at: dt.datetime | None = None) -> Verdict | None:
        """Return why the mail is not from *user*, or why *user* may not write any more."""
        message, settings = self.arrival.message, self.gate.settings
        if log.was_taken(self.session, self.arrival.taken_as(self.found.recipient)):
            return self._verdict(Outcome.DUPLICATE, user)
        author = find_author(message)
        if settings.authserv_id and not is_proven(message, author, settings.authserv_id):
            return self._verdict(Outcome.NOT_PROVEN, user, detail=f"from {author or 'nobody'}")
        if not author or author != (user.email or "").lower():
            return self._verdict(Outcome.OTHER_SENDER, user, detail=f"from {author or 'nobody'}")
        if not user.is_active:
            return self._verdict(Outcome.DISABLED, user, text=message.body.text)
        days = settings.reply_days
        if given_at and days and given_at + dt.timedelta(days) < now():
            return self._verdict(Outcome.EXPIRED, user, text=message.body.text)
        note_delivery(user)
        return None

    def _find_node(
        self, user: User, project: Project, issue: Issue | None = None
    ) -> IssueResource | IssuesResource | None:
        """Return the node of the tree that is written to, as *user* sees it."""
        root = Root(self.session, identify(self.session, user))
        try:
            issues: Any = root[project.name]["issues"]  # type: ignore[index]
            node: IssueResource | IssuesResource = issues[str(issue.number)] if issue else issues
        except KeyError:
            return None
        return node

    def _refuse_now(
        self, user: User, node: IssueResource | IssuesResource, place: Any
    ) -> Verdict | None:
        """Return why nothing is written at the moment, whoever wants to."""
        if node.project.archived:
            return self._verdict(Outcome.ARCHIVED, user, text=self.arrival.message.body.text)
        if not self.arrival.is_whole:
            return self._verdict(Outcome.TOO_LARGE, user)
        if not self.is_replay and log.is_too_fast(self.session, user, place):
            return self._verdict(Outcome.TOO_FAST, user)
        return None

    def _write_reply(self, node: IssueResource, user: User, event: Event) -> Verdict:
        identity = node.__parent__.__parent__.__parent__.identity
        message = self.arrival.message
        written = read_reply(
            message,
            sent=text_of(self.gate.registry, self.session, event, user),
            marker=REPLY_MARKER.interpolate(),
            tokens=self._tokens(event.issue, user),
        )
        store: Store | None = self.gate.registry.get("ponytracker.attachments")
        master = Master(self.session, node, identity, user)
        with keep_files(
            self.session, store, node.project, node.issue, user, message.body.files
        ) as kept:
            text = kept.show_in(written.text)
            notices = [*written.notices, *kept.notices]
            if not text.strip() and not kept.attachments:
                return self._only_commands(master, written, notices)
            if not may(identity, node, Permission.CREATE_COMMENT):
                return self._verdict(Outcome.NOT_ALLOWED, user, text=written.text)
            comment, obeyed = comment_and_obey(master, text, written.elided, written.commands)
            kept.attach_to(self.session, comment, user)
        notices += obeyed.notices
        return self._verdict(
            Outcome.COMMENTED, user, event=comment, notices=notices, text=written.text
        )

    def _only_commands(self, master: Master, written: Written, notices: list[str]) -> Verdict:
        if not written.commands:
            raw = self.arrival.message.body.text
            return self._verdict(Outcome.EMPTY, master.user, notices=notices, text=raw)
        obeyed = obey(master, written.commands)
        outcome = Outcome.CHANGED if obeyed.any_done else Outcome.NOT_ALLOWED
        notices = [*notices, *obeyed.notices]
        return self._verdict(outcome, master.user, event=obeyed.event, notices=notices)

    def _write_issue(self, node: IssuesResource, user: User) -> Verdict:
        message, project = self.arrival.message, node.project
        identity = node.__parent__.__parent__.identity
        written = read_issue(message, tokens=self._tokens(project, user))
        store: Store | None = self.gate.registry.get("ponytracker.attachments")
        with keep_files(self.session, store, project, None, user, message.body.files) as kept:
            text = kept.show_in(written.text)
            title = read_title(message, written.text)
            if not (title or text.strip() or kept.attachments):
                return self._verdict(Outcome.EMPTY, user, text=message.body.text)
            issue = open_issue(
                self.session,
                project,
                user,
                title=title or NO_SUBJECT,
                text=text,
                elided=written.elided,
                subscribers=find_copied(self.session, project, message, besides=user),
            )
            opened = find_description(self.session, issue)
            kept.attach_to(self.session, opened, user)
        master = Master(self.session, IssueResource(node, issue), identity, user)
        obeyed = obey(master, written.commands)
        notices = [*written.notices, *kept.notices, *obeyed.notices]
        return self._verdict(Outcome.OPENED, user, event=opened, notices=notices)

    def _tokens(self, place: Issue | Project, user: User) -> list[str]:
        """Return what the mails about *place* that *user* got let its reader do in their name."""
        places: list[Issue | Project] = (
            [place, place.project] if isinstance(place, Issue) else [place]
        )
        return [self.gate.addresses.token_for_leaving(one, user) for one in places]

    def _verdict(self, outcome: Outcome, user: User | None = None, **facts: Any) -> Verdict:
        return Verdict(outcome, recipient=self.found.recipient, user=user, **facts)


def _is_spam(arrival: Arrival) -> bool:
    return any(
        (arrival.message.header(name) or "").lower().startswith(mark)
        for name, mark in _SPAM.items()
    )
