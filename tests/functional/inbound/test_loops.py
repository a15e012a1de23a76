"""Trackers, autoresponders and lists that write to each other: all end after the first round."""

from __future__ import annotations

from email.utils import parseaddr

import pytest

from ponytracker.models import Notifications


def deliver(mailbox, messages):
    """Post what was sent back to where it asks to be answered; return the verdicts."""
    verdicts = []
    for message in list(messages):
        written = message.to_message()
        _name, to = parseaddr(str(written["Reply-To"] or written["From"]))
        post = mailbox.post(written.as_bytes(), sender=message.envelope_sender, recipient=to)
        verdicts.append(post.verdict)
    return verdicts


def test_a_tracker_that_answers_a_tracker(mailbox, address, outbox, issue, session):
    """What we mail to Bob comes straight back, as if he were a tracker himself."""
    mailbox.send(address)
    assert outbox
    first = len(outbox)
    assert set(deliver(mailbox, outbox)) <= {"loop", "bounce"}
    assert (len(outbox), len(mailbox.comments())) == (first, 1)


def test_our_answers_are_not_answered(mailbox, address, outbox):
    mailbox.send(address, "On Monday, Bob wrote:\n> The page is blank.\n")
    assert len(outbox) == 1
    assert set(deliver(mailbox, outbox)) <= {"loop", "bounce"}
    assert len(outbox) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"},
        {"X_Autoreply": "yes"},
        {"Subject": "Out of office"},
        {"Precedence": "list", "List_Id": "a list <list.example>"},
    ],
    ids=str,
)
def test_an_autoresponder_and_a_list(mailbox, opened, alice, outbox, session, fields):
    """Alice's program answers each mail to her, and everything goes to her, her own too."""
    alice.notifications = Notifications.ALWAYS
    session.commit()
    for _round in range(3):
        mailbox.send(mailbox.reply_address(opened, alice), "I am away.", **fields)
    assert (mailbox.comments(), outbox) == ([], [])


def test_an_autoresponder_that_says_nothing_of_it(mailbox, opened, alice, outbox, session):
    """It looks like a person: after three in a minute it is not listened to."""
    alice.notifications = Notifications.ALWAYS
    session.commit()
    to = mailbox.reply_address(opened, alice)
    for _round in range(10):
        mailbox.send(to, "I am away.")
    assert len(mailbox.comments()) == 3
