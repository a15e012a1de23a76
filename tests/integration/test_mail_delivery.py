"""Mail is delivered whoever dies: a real relay, Redis, workers and web processes that are killed.

What the waits of the outbox come to is let pass by writing earlier times into its rows.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.issues.service import open_issue
from ponytracker.models import (
    Event,
    EventKind,
    IssueSubscription,
    MailState,
    OwedMail,
    SubscriptionReason,
    User,
)
from ponytracker.models.base import now
from ponytracker.notifications.outbox import LEASE, WAITS
from ponytracker.projects.service import create_project
from tests.databases import migrate
from tests.integration.client import Client
from tests.integration.conftest import create_superusers
from tests.relay import Relay, make_authority, serve_relay
from tests.servers import BIN, ROOT, Daemon, free_port, fresh_postgresql, redis, run, running

SECONDS = 120
"""After this long without anything happening, something is wrong."""

REFUSALS = (
    ("RCPT", "451 4.7.1 try again later"),
    ("MAIL", "550 5.7.1 I know you not"),
    ("DATA", "554 5.3.0 something is wrong"),
    ("DATA", "452 4.3.1 the disk is full"),
    ("RCPT", "421 4.3.2 shutting down"),
)
"""What the relay answers while it is unwell, and at which command."""

AUTHORS = tuple(f"author{number}" for number in range(5))
WORKERS = 2


class Tracker:
    """A tracker with an issue, ten subscribers to it and five people who comment."""

    def __init__(self, folder: Path, database_url: str, relay_port: int, **keys: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.ini = folder / "production.ini"
        keys = {
            "sqlalchemy.url": database_url,
            "ponytracker.base_url": f"http://localhost:{self.port}",
            "ponytracker.secret": secrets.token_urlsafe(48),
            "mail.default_sender": "PonyTracker <tracker@example.org>",
            "mail.host": "localhost",
            "mail.port": str(relay_port),
            "mail.tls": "true",
            **keys,
        }
        ini = (ROOT / "production.ini").read_text()
        for key, value in keys.items():
            ini, count = re.subn(rf"(?m)^{re.escape(key)} =.*$", f"{key} = {value}", ini, count=1)
            assert count, key
        self.ini.write_text(ini)
        (folder / "alembic").symlink_to(ROOT / "alembic")

        engine = make_engine(database_url)
        with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
            migrate(connection)
        self.database = Database(engine)
        create_superusers(self.database, *AUTHORS)
        with self.database.session(write=True) as session, session.begin():
            issue = open_issue(
                session,
                create_project(session, None, name="web", display_name="Web"),
                None,
                title="It",
            )
            for number in range(10):
                name = f"subscriber{number}"
                user = create_user(session, username=name, email=f"{name}@example.org")
                issue.subscriptions[user.id] = IssueSubscription(
                    user_id=user.id, reason=SubscriptionReason.MANUAL
                )
        self.web = Daemon(
            BIN / "pserve", self.ini, f"http_port={self.port}",
            folder=folder, name="web", port=self.port, SSL_CERT_FILE=str(folder / "ca.pem"),
        )  # fmt: skip

    def command(self, name: str) -> subprocess.CompletedProcess[str]:
        ca = str(self.folder / "ca.pem")
        return run("ponytracker", name, "--ini", self.ini, folder=self.folder, SSL_CERT_FILE=ca)

    def rows(self) -> dict[tuple[int, str], MailState]:
        """Return how each mail stands, by its event and address."""
        with self.database.session(write=False) as session:
            statement = select(OwedMail.event_id, User.email, OwedMail.state).join(OwedMail.user)
            return {
                (event_id, email): state for event_id, email, state in session.execute(statement)
            }

    def count(self, state: MailState) -> int:
        return Counter(self.rows().values())[state]

    def texts(self) -> Counter[str]:
        with self.database.session(write=False) as session:
            comments = select(Event.text).where(Event.kind == EventKind.COMMENTED)
            return Counter(session.scalars(comments))

    def pass_time(self, *, leases_too: bool = False) -> None:
        """Let the waits of mails that were refused be over; *leases_too* where nobody is alive."""
        with self.database.session(write=True) as session, session.begin():
            is_waiting = OwedMail.next_try_at > now()
            if not leases_too:
                # A lease is longer than the first waits, and hardly anything of it has passed.
                is_waiting &= OwedMail.next_try_at < now() + LEASE / 2
            session.execute(
                update(OwedMail)
                .where(OwedMail.state == MailState.OWED, is_waiting)
                .values(next_try_at=now())
                .execution_options(synchronize_session=False)
            )


assert WAITS[1] < LEASE / 2


class Commenters:
    """Five people who comment at the same time, and try again where the server is away."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.posted: list[str] = []
        self.slowest = 0.0
        self.clients = [Client(f"http://localhost:{tracker.port}") for _author in AUTHORS]
        for client, author in zip(self.clients, AUTHORS, strict=True):
            client.sign_in(author)
        self.threads: list[threading.Thread] = []

    def start(self, each: int) -> None:
        self.threads = [
            threading.Thread(target=self._comment, args=(client, each)) for client in self.clients
        ]
        for thread in self.threads:
            thread.start()

    @property
    def are_busy(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(SECONDS)
            assert not thread.is_alive()

    def _comment(self, client: Client, count: int) -> None:
        form = client.get("/web/issues/1/").fields("comment-form")
        for _number in range(count):
            text = f"Comment {uuid.uuid4()}\n\n" + "word " * 400
            # Sent again as it was, it is taken once.
            fields = {**form, "comment": text, "submission": str(uuid.uuid4())}
            deadline = time.monotonic() + SECONDS
            while not self._post(client, fields):
                assert time.monotonic() < deadline
                time.sleep(0.2)
                client = client.another()
            self.posted.append(text)

    def _post(self, client: Client, fields: dict[str, Any]) -> bool:
        started = time.monotonic()
        try:
            reply = client.post("/web/issues/1/comment/", fields)
        except (OSError, HTTPException):
            return False
        assert reply.status == 303, reply.text
        self.slowest = max(self.slowest, time.monotonic() - started)
        return True


@pytest.fixture
def relay_and_port(tmp_path: Path) -> Iterator[tuple[Relay, int]]:
    _authority, context = make_authority(tmp_path, "localhost")
    with serve_relay(context) as served:
        yield served


def wait_for(is_so: Any, what: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def in_limbo(tracker: Tracker, relay: Relay) -> set[tuple[int, str]]:
    """Return the mails that the relay has taken and the database knows nothing of.

    Asked once whoever sent them is dead; what is on its way to the relay is let arrive.
    """
    before = -1
    while before != len(relay.taken):
        before = len(relay.taken)
        time.sleep(0.5)
    rows = tracker.rows()
    taken = {(mail.event_id, mail.recipient) for mail in relay.taken}
    return {mail for mail in taken if rows[mail] is not MailState.SENT}


def duplicates(relay: Relay) -> set[tuple[int, str]]:
    seen = Counter((mail.event_id, mail.recipient) for mail in relay.taken)
    return {mail for mail, count in seen.items() if count > 1}


def test_workers_deliver_whoever_is_killed(relay_and_port, postgresql_url, tmp_path):
    relay, relay_port = relay_and_port
    broker = redis(tmp_path)
    with fresh_postgresql(postgresql_url, f"mail_{secrets.token_hex(6)}") as database_url:
        tracker = Tracker(
            tmp_path, database_url, relay_port,
            **{"celery.enabled": "true", "celery.broker_url": f"redis://localhost:{broker.port}/0"},
        )  # fmt: skip
        worker = Daemon(
            ROOT / "tools/worker.sh", tracker.ini, "--concurrency", str(WORKERS),
            folder=tmp_path, name="worker", SSL_CERT_FILE=str(tmp_path / "ca.pem"),
        )  # fmt: skip
        with running(broker, tracker.web, worker):
            commenters = Commenters(tracker)
            _all_goes_well(tracker, relay, commenters)
            _all_are_killed(tracker, relay, commenters, worker, broker)
            done = tracker.command("doctor")
            assert (done.returncode, done.stderr) == (0, ""), done
            assert "Workers: 1 answers." in done.stdout
            assert "Owed mail: 0." in done.stdout
            worker.kill()
            done = tracker.command("doctor")
            assert done.returncode == 1
            assert f"Workers: none answers. Start one: tools/worker.sh {tracker.ini}" in done.stdout
            broker.kill()
            assert "Workers: the broker does not answer" in tracker.command("doctor").stdout
        assert "Traceback" not in tracker.web.output
        tracker.database.bind.dispose()


def _all_goes_well(tracker: Tracker, relay: Relay, commenters: Commenters) -> None:
    """200 comments of 5 people for 10 subscribers."""
    commenters.start(each=40)
    commenters.join()
    relay.wait_for(lambda relay: len(relay.taken) >= 2000, SECONDS, "2000 mails")
    wait_for(lambda: tracker.count(MailState.SENT) == 2000, "2000 sent")
    counts = relay.counts()
    assert set(counts.values()) == {1}
    assert len({message_id for message_id, _recipient in counts}) == 200
    assert Counter(recipient for _message_id, recipient in counts) == Counter(
        {f"subscriber{number}@example.org": 200 for number in range(10)}
    )
    assert (relay.faults, relay.without_tls) == ([], 0)


def _all_are_killed(
    tracker: Tracker, relay: Relay, commenters: Commenters, worker: Daemon, broker: Daemon
) -> None:
    """60 more, while everything dies in the middle and the relay takes nothing for a while."""
    before = len(relay.taken)
    commenters.posted.clear()
    commenters.start(each=12)

    relay.wait_for(lambda relay: len(relay.taken) >= before + 20, SECONDS, "some of 600")
    worker.kill()
    assert tracker.count(MailState.OWED) > 0
    limbo = in_limbo(tracker, relay)
    # Each process of the worker was at one mail at most.
    assert len(limbo) <= WORKERS
    tracker.pass_time(leases_too=True)
    worker.start()

    wait_for(lambda: len(commenters.posted) >= 15, "15 comments")
    broker.kill()
    told = len(commenters.posted)
    wait_for(lambda: len(commenters.posted) >= told + 5, "comments without Redis")
    broker.start()

    assert commenters.are_busy
    tracker.web.kill()
    tracker.web.start()
    relay.refuse(*REFUSALS)
    commenters.join()
    relay.wait_for(lambda relay: sum(relay.refusals.values()) >= 10, SECONDS, "refusals")
    relay.take_all()

    def is_all_sent() -> bool:
        tracker.pass_time()
        return set(tracker.rows().values()) == {MailState.SENT}

    wait_for(is_all_sent, "all sent")  # by the sweep that beat asks for
    _all_have_come_but_once(tracker, relay, commenters, limbo, before + 600)


def test_the_tracker_delivers_itself_and_is_killed(relay_and_port, tmp_path):
    """As it does by default: no Redis, no worker; SQLite."""
    relay, relay_port = relay_and_port
    tracker = Tracker(tmp_path, f"sqlite:///{tmp_path}/ponytracker.sqlite", relay_port)
    with running(tracker.web):
        commenters = Commenters(tracker)
        commenters.start(each=8)
        relay.wait_for(lambda relay: len(relay.taken) >= 30, SECONDS, "some of 400")
        tracker.web.kill()
        assert tracker.count(MailState.OWED) > 0
        limbo = in_limbo(tracker, relay)
        assert len(limbo) <= 2  # what follows a request, and what sweeps
        tracker.pass_time(leases_too=True)
        tracker.web.start()
        relay.wait_for(lambda relay: len(relay.taken) >= 100, SECONDS, "more of 400")
        relay.refuse(*REFUSALS)
        relay.wait_for(lambda relay: sum(relay.refusals.values()) >= 10, SECONDS, "refusals")
        commenters.join()
        relay.take_all()

        def is_all_sent() -> bool:
            tracker.pass_time()
            done = tracker.command("deliver-mail")
            assert done.returncode == 0, done
            return set(tracker.rows().values()) == {MailState.SENT}

        wait_for(is_all_sent, "all sent")
        _all_have_come_but_once(tracker, relay, commenters, limbo, 400)
        done = tracker.command("deliver-mail")
        assert done.stdout == "0 sent, 0 dropped, 0 still owed, 0 failed.\n", done
        done = tracker.command("doctor")
        assert done.returncode == 0, done
        assert f"Mail server: localhost:{relay_port} answers, TLS." in done.stdout
    assert "Traceback" not in tracker.web.output


def _all_have_come_but_once(
    tracker: Tracker, relay: Relay, commenters: Commenters, limbo: set[Any], count: int
) -> None:
    """Every mail has come; twice at most those that were taken when their sender was killed."""
    assert relay.refusals.keys() == {answer.split()[0] for _command, answer in REFUSALS}
    texts, rows = tracker.texts(), tracker.rows()
    assert set(texts.values()) == {1}
    assert set(commenters.posted) <= set(texts)
    assert len(rows) == count
    assert {(mail.event_id, mail.recipient) for mail in relay.taken} == set(rows)
    assert duplicates(relay) <= limbo
    assert len(relay.taken) == len(rows) + len(duplicates(relay))
    # One that came twice is known to be the same by its Message-ID.
    assert len(relay.counts()) == len(rows)
    assert (relay.faults, relay.without_tls) == ([], 0)
