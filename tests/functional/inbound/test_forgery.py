"""Forged mail: nothing is accepted, nothing is told, all is logged."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from ponytracker.accounts.service import activate_user, disable_user
from ponytracker.models import Access, Event, PersonalAddress, ReceivedMail, User
from ponytracker.security.principals import SHELL
from tests.functional.inbound.conftest import ALICE

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.fixture
def told(mailbox, outbox, session):
    """Return a function that says what a mail has changed, beside its line in the log."""

    def look():
        session.expire_all()
        return session.scalar(select(func.count(Event.id))), len(outbox)

    return look


def other(letter):
    return LETTERS[(LETTERS.find(letter) + 1) % len(LETTERS)]


def refused(mailbox, address, told, **fields):
    """Assert that nothing comes of a mail to *address*, and return how it was answered."""
    before, rows = told(), len(mailbox.log())
    post = mailbox.post(mailbox.write(f"<{address}>", **fields), recipient=address)
    assert post.status in (403, 404), address
    assert post.verdict in ("forged", "not_found"), address
    assert told() == before
    assert len(mailbox.log()) == rows + 1
    assert mailbox.log()[-1].event_id is None
    return post.status, post.answer.body


def altered(address):
    """Yield *address* with each of its characters before the @ changed, left out and doubled."""
    local, _at, domain = address.partition("@")
    for place, letter in enumerate(local):
        number = letter.isdigit() and place < local.rfind(".")
        changed = str((int(letter) + 1) % 10) if number else other(letter)
        for new in (changed, "", letter * 2):
            yield f"{local[:place]}{new}{local[place + 1 :]}@{domain}"


def test_any_character_altered(mailbox, address, told, world, issue):
    # Rows for ids that are one off, so that they are other events and people indeed.
    for name in ("carol", "dave"):
        world.user(name, email=f"{name}@people.example")
    for number in range(3):
        world.issue(issue.project, issue.author, title=f"Number {number}")
    answers = {refused(mailbox, one, told) for one in altered(address)}
    assert {status for status, _body in answers} == {403, 404}
    # One answer for all that look like an address, another for all that do not.
    assert len(answers) == 2


def test_any_character_of_the_other_addresses_altered(mailbox, alice, issue, told, session):
    session.add(row := PersonalAddress(user=alice, project=issue.project))
    session.commit()
    addresses = mailbox.addresses
    # The name of the project in an address for new issues is for the eye.
    shown = addresses.for_new_issue(row).replace("web.", "")
    for one in (addresses.for_leaving(issue, alice), shown):
        for forged in altered(one):
            refused(mailbox, forged, told)


def test_the_answer_is_the_same_whatever_is_there(mailbox, world, alice, opened, told, session):
    """Who asks about ids learns nothing of a private project, nor of what was deleted."""
    secret = world.issue(world.project("secret", access=Access.PRIVATE))
    token = "a" * 16
    ids = [opened.id, secret.last_event_id, 900_000_000]
    people = [alice.id, 900_000_000]
    answers = {
        refused(mailbox, f"reply+{event}.{person}.{token}@example.org", told)
        for event in ids
        for person in people
    }
    assert len(answers) == 1


def test_tokens_do_not_fit_elsewhere(mailbox, world, alice, opened, issue, told):
    bob = issue.author
    second = world.issue(issue.project, bob, title="Another")
    elsewhere = world.issue(world.project("other", bob), bob)
    token = mailbox.addresses.for_reply(opened, alice).partition("@")[0].rpartition(".")[2]
    for event_id, user_id in (
        (second.last_event_id, alice.id),
        (elsewhere.last_event_id, alice.id),
        (opened.id, bob.id),
    ):
        refused(mailbox, f"reply+{event_id}.{user_id}.{token}@example.org", told)
    for purpose in ("new", "bounce"):
        refused(mailbox, f"{purpose}+{alice.id}.{token}@example.org", told)
    refused(mailbox, f"leave-issue+{issue.id}.{alice.id}.{token}@example.org", told)


def test_addresses_that_their_owner_has_ended(mailbox, address, told, visitor_as):
    visitor_as("alice").post_form("/profile/end-addresses/")
    refused(mailbox, address, told)


def test_addresses_of_before_the_account_was_disabled(mailbox, address, alice, told, session):
    disable_user(session, SHELL, alice.id)
    activate_user(session, SHELL, alice.id)
    session.commit()
    refused(mailbox, address, told)


def test_other_domains(mailbox, address, told):
    local = address.partition("@")[0]
    for domain in ("example.com", "evil.example.org", "example.org.evil.example", "example.org."):
        refused(mailbox, f"{local}@{domain}", told)


def test_a_deleted_account(mailbox, address, alice, told, session):
    session.delete(alice)
    session.commit()
    refused(mailbox, address, told)


def test_someone_elses_token_with_ones_own_from(mailbox, opened, world, alice, outbox):
    """A mail that Alice forwarded shows her address to Mallory, who has an account too."""
    world.user("mallory", email="mallory@people.example")
    post = mailbox.send(mailbox.reply_address(opened, alice), From="mallory@people.example")
    assert (post.status, post.verdict) == (403, "other_sender")
    assert mailbox.comments() == []


def test_headers_cannot_be_injected_by_a_subject(mailbox, address, outbox):
    """What comes back to the sender has the headers that we gave it."""
    folded = b"Subject: one\r\n =?utf-8?q?two=0D=0ABcc:_mallory=40evil.example?=\r\n"
    mail = mailbox.write(address, "On Monday, Bob wrote:\n> The page is blank.\n", Subject="")
    mailbox.post(folded + mail.as_bytes())
    (message,) = outbox
    written = message.to_message()
    assert written["Bcc"] is None
    assert "mallory" in str(written["Subject"])
    assert message.recipients == [ALICE]


def test_headers_cannot_be_injected_by_a_title(mailbox, alice, issue, session, outbox):
    session.add(row := PersonalAddress(user=alice, project=issue.project))
    session.commit()
    to = mailbox.addresses.for_new_issue(row)
    mail = mailbox.write(to, Subject="")
    subject = b"Subject: =?utf-8?b?" + b"YQ0KQmNjOiBtYWxsb3J5QGV2aWwuZXhhbXBsZQ==" + b"?=\r\n"
    assert mailbox.post(subject + mail.as_bytes()).verdict == "opened"
    title = mailbox.log()[0].event.issue.title
    assert "\n" not in title
    assert "\r" not in title
    assert all(message.to_message()["Bcc"] is None for message in outbox)


def test_html_in_a_mail_is_no_html_here(mailbox, address, visitor_as):
    text = "<script>alert(1)</script>\n\n-- \n<img src=x onerror=alert(2)>\n"
    mail = mailbox.write(address, text, From=f'"<b>" <{ALICE}>', Subject="<i>x</i>")
    assert mailbox.post(mail).verdict == "commented"
    page = visitor_as("bob").get("/web/issues/1/").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_log_page_shows_no_html_and_no_token(mailbox, address, visitor_as, world):
    mailbox.send(address, "<script>alert(1)</script>", Subject="<script>alert(2)</script>")
    admin = visitor_as(world.user("root", is_superuser=True))
    token = address.partition("@")[0].rpartition(".")[2]
    for path in ("/admin/received/", f"/admin/received/{mailbox.log()[0].id}/"):
        page = admin.get(path)
        assert "<script>alert" not in page.text
        if path.count("/") == 3:
            assert token not in page.text


def test_all_of_it_is_logged(mailbox, address, alice, session):
    mailbox.send(address.replace("reply+", "reply+1"))
    mailbox.send(address, From="mallory@evil.example")
    mailbox.send("nobody@example.org")
    found = session.scalars(select(ReceivedMail.outcome).order_by(ReceivedMail.id)).all()
    assert found == ["forged", "other_sender", "not_found"]
    assert session.get(User, alice.id) is alice
