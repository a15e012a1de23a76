"""What breaks while people post: what was answered is kept, what was not is said, once each.

    PONYTRACKER_FAULTS_SECONDS=600 make test ARGS="-s -k faults"

posts for longer; -s prints figures.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.clock import Clock
from tests.integration.client import Reply
from tests.integration.production import (
    Crowd,
    Tracker,
    all_mail_has_come,
    duplicates,
    everything_is_there,
    mail_goes_on,
    wait_for,
)
from tests.relay import Relay
from tests.servers import Daemon, postgresql, redis, running

CLIENTS = int(os.environ.get("PONYTRACKER_FAULTS_CLIENTS", "20"))
SECONDS = float(os.environ.get("PONYTRACKER_FAULTS_SECONDS", "60"))
PACE = 0.2
"""Seconds that everybody pauses between what they post."""

CHEAP = {"ponytracker.argon2_memory_kib": "32", "ponytracker.argon2_rounds": "1"}
"""Passwords that cost little to check: they are not what this is about."""

HOUR = 3600
KILLED, SENDERS = 6, 2
"""Processes that are killed while they deliver mail: each after a request, and by its sweep."""

DISK_MB = 64


def test_postgresql_redis_and_the_clock(relay_and_port, tmp_path):
    relay, relay_port = relay_and_port
    broker, clock = redis(tmp_path), Clock(tmp_path)
    with postgresql() as server:
        tracker = Tracker(
            tmp_path, server.url(), relay_port, subscribers=2,
            **{"celery.enabled": "true", "celery.broker_url": f"redis://localhost:{broker.port}/0"},
            **CHEAP,
        )  # fmt: skip
        web = tracker.uwsgi(tracker.ini, tracker.port, **clock.variables)
        worker = tracker.worker(tracker.ini, **clock.variables)
        with running(broker, worker, web):
            crowd = Crowd(tracker, CLIENTS, pace=PACE)
            with posting(crowd, calms=8) as calm:
                kill_processes(web, crowd, calm, count=1)

                with crowd.outage():
                    server.stop()
                    crowd.wait_for_failures(CLIENTS)
                    server.start()
                calm()
                mail_goes_on(tracker, relay)

                broker.kill()
                calm()
                broker.start()
                calm()
                mail_goes_on(tracker, relay)

                with crowd.outage():
                    refuse_changes(server.url(), "on")
                    crowd.wait_for_failures(CLIENTS)
                    page = crowd.clients[0].another().get("/web/issues/1/")
                    assert page.status == 200
                    refuse_changes(server.url(), "off")
                calm()

                for seconds in (2 * HOUR, 0):  # not before now, when nobody trusts the relay yet
                    clock.jump(seconds)
                    calm()
                    mail_goes_on(tracker, relay)
            everything_is_there(tracker, crowd)
            assert crowd.unexplained() == []
            all_mail_has_come(tracker, relay, twice=0)
        for daemon in (web, worker):
            assert "Traceback" not in daemon.output
        tell("PostgreSQL, Redis, clock", crowd, relay)
        tracker.database.bind.dispose()


def test_sqlite_and_the_disk(relay_and_port, tmp_path):
    relay, relay_port = relay_and_port
    with small_disk(tmp_path / "disk") as (disk, is_small):
        tracker = Tracker(
            tmp_path, f"sqlite:///{disk}/ponytracker.sqlite", relay_port, subscribers=2,
            **{"ponytracker.attachments_dir": f"{disk}/attachments"}, **CHEAP,
        )  # fmt: skip
        web = tracker.uwsgi(tracker.ini, tracker.port, *as_anybody())
        with running(web):
            crowd = Crowd(tracker, CLIENTS, pace=PACE)
            with posting(crowd, calms=6) as calm:
                kill_processes(web, crowd, calm, count=2)
                if is_small:
                    with crowd.outage():
                        fill(disk)
                        crowd.wait_for_failures(CLIENTS)
                        no_file_is_taken(crowd)
                        (disk / "filler").unlink()
                    calm()
                with crowd.outage():
                    (disk / "ponytracker.sqlite").chmod(0o444)
                    # Who has it open goes on writing; who starts now cannot.
                    kill_all(web)
                    crowd.wait_for_failures(3 * CLIENTS)
                    (disk / "ponytracker.sqlite").chmod(0o644)
                calm()
                with crowd.outage():
                    kill_all_at_once(web)
                    crowd.wait_for_failures(1)
                    web.start()
                calm()
            everything_is_there(tracker, crowd)
            assert crowd.unexplained() == []
            assert attach(crowd).status == 303
            all_mail_has_come(tracker, relay, twice=KILLED * SENDERS)
        assert "Traceback" not in web.output
        tell("SQLite, disk", crowd, relay)
        tracker.database.bind.dispose()
    if not is_small:
        pytest.skip("all but the full disk, since no tmpfs may be mounted here")


@contextmanager
def posting(crowd: Crowd, calms: int) -> Iterator[Callable[[], None]]:
    """Let the crowd post while the block runs, and give it what lets a share of the time pass."""

    def calm() -> None:
        crowd.go_on(SECONDS / calms)

    crowd.start(issues=True)
    try:
        calm()
        yield calm
    finally:
        crowd.stop()


def kill_processes(web: Daemon, crowd: Crowd, calm: Callable[[], None], count: int) -> None:
    """Kill *count* processes that answer requests, one by one; uwsgi starts them anew."""
    for process in processes_of(web)[:count]:
        began = time.monotonic()
        os.kill(process, signal.SIGKILL)
        wait_for(lambda dead=process: dead not in processes_of(web), "a process that is gone")
        calm()
        # Whoever it was about to answer got no answer; if it was idle, nobody noticed.
        crowd.outages.append((began, time.monotonic()))
        assert {failure.status for failure in crowd.failures if failure.began >= began} <= {0}


def kill_all(web: Daemon) -> None:
    for process in processes_of(web):
        os.kill(process, signal.SIGKILL)


def kill_all_at_once(web: Daemon) -> None:
    """Kill uwsgi itself: the processes end without it, so that the port is free for another."""
    assert web.process
    processes = processes_of(web)
    web.process.kill()
    web.process.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), "all gone")


def processes_of(web: Daemon) -> list[int]:
    """Return the processes that answer requests."""
    assert web.process
    pid = web.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def refuse_changes(url: str, switch: str) -> None:
    """Let all databases of a server be read-only, or not any more, for whoever is connected too."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER SYSTEM SET default_transaction_read_only = {switch}"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def as_anybody() -> tuple[str, ...]:
    """Return what takes from root the right to write to files that nobody may write to."""
    if os.geteuid():
        return ()
    return ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Make *folder* a disk of its own that is soon full; say whether this machine lets us."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "ponytracker", folder]
    is_small = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield folder, is_small
    finally:
        if is_small:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 4096):
                pass
        except OSError:
            return


def no_file_is_taken(crowd: Crowd) -> None:
    """The form comes back with what was typed, and says why."""
    reply = attach(crowd)
    assert reply.status == 422, reply.text
    assert "The file cannot be stored at the moment." in reply.text
    assert "with a file" in reply.text


def attach(crowd: Crowd) -> Reply:
    client = crowd.clients[0].another()
    form = client.get("/web/issues/1/").fields("comment-form") | {"comment": "with a file"}
    return client.attach("/web/issues/1/comment/", form, "some.bin", b"x" * 100_000)


def tell(what: str, crowd: Crowd, relay: Relay) -> None:
    statuses = Counter(failure.status or "no answer" for failure in crowd.failures)
    outages = ", ".join(f"{ended - began:.1f} s" for began, ended in crowd.outages)
    print(  # noqa: T201 - for whoever runs it with -s
        f"\n{what}: {len(crowd.clients)} clients, {len(crowd.posted)} posted,"
        f" {len(relay.taken)} mails, {len(duplicates(relay))} twice; failed and posted again:"
        f" {dict(statuses)}; outages: {outages}; slowest {crowd.slowest:.2f} s"
    )
