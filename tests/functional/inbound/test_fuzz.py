"""Whatever octets come in, the gate answers, and never with an error of ours."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from ponytracker.inbound import log
from ponytracker.models import ReceivedMail
from ponytracker.web.rate_limit import TokenBuckets
from tests.functional.inbound.conftest import ALICE

SLOWEST = 0.5
"""Seconds of this process that a mail may take (MAIL.md §10)."""


@pytest.fixture
def corpus(shared_data: Path) -> list[bytes]:
    """Real mails, those that are mails as a whole."""
    folder = shared_data / "mail"
    if not (folder / "manifest.tsv").is_file():
        pytest.skip("the mails are absent from the shared data folder")
    with (folder / "manifest.tsv").open() as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [row["file"] for row in rows]
    mails = [(folder / name).read_bytes() for name in names if (folder / name).is_file()]
    assert len(mails) > 500
    return mails


def as_reply(mail: bytes, address: str) -> bytes:
    """Return *mail* as if Alice had sent it to *address*."""
    kept = [
        line
        for line in mail.partition(b"\n\n")[0].replace(b"\r\n", b"\n").split(b"\n")
        if not line.lower().startswith((b"from:", b"to:", b"message-id:"))
    ]
    body = mail.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    head = f"From: {ALICE}\nTo: {address}\n".encode()
    return head + b"\n".join(kept) + b"\n\n" + body


@pytest.fixture
def patient(mailbox, session, monkeypatch):
    """No mail is too soon after another, and no wrong key."""
    gate = mailbox.registry["ponytracker.gate"]
    monkeypatch.setattr(gate, "wrong_keys", TokenBuckets(100_000))
    monkeypatch.setattr(log, "MAX_OF_ONE_A_MINUTE", 10_000)
    monkeypatch.setattr(log, "MAX_A_MINUTE", 100_000)
    return mailbox


@pytest.mark.shared_data
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_real_mails(patient, address, corpus, session):
    """Each, of a third of them, is answered below 500, in time, and logged."""
    slow = []
    for mail in corpus[::3]:
        started = time.process_time()
        post = patient.post(as_reply(mail, address))
        seconds = time.process_time() - started
        assert post.status < 500, mail[:200]
        if seconds > SLOWEST:
            slow.append((seconds, mail[:200]))
    assert len(slow) <= len(corpus) // 300, slow  # the machine may be busy for a moment
    outcomes = set(session.scalars(select(ReceivedMail.outcome)))
    assert {"commented", "bounce", "auto_reply"} <= outcomes
    assert "failed" not in outcomes


TELLING = [b"\x00", b"\r", b"\n\n", b"--", b"=?utf-8?b?", b"\xff"]

MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "swap", "double", "octets", "case"]),
        st.floats(0, 1),
        st.binary(max_size=20) | st.sampled_from(TELLING),
    ),
    min_size=1,
    max_size=5,
)


def mutate(mail: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, octets in mutations:
        place = int(where * len(mail))
        match kind:
            case "cut":
                mail = mail[:place] + mail[place + 200 :]
            case "swap":
                mail = mail[place:] + mail[:place]
            case "double":
                mail = mail[:place] + mail[max(place - 300, 0) :]
            case "octets":
                mail = mail[:place] + octets + mail[place:]
            case "case":
                mail = mail[:place].swapcase() + mail[place:]
    return mail[:200_000]


@pytest.mark.shared_data
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(which=st.integers(0, 10_000), mutations=MUTATIONS)
def test_mutated_mails(patient, address, corpus, which, mutations):
    mail = as_reply(corpus[which % len(corpus)], address)
    head, _, body = mail.partition(b"\n")
    for one in (mutate(mail, mutations), head + b"\n" + mutate(body, mutations)):
        # The envelope says where to, so that it goes as far as it can.
        assert patient.post(one, recipient=address).status < 500


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=300), sender=st.text(max_size=20), recipient=st.text(max_size=20))
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_any_octets(patient, address, raw, sender, recipient):
    assert patient.post(raw, sender=sender, recipient=recipient).status < 500
    mail = f"From: {ALICE}\r\nTo: {address}\r\n".encode() + raw
    assert patient.post(mail).status < 500


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200), boundary=st.sampled_from(["x", '"x"', "", "\xe9", "x; y"]))
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_any_body(patient, body, boundary):
    answer = patient.browser.post(
        "/api/email/recv/",
        b"--x" + body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        expect_errors=True,
    )
    assert answer.status_int in (400, 403)
