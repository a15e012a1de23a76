"""A tracker by production.ini with people who post to it, whatever happens to it meanwhile."""

from __future__ import annotations

import re
import secrets
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select, update

from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.issues.service import open_issue
from ponytracker.models import (
    Event,
    EventKind,
    Issue,
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
from tests.integration.client import Client, Reply
from tests.integration.conftest import create_superusers
from tests.relay import Relay
from tests.servers import BIN, ROOT, Daemon, free_port, run

SECONDS = 120
"""After this long without anything happening, something is wrong."""

AUTHORS = tuple(f"author{number}" for number in range(5))


class Tracker:
    """A tracker with an issue, *subscribers* to it and five people who may do everything."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        relay_port: int,
        *,
        subscribers: int = 10,
        **keys: str,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.keys = {
            "sqlalchemy.url": database_url,
            "ponytracker.base_url": self.url,
            "ponytracker.secret": secrets.token_urlsafe(48),
            "mail.default_sender": "PonyTracker <tracker@example.org>",
            "mail.host": "localhost",
            "mail.port": str(relay_port),
            "mail.tls": "true",
            "http-socket": f"127.0.0.1:{self.port}",
            **keys,
        }
        self.trust = {"SSL_CERT_FILE": str(folder / "ca.pem")}
        self.ini = self.write_ini(folder)

        engine = make_engine(database_url)
        with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
            migrate(connection)
        self.database = Database(engine)
        create_superusers(self.database, *AUTHORS)
        with self.database.session(write=True) as session, session.begin():
            project = create_project(session, None, name="web", display_name="Web")
            issue = open_issue(session, project, None, title="It")
            for number in range(subscribers):
                name = f"subscriber{number}"
                user = create_user(session, username=name, email=f"{name}@example.org")
                issue.subscriptions[user.id] = IssueSubscription(
                    user_id=user.id, reason=SubscriptionReason.MANUAL
                )

    def write_ini(self, folder: Path, **keys: str) -> Path:
        """Write the ini file of a host, which has its own *keys*, to *folder*."""
        text = (ROOT / "production.ini").read_text()
        for key, value in {**self.keys, **keys}.items():
            text, count = re.subn(rf"(?m)^{re.escape(key)} =.*$", f"{key} = {value}", text, count=1)
            assert count, key
        ini = folder / "production.ini"
        ini.write_text(text)
        (folder / "alembic").symlink_to(ROOT / "alembic")
        return ini

    def pserve(self) -> Daemon:
        return Daemon(
            BIN / "pserve", self.ini, f"http_port={self.port}",
            folder=self.folder, name="web", port=self.port, **self.trust,
        )  # fmt: skip

    def uwsgi(self, ini: Path, port: int, *before: str | Path, **variables: str) -> Daemon:
        """Return uwsgi by *ini*, which listens on *port*, started by the command *before* it."""
        return Daemon(
            *before, BIN / "uwsgi", "--ini-paste-logged", ini,
            folder=ini.parent, name="uwsgi", port=port, **self.trust, **variables,
        )  # fmt: skip

    def worker(self, ini: Path, processes: int = 1, **variables: str) -> Daemon:
        return Daemon(
            ROOT / "tools/worker.sh", ini, "--concurrency", str(processes),
            folder=ini.parent, name="worker", **self.trust, **variables,
        )  # fmt: skip

    def command(self, name: str) -> subprocess.CompletedProcess[str]:
        return run("ponytracker", name, "--ini", self.ini, folder=self.folder, **self.trust)

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

    def titles(self) -> Counter[str]:
        with self.database.session(write=False) as session:
            return Counter(session.scalars(select(Issue.title)))

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


class Failure(NamedTuple):
    """What was posted and not taken; the *status* is 0 where no answer came."""

    began: float
    ended: float
    status: int
    is_clear: bool


class Crowd:
    """*count* people who post all the time, and post again as it was what was not answered.

    They comment on the first issue; now and then they open another one.
    """

    def __init__(self, tracker: Tracker, count: int, *, url: str = "", pace: float = 0.0) -> None:
        self.tracker = tracker
        self.pace = pace
        self.posted: list[str] = []
        self.failures: list[Failure] = []
        self.outages: list[tuple[float, float]] = []
        self.slowest = 0.0
        signed_in = [Client(url or tracker.url, tracker.url) for _author in AUTHORS[:count]]
        for client, author in zip(signed_in, AUTHORS, strict=False):
            client.sign_in(author)
        self.clients = [signed_in[number % len(signed_in)].another() for number in range(count)]
        self.threads: list[threading.Thread] = []
        self._is_over = threading.Event()

    def start(self, *, each: int = 0, issues: bool = False) -> None:
        """Let each post so often, or until they are told to `stop`: comments, perhaps *issues*."""
        self._is_over.clear()
        self.threads = [
            threading.Thread(target=self._post_all, args=(client, each, issues))
            for client in self.clients
        ]
        for thread in self.threads:
            thread.start()

    @property
    def are_busy(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)

    def stop(self) -> None:
        self._is_over.set()
        self.join()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(SECONDS)
            assert not thread.is_alive()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """In this block requests may fail; it ends once each of them has."""
        began = time.monotonic()
        before = len(self.failures)
        yield
        self.outages.append((began, time.monotonic()))
        assert len(self.failures) > before, "nobody noticed"

    def wait_for_failures(self, count: int) -> None:
        told = len(self.failures)
        wait_for(lambda: len(self.failures) >= told + count, f"{count} failures")

    def go_on(self, seconds: float) -> None:
        """Return after so long, and once everybody might have posted something."""
        told, until = len(self.posted), time.monotonic() + seconds
        wait_for(
            lambda: time.monotonic() > until and len(self.posted) >= told + len(self.clients),
            "more that is posted",
        )

    def unexplained(self) -> list[Failure]:
        """Return what failed outside of all outages, or without saying clearly what to do."""
        return [
            failure
            for failure in self.failures
            if not any(
                failure.began <= ended and failure.ended >= began for began, ended in self.outages
            )
            or (failure.status and not failure.is_clear)
        ]

    def _post_all(self, client: Client, each: int, issues: bool) -> None:
        comment = client.get("/web/issues/1/").fields("comment-form")
        issue = client.get("/web/issues/add/").fields("issue-form") if issues else {}
        number = 0
        while not self._is_over.wait(self.pace) and (not each or number < each):
            number += 1
            # Sent again as it was, it is taken once.
            text, submission = str(uuid.uuid4()), str(uuid.uuid4())
            if issues and number % 5 == 0:
                path, fields = "/web/issues/add/", {**issue, "title": text, "description": text}
            else:
                text = f"Comment {text}\n\n" + "word " * 400
                path, fields = "/web/issues/1/comment/", {**comment, "comment": text}
            deadline = time.monotonic() + SECONDS
            while not self._post(client, path, {**fields, "submission": submission}, text):
                assert time.monotonic() < deadline
                time.sleep(0.2)
                client = client.another()
            self.posted.append(text)

    def _post(self, client: Client, path: str, fields: dict[str, Any], text: str) -> bool:
        began = time.monotonic()
        reply: Reply | None = None
        with suppress(OSError, HTTPException):
            reply = client.post(path, fields)
        ended = time.monotonic()
        if reply and reply.status == 303:
            self.slowest = max(self.slowest, ended - began)
            return True
        is_clear = reply is not None and _is_clear(reply, text)
        self.failures.append(Failure(began, ended, reply.status if reply else 0, is_clear))
        return False


def _is_clear(reply: Reply, text: str) -> bool:
    """Return whether *reply* says when to come again, and gives the *text* back."""
    return bool(
        reply.status == 503 and reply.headers["Retry-After"] and text.splitlines()[0] in reply.text
    )


def wait_for(is_so: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
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


def everything_is_there(tracker: Tracker, crowd: Crowd, *, besides: int = 0) -> None:
    """Hold that what was answered is there, once, and so many texts *besides*."""
    found = tracker.texts() + tracker.titles()
    assert set(crowd.posted) <= set(found)
    assert set(found.values()) == {1}
    assert len(found) == len(crowd.posted) + besides + 1  # and the issue of the beginning


def mail_goes_on(tracker: Tracker, relay: Relay) -> None:
    """Let the waits of mails be over until the relay is given another."""
    before = len(relay.taken)

    def has_more() -> bool:
        tracker.pass_time()
        return len(relay.taken) > before

    wait_for(has_more, "another mail")


def all_mail_has_come(tracker: Tracker, relay: Relay, *, twice: int) -> None:
    """Let the running processes send what is owed; hold that it came once.

    Those that were on their way when their sender was killed, *twice* at most, come twice.
    """
    wait_for(lambda: len(in_limbo(tracker, relay)) <= twice, "mails written down as sent")
    limbo = in_limbo(tracker, relay)
    tracker.pass_time(leases_too=True)

    def is_all_sent() -> bool:
        tracker.pass_time()
        return set(tracker.rows().values()) == {MailState.SENT}

    wait_for(is_all_sent, "all sent")  # by the next sweep
    assert {(mail.event_id, mail.recipient) for mail in relay.taken} == set(tracker.rows())
    assert duplicates(relay) <= limbo
    assert (relay.faults, relay.without_tls) == ([], 0)
