"""What a large mail costs the process that takes it: far less than 200 MB for one of 25 MB."""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from tests.integration.tracker import ALICE, Tracker

MB = 1024 * 1024
MOST = 75
"""MB that a mail may take, beside what the server takes anyhow; 50 to 61 were seen."""


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    found = Tracker(tmp_path)
    found.start()
    yield found
    found.stop()
    found.engine.dispose()


def peak(tracker: Tracker) -> int:
    """Return the most memory, in MB, that the server had in use so far."""
    status = Path(f"/proc/{tracker.site.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) // 1024


def with_file(to: str) -> bytes:
    mail = _mail(to)
    mail.set_content("Here it is.")
    mail.add_attachment(
        os.urandom(18 * MB), maintype="application", subtype="octet-stream", filename="a.bin"
    )
    return mail.as_bytes(policy=SMTP)


def with_text(to: str) -> bytes:
    mail = _mail(to)
    mail.set_content("Short.\n\n-- \n" + "word and word and word and word\n" * (24 * MB // 32))
    return mail.as_bytes(policy=SMTP)


def with_one_line(to: str) -> bytes:
    head = f"From: {ALICE}\r\nTo: {to}\r\nMessage-ID: <{secrets.token_hex(4)}@x>\r\n"
    return (
        head.encode()
        + b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello "
        + b"\xc3\xa9" * (12 * MB)
    )


def with_html(to: str) -> bytes:
    mail = _mail(to)
    mail.set_content("<p>word <b>and</b> word</p>\n" * (24 * MB // 29), subtype="html")
    return mail.as_bytes(policy=SMTP)


def with_many_parts(to: str) -> bytes:
    part = "--B\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
    head = f"From: {ALICE}\r\nTo: {to}\r\nMessage-ID: <{secrets.token_hex(4)}@x>\r\n"
    head += "Content-Type: multipart/mixed; boundary=B\r\n\r\n"
    return (head + part * (24 * MB // len(part)) + "--B--\r\n").encode()


def with_a_header(to: str) -> bytes:
    head = f"From: {ALICE}\r\nTo: {to}\r\nMessage-ID: <{secrets.token_hex(4)}@x>\r\n"
    return (head + "X-Long: " + "a b\r\n " * (24 * MB // 6) + "\r\n\r\nHello").encode()


def with_base64_text(to: str) -> bytes:
    head = f"From: {ALICE}\r\nTo: {to}\r\nMessage-ID: <{secrets.token_hex(4)}@x>\r\n"
    head += "Content-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + base64.encodebytes(b"words and words\n" * (18 * MB // 16))


def _mail(to: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ALICE, to, "large"
    mail["Message-ID"] = f"<{secrets.token_hex(8)}@people.example>"
    return mail


@pytest.mark.parametrize(
    "make",
    [
        with_file,
        with_text,
        with_one_line,
        with_html,
        with_many_parts,
        with_a_header,
        with_base64_text,
    ],
)
def test_a_mail_of_25_mb(tracker, make):
    assert tracker.post(_small(tracker.to))[0] == 200
    before = peak(tracker)
    mail = make(tracker.to)
    assert 23 * MB < len(mail) <= 25 * MB + 1000
    status, verdict = tracker.post(mail)
    assert (status, verdict) in [(200, "commented"), (200, "empty")]
    assert peak(tracker) - before < MOST


def test_a_mail_beyond_the_limit(tracker):
    tracker.post(_small(tracker.to))
    before = peak(tracker)
    mail = _small(tracker.to) + b"x" * (60 * MB)
    assert tracker.post(mail) == (413, "too_large")
    assert peak(tracker) < before + 20


def _small(to: str) -> bytes:
    mail = _mail(to)
    mail.set_content("small")
    return mail.as_bytes(policy=SMTP)
