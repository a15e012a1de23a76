"""Mail is delivered whoever dies: a real relay, Redis, workers and web processes that are killed.

What the waits of the outbox come to is let pass by writing earlier times into its rows.
"""

from __future__ import annotations

import secrets
from collections import Counter
from typing import Any

from ponytracker.models import MailState
from tests.integration.production import (
    AUTHORS,
    SECONDS,
    Crowd,
    Tracker,
    duplicates,
    in_limbo,
    wait_for,
)
from tests.relay import Relay
from tests.servers import Daemon, fresh_postgresql, redis, running

REFUSALS = (
    ("RCPT", "451 4.7.1 try again later"),
    ("MAIL", "550 5.7.1 I know you not"),
    ("DATA", "554 5.3.0 something is wrong"),
    ("DATA", "452 4.3.1 the disk is full"),
    ("RCPT", "421 4.3.2 shutting down"),
)
"""What the relay answers while it is unwell, and at which command."""

WORKERS = 2


def test_workers_deliver_whoever_is_killed(relay_and_port, postgresql_url, tmp_path):
    relay, relay_port = relay_and_port
    broker = redis(tmp_path)
    with fresh_postgresql(postgresql_url, f"mail_{secrets.token_hex(6)}") as database_url:
        tracker = Tracker(
            tmp_path, database_url, relay_port,
            **{"celery.enabled": "true", "celery.broker_url": f"redis://localhost:{broker.port}/0"},
        )  # fmt: skip
        web, worker = tracker.pserve(), tracker.worker(tracker.ini, WORKERS)
        with running(broker, web, worker):
            commenters = Crowd(tracker, len(AUTHORS))
            _all_goes_well(tracker, relay, commenters)
            _all_are_killed(tracker, relay, commenters, web, worker, broker)
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
        assert "Traceback" not in web.output
        tracker.database.bind.dispose()


def _all_goes_well(tracker: Tracker, relay: Relay, commenters: Crowd) -> None:
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
    tracker: Tracker, relay: Relay, commenters: Crowd, web: Daemon, worker: Daemon, broker: Daemon
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
    web.kill()
    web.start()
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
    web = tracker.pserve()
    with running(web):
        commenters = Crowd(tracker, len(AUTHORS))
        commenters.start(each=8)
        relay.wait_for(lambda relay: len(relay.taken) >= 30, SECONDS, "some of 400")
        web.kill()
        assert tracker.count(MailState.OWED) > 0
        limbo = in_limbo(tracker, relay)
        assert len(limbo) <= 2  # what follows a request, and what sweeps
        tracker.pass_time(leases_too=True)
        web.start()
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
    assert "Traceback" not in web.output


def _all_have_come_but_once(
    tracker: Tracker, relay: Relay, commenters: Crowd, limbo: set[Any], count: int
) -> None:
    """Every mail has come; twice at most those that were taken when their sender was killed."""
    assert {failure.status for failure in commenters.failures} <= {0}
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
