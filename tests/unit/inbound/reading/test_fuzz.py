"""Mails that were damaged on their way: each is read, in time, and none of it raises."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ponytracker.inbound.reading.message import read_message
from ponytracker.inbound.reading.origin import is_hard_bounce, kind_of
from ponytracker.inbound.reading.trimming import trim
from tests.unit.inbound.reading.corpus import read_samples

PLAIN = b"""\
From: =?utf-8?q?Ann?= <ann@example.org>
Subject: Re: x
Message-ID: <1@x>
Content-Type: text/plain; format=flowed; charset=koi8-r

Yes 
we do.

On Tue, Mar 5, 2024 at 9:14 AM Bob <bob@example.org> wrote:
> Do we?
-- 
Ann
"""  # noqa: W291

NESTED = b"""\
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: multipart/alternative; boundary=y

--y

plain
--y
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

<p>a=C3=A9<blockquote type=3D"cite">b<pre>c
--y--
--x
Content-Type: image/png; name*0*=utf-8''%C3; name*1="a.png"
Content-Transfer-Encoding: base64
Content-ID: <c@d>

aGVsbG8=
--x--
"""

BOUNCE = b"""\
Return-Path: <>
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x

sorry
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; x

Final-Recipient: rfc822; a@b
Action: failed
Status: 5.1.1
--x--
"""

MAILS = [PLAIN, PLAIN.replace(b"\n", b"\r\n"), NESTED, BOUNCE]

PIECES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            b"\n", b"\r\n\r\n", b"--x\n", b"=?utf-8?b?", b"\x00", b"\xff\xfe", b"Content-Type: ",
            b"text/html; charset=utf-7", b"multipart/mixed; boundary=", b"<blockquote>", b"> ",
            b"-- \n", b"wrote:\n", b"From: a@b.c\n", b"```\n", b"<!--", b"=", b"(" * 50, b'"',
            b"a: b\n" * 50,
        ]
    ),
)  # fmt: skip


def check(raw: bytes) -> None:
    """Read *raw* as the gate does; what something else slows is in time when tried again."""
    assert any(seconds_to_read(raw) < 0.5 for _try in range(3))


def seconds_to_read(raw: bytes) -> float:
    before = time.process_time()
    message = read_message(raw)
    kind_of(message)
    is_hard_bounce(message)
    trimmed = trim(
        message.body.text, is_html=message.body.is_html, sent="one two three four five six"
    )
    for text in (message.body.text, message.subject, trimmed.text, trimmed.elided):
        text.encode()
        assert "\x00" not in text
    for name in ("from", "to", "cc", "in-reply-to"):
        message.addresses(name)
        message.headers(name)
    return time.process_time() - before


def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """Return *raw* with pieces put in, taken out and doubled."""
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 200)))
        match draw(st.sampled_from(["put in", "take out", "double"])):
            case "put in":
                raw = raw[:start] + draw(PIECES) + raw[start:]
            case "take out":
                raw = raw[:start] + raw[end:]
            case "double":
                raw = raw[:end] + raw[start:end] * draw(st.integers(1, 40)) + raw[end:]
    return raw


@given(st.data())
def test_damaged_mails(data):
    check(damaged(data.draw, data.draw(st.sampled_from(MAILS))))


@pytest.mark.shared_data
def test_damaged_mails_of_the_corpus(shared_data):
    if not (shared_data / "mail" / "manifest.tsv").is_file():
        pytest.skip("the shared data folder has no mails")
    samples = read_samples(shared_data)

    @settings(max_examples=300, suppress_health_check=[HealthCheck.data_too_large])
    @given(st.data())
    def reads_each(data):
        check(damaged(data.draw, data.draw(st.sampled_from(samples)).raw))

    reads_each()
