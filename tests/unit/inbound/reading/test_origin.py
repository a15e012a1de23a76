from __future__ import annotations

import pytest

from ponytracker.inbound.reading.message import read_message
from ponytracker.inbound.reading.origin import (
    Origin,
    is_forward,
    is_hard_bounce,
    kind_of,
)


def kind(*fields: str) -> Origin:
    return kind_of(read_message("\n".join([*fields, "", "text"]).encode()))


@pytest.mark.parametrize(
    "field",
    [
        "Subject: Re: [web] Crash on start (#5)",
        "Auto-Submitted: no",
        "Auto-Submitted: auto-forwarded",
        "Return-Path: <ann@example.org>",
        "Precedence: first-class",
        "List-Id: the team <team.example.org>",
        # People speak of automatic answers and of bounces, too.
        "Subject: Re: [web] Out of office replies loop (#5)",
        "Subject: Re: [web] Auto reply: shows twice (#5)",
        "Subject: Our mail delivery failed yesterday",
        "Subject: Away from the top the page is blank",
        "Subject: On leave calendar is wrong",
        "Subject: Undelivered mail is not shown",
        "X-Auto-Response-Suppress: All",
    ],
)
def test_a_person(field):
    assert kind("From: Ann <ann@example.org>", field) is Origin.PERSON


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: Auto-Generated (vacation)",
        "Auto-Submitted: auto-notified; owner-email=x",
        "X-Autoreply: yes",
        "X-Autorespond: Holidays",
        "Precedence: auto_reply",
        "Subject: Automatic reply: [web] Crash on start (#5)",
        "Subject: Out of Office: Crash",
        "Subject: Abwesenheitsnotiz: Crash",
        "Subject: Automatische Antwort: Crash",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique_=3A_Crash?=",
        "Subject: Respuesta automática: Crash",
        "Subject: Odpowiedź automatyczna: Crash",
        "Subject: 自动回复: Crash",
        "Subject: Re: [issue] Out of office AutoReply: back on Monday",
    ],
)
def test_an_automatic_reply(field):
    assert kind("From: Ann <ann@example.org>", field) is Origin.AUTO_REPLY


def test_nobody_is_no_person():
    assert kind("From: <no-reply@example.org>") is Origin.AUTO_REPLY


@pytest.mark.parametrize("precedence", ["bulk", "junk", "list", "Bulk"])
def test_bulk(precedence):
    assert kind("From: Ann <ann@example.org>", f"Precedence: {precedence}") is Origin.BULK


@pytest.mark.parametrize(
    "fields",
    [
        ["Return-Path: <>", "From: x@example.org"],
        ["From: MAILER-DAEMON (Mail Delivery System)"],
        ["From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.org>"],
        ["From: postmaster@example.org"],
        ["From: x@example.org", "X-Failed-Recipients: ann@example.org"],
        ["Content-Type: multipart/report; report-type=delivery-status; boundary=x"],
        ["Content-Type: multipart/report; report-type=disposition-notification; boundary=x"],
        ["Content-Type: multipart/report; report-type=feedback-report; boundary=x"],
        ["Content-Type: message/delivery-status"],
        ["From: noreply@example.org", "Subject: Undeliverable: Crash"],
    ],
)
def test_a_bounce(fields):
    assert kind(*fields) is Origin.BOUNCE


def test_a_vacation_from_the_null_sender_is_no_bounce():
    assert kind("Return-Path: <>", "Auto-Submitted: auto-replied") is Origin.AUTO_REPLY


def report(*recipients: str) -> bytes:
    return "\n".join(
        [
            "From: MAILER-DAEMON@mx.example.org",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
            "", "--x", "", "Your mail was not delivered.",
            "--x", "Content-Type: message/delivery-status", "",
            "Reporting-MTA: dns; mx.example.org", "", "\n\n".join(recipients), "--x--",
        ]
    ).encode()  # fmt: skip


@pytest.mark.parametrize(
    ("action", "status", "is_hard"),
    [
        ("failed", "5.1.1", True),
        ("Failed", "5.0.0 (unknown user)", True),
        ("failed", "4.4.7", False),
        ("delayed", "4.4.1", False),
        ("delivered", "2.0.0", False),
    ],
)
def test_hard_bounces(action, status, is_hard):
    raw = report(f"Final-Recipient: rfc822; <ann@example.org>\nAction: {action}\nStatus: {status}")
    received = read_message(raw)
    assert is_hard_bounce(received) is is_hard


def test_recipients_that_failed_by_a_header():
    received = read_message(b"X-Failed-Recipients: ann@example.org, bob@example.org\n\nx")
    assert is_hard_bounce(received)


def test_a_person_bounces_nobody():
    received = read_message(b"From: ann@example.org\n\nx")
    assert not is_hard_bounce(received)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [("Fwd: x", True), ("WG: x", True), ("TR : x", True), ("Re: x", False), ("forward", False)],
)
def test_forwards(subject, expected):
    assert is_forward(read_message(f"Subject: {subject}\n\nx".encode())) is expected
