"""A running tracker that takes mail, and an issue to answer to."""

from __future__ import annotations

import http.client
import json
import secrets
from contextlib import ExitStack
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.issues.service import find_description, open_issue
from ponytracker.mail.addresses import Addresses
from ponytracker.models import Event, EventKind, ReceivedMail
from ponytracker.projects.service import create_project
from ponytracker.settings import DEVELOPMENT_SECRET, Settings
from tests.databases import migrate
from tests.servers import ROOT, RunningSite, free_port, site

KEY = "key-" + secrets.token_hex(16)
REPLY = "reply@tracker.example"
ALICE = "alice@people.example"


class Tracker:
    """A tracker that can be stopped and started again, with an issue for Alice to answer to."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.url = database_url or f"sqlite:///{folder}/ponytracker.sqlite"
        text = (ROOT / "development.ini").read_text()
        keys = f"ponytracker.reply_email = {REPLY}\nponytracker.email_key = {KEY}\n"
        keys += "ponytracker.attachment_max_mb = 100\n"
        self.ini = folder / "tracker.ini"
        self.ini.write_text(text.replace("[server:main]", f"{keys}\n[server:main]"))
        self.engine = make_engine(self.url).execution_options(sqlite_begin="IMMEDIATE")
        with self.engine.begin() as connection:
            migrate(connection)
        settings = Settings(
            database_url=self.url, secret=DEVELOPMENT_SECRET, reply_email=REPLY, email_key=KEY
        )
        self.addresses = Addresses(settings)
        with self.session() as session, session.begin():
            bob = create_user(session, username="bob")
            alice = create_user(session, username="alice", email=ALICE)
            project = create_project(session, bob, name="web", display_name="Web")
            issue = open_issue(session, project, bob, title="It is broken")
            session.flush()
            self.event_id, self.alice_id = find_description(session, issue).id, alice.id
            self.to = self.addresses.for_reply(find_description(session, issue), alice)
            self.bounce_to = self.addresses.for_bounce(alice)
        self._running: ExitStack | None = None
        self.site: RunningSite

    def session(self) -> Session:
        return Database(self.engine).session(write=True)

    def start(self) -> None:
        self._running = ExitStack()
        arguments = (f"http_port={self.port}", f"database_url={self.url}")
        self.site = self._running.enter_context(
            site(str(self.ini), *arguments, port=self.port, folder=self.folder)
        )

    def stop(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None

    def post(self, mail: bytes, **fields: str) -> tuple[int, str]:
        """Post *mail* as a mail server does; return the status and the verdict."""
        boundary = secrets.token_hex(16)
        given = {"key": KEY, **fields}
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in given.items()
        )
        head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="email"; filename="m"\r\n\r\n'
        )
        body = head.encode() + mail + f"\r\n--{boundary}--\r\n".encode()
        connection = http.client.HTTPConnection("localhost", self.port, timeout=60)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        connection.request("POST", "/api/email/recv/", body, headers)
        answer = connection.getresponse()
        status, verdict = answer.status, json.loads(answer.read())["verdict"]
        connection.close()
        return status, verdict

    def comments(self) -> list[str | None]:
        with self.session() as session:
            comments = select(Event.text).where(Event.kind == EventKind.COMMENTED)
            return list(session.scalars(comments.order_by(Event.id)))

    def outcomes(self) -> list[str]:
        with self.session() as session:
            return list(session.scalars(select(ReceivedMail.outcome).order_by(ReceivedMail.id)))


def write(to: str, text: str, **fields: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ALICE, to, "Re: It is broken"
    mail["Message-ID"] = f"<{secrets.token_hex(8)}@people.example>"
    for name, value in fields.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes(policy=SMTP)
