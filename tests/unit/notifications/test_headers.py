"""What people are called, and what they call things, in the head of a mail: one line, as meant."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from repoze.sendmail.encoding import encode_message

from ponytracker.models import Event, EventKind, Issue, MailReason, Project, State, User
from ponytracker.notifications import headers
from ponytracker.notifications.encoding import IssueMessage

SITE = "PonyTracker <tracker@example.org>"

HOSTILE = [
    'A "quoted" name',
    "back\\slash\\",
    "a\r\nBcc: eve@example.org",
    "a\nb\x00c\x1b[31m\x7f\x85\u2028",
    "\u202eecila\u202c",
    "\u2066x\u2069",
    "x" * 150,
    "word " * 30,
    "é" * 150,
    "🐴" * 150,
    "e" + "\u0301" * 149,
    "=?utf-8?q?=0D=0ABcc=3A_eve?=",
    "a=?b",
    "eve@example.org",
    "a, b; c: d <e@f> (g)",
    "\ud800",
    "",
    "   ",
    "日本語の名前",
    "Zoë O'Brien",
    "(comment)",
]


def sent(name, subject="A title", **extra_headers):
    """Return the octets of a mail from *name* as pyramid_mailer sends them."""
    message = IssueMessage(
        headers.mailbox(name, SITE),
        subject=headers.one_line(subject, headers.MAX_SUBJECT),
        recipients=["bob@example.org"],
        body="Text.\n",
        html="<p>Text.</p>\n",
        extra_headers=extra_headers,
    )
    return encode_message(message.to_message())


def arrives(octets):
    """Return the mail that Python's email reads in *octets*, which are as they should be."""
    assert octets.isascii()
    head, _, _ = octets.partition(b"\n\n")
    assert max(map(len, octets.split(b"\n"))) < 998
    assert all(len(line) <= 76 for line in head.split(b"\n") if b"=?" in line)
    mail = message_from_bytes(octets, policy=policy.default)
    assert [part.defects for part in mail.walk()] == [[], [], []]
    assert all(not value.defects for value in mail.values())
    assert "Bcc" not in mail
    return mail


def check_name(name):
    octets = sent(name)
    mail = arrives(octets)
    wanted = f"{headers.one_line(name, headers.MAX_NAME)} via PonyTracker".strip()
    (author,) = mail["From"].addresses
    assert author.addr_spec == "tracker@example.org"
    assert author.display_name.endswith("via PonyTracker")
    # Python's newer parser puts blanks between encoded words; its older one reads them rightly.
    without_blanks = author.display_name.replace(" ", "")
    assert without_blanks == wanted.replace(" ", "")
    older = message_from_bytes(octets, policy=policy.compat32)
    ((read, address),) = getaddresses([str(older["From"])])
    assert address == "tracker@example.org"
    assert str(make_header(decode_header(read))).strip() == wanted


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name(name):
    check_name(name)


@given(st.text(max_size=150))
@example("\u061c")
def test_any_name(name):
    check_name(name)


@pytest.mark.parametrize("title", HOSTILE)
def test_a_title(title):
    check_title(title)


@given(st.text(max_size=300))
def test_any_title(title):
    check_title(title)


def check_title(title):
    subject = f"Re: [web] {title} (#12)"
    assert arrives(sent("Alice", subject))["Subject"] == headers.one_line(
        subject, headers.MAX_SUBJECT
    )


@given(st.lists(st.text(max_size=64), max_size=30))
@example(HOSTILE)
@example(["a, b", 'c "d"', "e\nf", "ü"])
def test_labels(names):
    issue = Issue(id=1, number=1, state=State.OPEN, project=Project(id=1, name="web"))
    event = Event(id=1, kind=EventKind.OPENED, issue=issue, actor=None)
    user = User(id=1, username="bob")
    found = dict(headers.filter_headers(event, user, reason=MailReason.OWN, labels=names))
    assert len(found["X-PonyTracker-Labels"]) <= headers.MAX_LABELS
    mail = arrives(sent("Alice", **found))
    assert {name: mail[name] for name in found} == {
        name: value.strip() for name, value in found.items()
    }


def test_a_label_with_a_comma_stands_in_quotes():
    assert headers._list_labels(["bug", "a, b", "help wanted"]) == 'bug, "a, b", "help wanted"'


def test_more_labels_than_there_is_room_for():
    listed = headers._list_labels([f"label-{n}" for n in range(1000)])
    assert listed.startswith("label-0, label-1, ")
    assert 480 < len(listed) <= headers.MAX_LABELS


def test_the_site_keeps_its_name():
    author = headers.mailbox("Alice", "Änderungen & Co <tracker@example.org>")
    assert author == Address("Alice via Änderungen & Co", "tracker", "example.org")
    assert headers.mailbox("Alice", "tracker@example.org").display_name == "Alice via PonyTracker"
