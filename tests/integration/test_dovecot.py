"""From dovecot's LMTP through our sieve filter to a running tracker (MAIL.md §11)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from ponytracker.models import ReceivedMail, User
from tests.dovecot import Dovecot, dovecot
from tests.integration.tracker import ALICE, KEY, Tracker, write


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    found = Tracker(tmp_path_factory.mktemp("tracker"))
    found.start()
    yield found
    found.stop()
    found.engine.dispose()


@pytest.fixture(scope="module")
def server(tracker: Tracker) -> Iterator[Dovecot]:
    with dovecot(KEY, f"http://localhost:{tracker.port}/api/email/recv/") as found:
        yield found


@pytest.fixture(autouse=True)
def an_hour_later(tracker: Tracker) -> None:
    """Let the mails of one test not be too soon after those of another."""
    with tracker.session() as session, session.begin():
        for row in session.scalars(select(ReceivedMail)):
            row.received_at = row.received_at.replace(year=row.received_at.year - 1)


def counts(server: Dovecot) -> tuple[int, int, int]:
    return tuple(len(server.mails(name)) for name in ("", "Done", "Retry"))  # type: ignore[return-value]


def test_a_reply_becomes_a_comment_and_is_done(tracker, server):
    inbox, done, retry = counts(server)
    mail = write(tracker.to, "By mail: Grüße.")
    server.deliver(mail, tracker.to, ALICE)
    assert tracker.comments()[-1] == "By mail: Grüße."
    assert counts(server) == (inbox, done + 1, retry), server.log
    assert server.flags("Done") == {"S"}
    (kept,) = [mail for mail in server.mails("Done") if mail["To"] == tracker.to]
    content = mail.partition(b"\r\n\r\n")[2]
    assert kept.as_bytes().endswith(b"\n\n" + content.replace(b"\r\n", b"\n"))


def test_the_same_mail_delivered_twice(tracker, server):
    mail = write(tracker.to, "once")
    server.deliver(mail, tracker.to, ALICE)
    server.deliver(mail, tracker.to, ALICE)
    assert tracker.comments().count("once") == 1
    assert tracker.outcomes()[-2:] == ["commented", "duplicate"]


def test_bcc(tracker, server):
    """The header does not say to whom, but the envelope does."""
    server.deliver(write("undisclosed-recipients:;", "in secret"), tracker.to, ALICE)
    assert tracker.comments()[-1] == "in secret"


def test_a_null_sender(tracker, server):
    before = tracker.comments()
    inbox, done, retry = counts(server)
    server.deliver(write(tracker.to, "I am a program"), tracker.to, "")
    assert tracker.comments() == before
    assert tracker.outcomes()[-1] == "bounce"
    assert counts(server) == (inbox, done + 1, retry)


def test_a_mail_that_came_back(tracker, server):
    report = (
        f"From: MAILER-DAEMON@mx\r\nTo: {tracker.bounce_to}\r\nMessage-ID: <back@mx>\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n'
        "--B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; {ALICE}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--B--\r\n"
    )
    server.deliver(report.encode(), tracker.bounce_to, "")
    with tracker.session() as session:
        assert session.get_one(User, tracker.alice_id).bounces == 1


def test_a_forged_token_is_done_with(tracker, server):
    before = tracker.comments()
    inbox, done, retry = counts(server)
    local, _at, domain = tracker.to.partition("@")
    forged = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"
    server.deliver(write(forged, "let me in"), forged, ALICE)
    assert tracker.comments() == before
    assert counts(server) == (inbox, done + 1, retry)


def test_other_mail_goes_to_the_inbox(tracker, server):
    inbox, done, retry = counts(server)
    server.deliver(write("reply@tracker.example", "hello"), "reply@tracker.example", ALICE)
    assert counts(server) == (inbox + 1, done, retry)


def test_a_large_mail(tracker, server):
    text = "\n".join(["sixty characters of a line, again and again and again and ag"] * 300_000)
    server.deliver(write(tracker.to, "short\n\n-- \n" + text), tracker.to, ALICE)
    assert tracker.outcomes()[-1] == "commented"


def test_a_server_that_is_down_and_comes_back(tracker, server):
    inbox, done, _retry = counts(server)
    tracker.stop()
    try:
        for number in range(3):
            server.deliver(write(tracker.to, f"while down {number}"), tracker.to, ALICE)
        assert counts(server) == (inbox, done, 3)
        server.retry()  # nobody is there yet
        assert counts(server) == (inbox, done, 3)
    finally:
        tracker.start()
    server.retry()
    assert counts(server) == (inbox, done + 3, 0), server.log
    found = [text for text in tracker.comments() if text and text.startswith("while down")]
    assert sorted(found) == ["while down 0", "while down 1", "while down 2"]
    server.retry()
    assert len(tracker.comments()) == len(set(tracker.comments()))
