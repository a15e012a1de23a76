"""Mails to write, and the gate to post them to as a mail server does."""

from __future__ import annotations

import dataclasses
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.inbound.gate import MAX_WRONG_KEYS_A_MINUTE
from ponytracker.mail.addresses import Addresses
from ponytracker.models import Event, EventKind, Issue, ReceivedMail, User
from ponytracker.web.rate_limit import TokenBuckets
from tests.site import Visitor

KEY = "the-key-of-the-mail-server"
PATH = "/api/email/recv/"
ALICE = "alice@people.example"


@dataclasses.dataclass
class Post:
    """What the gate was posted, and how it answered."""

    status: int
    verdict: str
    answer: Any


class Mailbox:
    """Writes mails to the tracker, and delivers them."""

    def __init__(self, app: Any, session: Session) -> None:
        self.session = session
        self.registry = app.registry
        self.browser = Visitor(app)
        self.count = 0

    @property
    def addresses(self) -> Addresses:
        found: Addresses = self.registry["ponytracker.gate"].addresses
        return found

    def reply_address(self, event: Event, user: User) -> str:
        return self.addresses.for_reply(event, user)

    def write(self, to: str, text: str = "I agree.", **fields: str) -> EmailMessage:
        """Return a mail from Alice; *fields* are fields of its header, with _ for -."""
        self.count += 1
        mail = EmailMessage()
        values = {
            "From": f"Alice <{ALICE}>",
            "To": to,
            "Subject": "Re: [Web] It does not work (#1)",
            "Message-ID": f"<{self.count}@people.example>",
            **{name.replace("_", "-"): value for name, value in fields.items()},
        }
        for name, value in values.items():
            if value:
                mail[name] = value
        mail.set_content(text)
        return mail

    def post(self, mail: EmailMessage | bytes, *, key: str = KEY, **fields: str) -> Post:
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        answer = self.browser.post(
            PATH,
            {"key": key, **fields},
            upload_files=[("email", "mail.eml", raw)],
            expect_errors=True,
        )
        # What the gate has committed is read anew.
        self.session.expire_all()
        return Post(answer.status_int, answer.json["verdict"], answer)

    def send(self, to: str, text: str = "I agree.", **fields: str) -> Post:
        return self.post(self.write(to, text, **fields))

    def comments(self) -> list[Event]:
        return list(
            self.session.scalars(
                select(Event).where(Event.kind == EventKind.COMMENTED).order_by(Event.id)
            )
        )

    def log(self) -> list[ReceivedMail]:
        return list(self.session.scalars(select(ReceivedMail).order_by(ReceivedMail.id)))


@pytest.fixture
def alice(world: Any) -> User:
    user: User = world.user("alice", email=ALICE)
    return user


@pytest.fixture
def issue(world: Any) -> Issue:
    """An issue of Bob's in a public project, which Alice is subscribed to."""
    bob = world.user("bob", email="bob@people.example")
    found: Issue = world.issue(world.project("web", bob), bob, text="The page is blank.")
    return found


@pytest.fixture
def opened(session: Session, issue: Issue) -> Event:
    """The event that Alice answers to."""
    return session.scalars(select(Event).where(Event.kind == EventKind.OPENED)).one()


@pytest.fixture
def mailbox(app: Any, session: Session, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    gate = app.registry["ponytracker.gate"]
    monkeypatch.setattr(gate, "wrong_keys", TokenBuckets(MAX_WRONG_KEYS_A_MINUTE))
    return Mailbox(app, session)


@pytest.fixture
def address(mailbox: Mailbox, opened: Event, alice: User) -> str:
    """Where Alice answers to the issue."""
    return mailbox.reply_address(opened, alice)
