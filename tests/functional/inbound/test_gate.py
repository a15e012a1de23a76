"""The gate: each row of MAIL.md §3 with its status, what it does and whom it tells."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
import webtest
from sqlalchemy import select

from ponytracker.inbound import log, views
from ponytracker.inbound.gate import MAX_WRONG_KEYS_A_MINUTE
from ponytracker.models import (
    Access,
    IssueSubscription,
    OwedMail,
)
from ponytracker.models.base import now
from tests.functional.conftest import make_test_app
from tests.functional.inbound.conftest import ALICE, KEY, PATH, Mailbox


def test_a_reply_becomes_a_comment(mailbox, address, alice, issue, outbox):
    assert mailbox.send(address, "I *agree*.\n\n-- \nAlice\n").status == 200
    (comment,) = mailbox.comments()
    assert (comment.text, comment.actor, comment.issue) == ("I *agree*.", alice, issue)
    assert "<em>agree</em>" in comment.html
    assert "Alice" in comment.elided
    (row,) = mailbox.log()
    assert (row.outcome, row.status, row.event, row.user) == ("commented", 200, comment, alice)
    assert (row.message_id, row.sender) == ("<1@people.example>", ALICE)
    assert row.raw.startswith(b"From: Alice")


def test_the_others_hear_of_it(mailbox, address, alice, issue, session):
    mailbox.send(address)
    (comment,) = mailbox.comments()
    owed = session.scalars(select(OwedMail).where(OwedMail.event_id == comment.id)).all()
    assert [mail.user.username for mail in owed] == ["bob"]
    assert session.get(IssueSubscription, (issue.id, alice.id)) is not None


def test_what_was_cut_is_shown_behind_dots(mailbox, address, visitor_as, alice):
    mailbox.send(address, "Yes.\n\nOn Monday, Bob wrote:\n> The page <b>is</b> blank.\n")
    page = visitor_as("bob").get("/web/issues/1/")
    (details,) = page.html.select("details.elided")
    assert "> The page <b>is</b> blank." in details.pre.text
    assert "blank" not in page.html.select(".timeline-comment .markdown-body")[-1].text


def test_what_was_cut_goes_with_the_comment(mailbox, address, visitor_as, world):
    mailbox.send(address, "Yes.\n\n-- \nAlice, 555-123\n")
    admin = visitor_as(world.user("root", is_superuser=True))
    admin.post_form(f"/web/issues/1/comments/{mailbox.comments()[0].id}/delete/")
    assert "555-123" not in admin.get("/web/issues/1/").text
    mailbox.session.expire_all()
    assert mailbox.comments()[0].elided is None


def test_a_closed_issue_takes_comments(mailbox, address, issue, visitor_as):
    visitor_as("bob").post_form("/web/issues/1/close/")
    assert mailbox.send(address).verdict == "commented"


def test_the_same_mail_is_taken_once(mailbox, address, outbox):
    mail = mailbox.write(address)
    assert mailbox.post(mail).verdict == "commented"
    again = mailbox.post(mail)
    assert (again.status, again.verdict) == (200, "duplicate")
    assert len(mailbox.comments()) == 1
    assert [row.outcome for row in mailbox.log()] == ["commented", "duplicate"]


def test_a_mail_without_message_id_is_taken_once(mailbox, address):
    mail = mailbox.write(address, Message_ID="").as_bytes()
    assert mailbox.post(b"Received: by one\r\n" + mail).verdict == "commented"
    assert mailbox.post(b"Received: by two\r\n" + mail).verdict == "duplicate"
    other = mailbox.write(address, "Something else.", Message_ID="")
    assert mailbox.post(other).verdict == "commented"


def bounce(to: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    report = (
        f"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; {ALICE}\n"
        f"Action: {action}\nStatus: {status}\n"
    )
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: {to}\nMessage-ID: <b{status}@mx>\n"
        "Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\n\n'
        "--B\nContent-Type: text/plain\n\nIt did not arrive.\n"
        f"--B\nContent-Type: message/delivery-status\n\n{report}\n--B--\n"
    ).encode()


def test_a_bounce_is_ignored(mailbox, address, outbox):
    assert mailbox.post(bounce(address)).verdict == "bounce"
    assert mailbox.post(mailbox.write(address), sender="").verdict == "bounce"
    assert mailbox.post(mailbox.write(address), sender="<>").verdict == "bounce"
    assert mailbox.post(mailbox.write(address, Return_Path="<>")).verdict == "bounce"
    assert mailbox.post(mailbox.write(address, X_Failed_Recipients="bob@x")).verdict == "bounce"
    assert (mailbox.comments(), outbox) == ([], [])


def test_bounces_in_a_row_pause_the_mail_of_someone(mailbox, alice, all_on, visitor_as):
    to = mailbox.addresses.for_bounce(alice)
    for number in range(all_on.bounce_limit):
        assert alice.mail_paused_at is None
        assert mailbox.post(bounce(to, f"5.1.{number}")).verdict == "bounce"
    assert (alice.bounces, alice.mail_paused_at is not None) == (all_on.bounce_limit, True)
    browser = visitor_as(alice)
    page = browser.get("/profile/").forms["resume-form"].submit().follow()
    assert "Mail is sent to you again." in page
    assert "resume-form" not in page.forms
    mailbox.session.expire_all()
    assert (alice.bounces, alice.mail_paused_at) == (0, None)


def test_a_bounce_counts_once_and_only_for_good(mailbox, alice):
    to = mailbox.addresses.for_bounce(alice)
    mailbox.post(bounce(to))
    assert mailbox.post(bounce(to)).verdict == "duplicate"
    mailbox.post(bounce(to, "4.4.7", "delayed"))
    assert alice.bounces == 1
    assert mailbox.post(bounce(to.replace("bounce+", "bounce+1"))).verdict == "forged"


def test_an_answer_ends_the_row_of_bounces(mailbox, address, alice):
    mailbox.post(bounce(mailbox.addresses.for_bounce(alice)))
    mailbox.send(address)
    assert alice.bounces == 0


AUTOMATIC = [
    {"Auto_Submitted": "auto-replied"},
    {"Auto_Submitted": "auto-generated"},
    {"X_Autoreply": "yes"},
    {"Subject": "Out of Office: Re: It does not work"},
    {"Precedence": "bulk"},
    {"Precedence": "junk"},
    {"Precedence": "list"},
    {"Precedence": "auto_reply"},
]


@pytest.mark.parametrize("fields", AUTOMATIC, ids=str)
def test_what_a_program_sent_is_ignored(mailbox, address, outbox, fields):
    post = mailbox.send(address, **fields)
    assert (post.status, post.verdict) in [(200, "auto_reply"), (200, "bulk")]
    assert (mailbox.comments(), outbox) == ([], [])


def test_a_forwarded_mail_of_a_person_is_taken(mailbox, address):
    assert mailbox.send(address, Auto_Submitted="auto-forwarded").verdict == "commented"
    assert mailbox.send(address, Auto_Submitted="no").verdict == "commented"


LOOPS = [
    {"X_PonyTracker_Loop": "localhost"},
    {"X_PonyTracker_Loop": "another.tracker.example"},
    {"From": "PonyTracker <tracker@example.org>"},
    {"From": "Alice <reply@example.org>"},
]


@pytest.mark.parametrize("fields", LOOPS, ids=str)
def test_what_a_tracker_sent_is_ignored(mailbox, address, outbox, fields):
    post = mailbox.send(address, **fields)
    assert (post.status, post.verdict) == (200, "loop")
    assert (mailbox.comments(), outbox) == ([], [])


def test_more_than_three_mails_a_minute_are_ignored(mailbox, address, session):
    verdicts = [mailbox.send(address, f"Number {number}").verdict for number in range(4)]
    assert verdicts == ["commented"] * 3 + ["too_fast"]
    for row in mailbox.log():
        row.received_at -= dt.timedelta(minutes=2)
    session.commit()
    assert mailbox.send(address, "later").verdict == "commented"


NOTHING_NEW = "On Monday, Bob wrote:\n> The page is blank.\n"


def test_an_empty_mail_is_given_back(mailbox, address, outbox):
    post = mailbox.send(address, NOTHING_NEW)
    assert (post.status, post.verdict) == (200, "empty")
    (message,) = outbox
    assert message.recipients == [ALICE]
    assert "> The page is blank." in message.body
    assert message.envelope_sender == ""
    assert message.extra_headers["Auto-Submitted"] == "auto-replied"
    assert message.extra_headers["In-Reply-To"] == "<1@people.example>"
    assert mailbox.log()[0].answered_at is not None


def test_someone_is_told_once_an_hour(mailbox, address, outbox, session):
    mailbox.send(address, NOTHING_NEW)
    mailbox.send(address, NOTHING_NEW)
    assert len(outbox) == 1
    for row in mailbox.log():
        row.answered_at = row.answered_at and row.answered_at - dt.timedelta(minutes=61)
    session.commit()
    mailbox.send(address, NOTHING_NEW)
    assert len(outbox) == 2


def test_a_form_without_a_mail_is_malformed(mailbox, visitor):
    answers = [
        visitor.post(PATH, {"key": KEY}, expect_errors=True),
        visitor.post(PATH, {"key": KEY}, upload_files=[("other", "a", b"b")], expect_errors=True),
        visitor.post(PATH, b"--x\r\n", content_type="multipart/form-data", expect_errors=True),
        visitor.post(
            PATH, b"--x", content_type="multipart/form-data; boundary=x", expect_errors=True
        ),
        visitor.post(PATH, b"", expect_errors=True),
    ]
    assert [answer.status_int for answer in answers] == [400] * 5
    assert {answer.json["verdict"] for answer in answers} == {"malformed"}


def test_a_wrong_key_is_refused(mailbox, address, caplog, monkeypatch):
    monkeypatch.setitem(views._warned_at, "wrong key", -views.WARN_EVERY)
    for key in ("", "wrong", KEY[:-1], KEY + "x", "\u20ac"):
        post = mailbox.post(mailbox.write(address), key=key)
        assert (post.status, post.verdict) == (403, "wrong_key")
    assert (mailbox.comments(), mailbox.log()) == ([], [])
    assert len([r for r in caplog.records if "wrong key" in r.message]) == 1


def test_of_who_sends_wrong_keys_nothing_else_is_looked_at(mailbox, address, monkeypatch):
    def send(mail, key=KEY, last=False, environ=None):
        fields = [("key", key), ("email", webtest.Upload("m", mail.as_bytes()))]
        body = dict(reversed(fields) if last else fields)
        browser = mailbox.browser
        answer = browser.post(PATH, body, extra_environ=environ, expect_errors=True)
        return answer.status_int, answer.json["verdict"]

    here, there = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}
    large = mailbox.write(address, "y\n" * 50_000)
    for last in (False, True) * (MAX_WRONG_KEYS_A_MINUTE // 2):
        assert send(large, "wrong", last, here) == (403, "wrong_key")
    with monkeypatch.context() as patch:
        patch.setattr(views, "read_form", None)
        for last in (False, True):
            assert send(large, "wrong", last, here) == (429, "too_many")
    assert send(large, "wrong", False, there) == (403, "wrong_key")
    # Nobody is shut out by it who has the right one, even if they come from the same place.
    assert send(mailbox.write(address), KEY, False, here) == (200, "commented")
    assert send(large, KEY, True, there) == (200, "commented")
    assert mailbox.log()[-1].outcome == "commented"


def test_forms_without_a_key_count_as_wrong_ones(mailbox):
    here = {"REMOTE_ADDR": "192.0.2.1"}
    told = [
        mailbox.browser.post(PATH, b"x", extra_environ=here, expect_errors=True).status_int
        for _ in range(MAX_WRONG_KEYS_A_MINUTE + 1)
    ]
    assert told == [400] * MAX_WRONG_KEYS_A_MINUTE + [429]


def test_mail_from_another_address_is_refused(mailbox, address, outbox):
    post = mailbox.send(address, From="Mallory <mallory@evil.example>")
    assert (post.status, post.verdict) == (403, "other_sender")
    assert mailbox.comments() == []
    assert [message.recipients for message in outbox] == [[ALICE]]
    assert "mallory" in mailbox.log()[0].detail


@pytest.mark.parametrize(
    "sender",
    [
        f"{ALICE} <mallory@evil.example>",
        f'"{ALICE}" <mallory@evil.example>',
        f"Alice <{ALICE}>, Mallory <mallory@evil.example>",
        f"<{ALICE}>, <mallory@evil.example>",
        f"mallory@evil.example ({ALICE})",
        f"{ALICE}.evil.example",
        "",
    ],
)
def test_a_from_that_looks_like_it_is_refused(mailbox, address, sender):
    raw = mailbox.write(address, From="").as_bytes()
    assert mailbox.post(f"From: {sender}\n".encode() + raw).verdict == "other_sender"
    assert mailbox.comments() == []


def test_two_froms_are_refused(mailbox, address):
    raw = b"From: mallory@evil.example\n" + mailbox.write(address).as_bytes()
    assert mailbox.post(raw).verdict == "other_sender"


def test_the_case_of_an_address_does_not_matter(mailbox, address):
    assert mailbox.send(address.upper(), From=ALICE.upper()).verdict == "commented"


def refused(mailbox, address, outbox, verdict, told=True):
    post = mailbox.send(address)
    assert (post.status, post.verdict) == (403, verdict)
    assert mailbox.comments() == []
    assert [message.recipients for message in outbox] == ([[ALICE]] if told else [])
    assert mailbox.log()[-1].outcome == verdict


def test_a_disabled_account_is_refused(mailbox, address, outbox, alice, session):
    alice.is_active = False
    session.commit()
    refused(mailbox, address, outbox, "disabled")
    assert "I agree." in outbox[0].body


def test_who_lost_sight_of_the_project_is_refused(mailbox, address, outbox, issue, session):
    issue.project.access = Access.PRIVATE
    session.commit()
    refused(mailbox, address, outbox, "not_allowed")
    assert "I agree." in outbox[0].body


def test_who_may_not_comment_is_refused(mailbox, address, outbox, issue, session):
    from ponytracker.models import Grant

    session.query(Grant).delete()
    session.commit()
    refused(mailbox, address, outbox, "not_allowed")
    assert "I agree." in outbox[0].body


def test_an_archived_project_is_refused(mailbox, address, outbox, issue, session):
    issue.project.archived = True
    session.commit()
    refused(mailbox, address, outbox, "archived")


def test_an_old_address_expires(mailbox, address, outbox, opened, session, monkeypatch):
    gate = mailbox.registry["ponytracker.gate"]
    monkeypatch.setattr(gate, "settings", dataclasses.replace(gate.settings, reply_days=30))
    assert mailbox.send(address).verdict == "commented"
    opened.created_at = now() - dt.timedelta(days=31)
    session.commit()
    post = mailbox.send(address)
    assert (post.status, post.verdict) == (403, "expired")
    assert [message.recipients for message in outbox][-1] == [ALICE]


def test_what_is_for_nobody_is_not_found(mailbox, outbox):
    for to in ("someone@example.org", "reply@example.org", "reply+1.1@example.org", "", "nonsense"):
        post = mailbox.send(to)
        assert (post.status, post.verdict) == (404, "not_found")
    assert outbox == []


def test_a_mail_that_is_too_large(mailbox, address, outbox, monkeypatch):
    gate = mailbox.registry["ponytracker.gate"]
    monkeypatch.setattr(gate, "settings", dataclasses.replace(gate.settings, mail_max_mb=1))
    for size in (1_100_000, 3_000_000):
        mail = mailbox.write(address, "long " * (size // 5))
        post = mailbox.post(mail)
        assert (post.status, post.verdict) == (413, "too_large")
    assert [message.recipients for message in outbox] == [[ALICE]]
    assert {(row.outcome, row.raw) for row in mailbox.log()} == {("too_large", None)}
    assert mailbox.post(mail, key="wrong").status == 403
    assert mailbox.comments() == []


def test_spam_is_kept_aside(mailbox, address, outbox):
    post = mailbox.send(address, X_Spam_Flag="YES")
    assert (post.status, post.verdict) == (200, "spam")
    assert mailbox.send(address, X_Spam_Status="Yes, score=9").verdict == "spam"
    assert (mailbox.comments(), outbox) == ([], [])
    assert mailbox.send(address, X_Spam_Status="No, score=1").verdict == "commented"


def test_strangers_hinder_nobody_and_fill_no_disk(mailbox, address, monkeypatch):
    monkeypatch.setattr(log, "MAX_A_MINUTE", 2)
    monkeypatch.setattr(log, "MAX_STRANGERS_A_MINUTE", 2)
    forged = f"reply+1.1.{'a' * 16}@example.org"
    assert mailbox.send(forged, "x" * log.MAX_OF_STRANGERS).verdict == "forged"
    assert mailbox.log()[-1].raw is None
    assert mailbox.send(forged, "one").verdict == "forged"
    assert mailbox.log()[-1].raw
    for number in range(3):
        assert mailbox.send(forged, f"two {number}").verdict == "forged"
        assert mailbox.log()[-1].raw is None
        assert mailbox.send(address, "x", X_Spam_Flag="YES").verdict == "spam"
        assert mailbox.log()[-1].raw is None
        assert mailbox.send(address, "x", From="b@c.example").verdict == "other_sender"
    assert mailbox.send(address, "Hello").verdict == "commented"


def test_a_flood_is_put_off(mailbox, address, monkeypatch):
    monkeypatch.setattr(log, "MAX_A_MINUTE", 2)
    assert mailbox.send(address, "one").status == 200
    assert mailbox.send(address, "two").status == 200
    post = mailbox.send(address, "three")
    assert (post.status, post.verdict) == (429, "too_many")
    assert len(mailbox.comments()) == 2
    assert mailbox.log()[-1].raw is None


def test_without_the_settings_no_mail_is_taken(all_on, database, session):
    for without in ({"reply_email": ""}, {"email_key": ""}):
        app = make_test_app(dataclasses.replace(all_on, **without))
        app.registry["ponytracker.database"] = database
        box = Mailbox(app, session)
        post = box.post(b"From: a@b.example\n\nhello")
        assert (post.status, post.verdict) == (501, "off")


def test_a_database_that_is_down(mailbox, address, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def fail(*_arguments):
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(log, "is_full", fail)
    post = mailbox.send(address)
    assert (post.status, post.verdict) == (503, "not_available")


def test_a_mistake_of_ours_loses_no_mail(mailbox, address, monkeypatch, visitor_as, world):
    gate = mailbox.registry["ponytracker.gate"]

    def fail(*_arguments, **_options):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(gate, "judge", fail)
        post = mailbox.send(address)
    assert (post.status, post.verdict) == (500, "failed")
    (row,) = mailbox.log()
    assert (row.outcome, row.status, row.detail) == ("failed", 500, "ZeroDivisionError")
    assert b"I agree." in row.raw
    admin = visitor_as(world.user("root", is_superuser=True))
    admin.post_form(f"/admin/received/{row.id}/replay/")
    mailbox.session.expire_all()
    assert [comment.text for comment in mailbox.comments()] == ["I agree."]


def test_the_envelope_finds_the_address(mailbox, address):
    """As for a Bcc: the header does not name it."""
    mail = mailbox.write("undisclosed-recipients:;")
    assert mailbox.post(mail, sender=ALICE, recipient=f"<{address}>").verdict == "commented"


@pytest.mark.parametrize(
    "field", ["Delivered_To", "X_Original_To", "Envelope_To", "Cc", "Resent_To"]
)
def test_a_field_finds_the_address(mailbox, address, field):
    mail = mailbox.write("Someone <someone@example.org>", **{field: f"x@y.example, <{address}>"})
    assert mailbox.post(mail).verdict == "commented"


def test_the_envelope_goes_before_the_header(mailbox, address):
    forged = address.replace("@", "a@")[1:]
    mail = mailbox.write(address)
    letter = "b" if address[-13] != "b" else "c"
    forged = address.replace(address[address.index("@") - 1] + "@", letter + "@")
    assert mailbox.post(mail, recipient=forged).verdict == "forged"


PROOF = "mx.example.org; dmarc=pass header.from=people.example"


@pytest.fixture
def checking(mailbox, monkeypatch):
    gate = mailbox.registry["ponytracker.gate"]
    monkeypatch.setattr(
        gate, "settings", dataclasses.replace(gate.settings, authserv_id="mx.example.org")
    )


def test_an_answer_without_token_needs_proof(mailbox, issue, alice, opened, checking):
    mail = {"In_Reply_To": "<web.issue-1@localhost>"}
    assert mailbox.send("reply@example.org", **mail).verdict == "not_found"
    proven = mailbox.send("reply@example.org", Authentication_Results=PROOF, **mail)
    assert proven.verdict == "commented"
    unknown = {"In_Reply_To": "<web.issue-2@localhost>", "Authentication_Results": PROOF}
    assert mailbox.send("reply@example.org", **unknown).verdict == "not_found"
    foreign = {"References": "<web.issue-1@elsewhere.example>", "Authentication_Results": PROOF}
    assert mailbox.send("reply@example.org", **foreign).verdict == "not_found"


def test_without_proof_a_mail_is_refused_and_nobody_told(mailbox, address, outbox, checking):
    for results in (
        "",
        "mx.example.org; dmarc=fail header.from=people.example",
        "other; dmarc=pass",
    ):
        post = mailbox.send(address, Authentication_Results=results)
        assert (post.status, post.verdict) == (403, "not_proven")
    assert (mailbox.comments(), outbox) == ([], [])
    assert mailbox.send(address, Authentication_Results=PROOF).verdict == "commented"


def test_leaving_by_mail(mailbox, address, alice, issue, session):
    mailbox.send(address)
    to = mailbox.addresses.for_leaving(issue, alice)
    assert mailbox.send(to, "").verdict == "left"
    assert session.get(IssueSubscription, (issue.id, alice.id)) is None
    assert mailbox.send(to.replace("leave-issue", "leave-project")).verdict == "forged"


def test_leaving_by_a_mail_that_comes_twice(mailbox, alice, issue):
    mail = mailbox.write(mailbox.addresses.for_leaving(issue, alice), "")
    assert mailbox.post(mail).verdict == "left"
    again = mailbox.post(mail)
    assert (again.status, again.verdict) == (200, "duplicate")


def test_secrets_in_a_quote_are_not_published(mailbox, address, alice, issue, opened, app):
    token = mailbox.addresses.token_for_leaving(issue, alice)
    link = f"http://localhost/unsubscribe/issue-{issue.id}.{alice.id}.{token}/"
    text = (
        f"See {address} for it.\n\nOn Monday, Bob <{address}> wrote:\n> blank\n> {link[:-9]}\n> "
        f"{link[-9:]}\n> {link}\n"
    )
    mailbox.send(address, text)
    (comment,) = mailbox.comments()
    published = comment.text + comment.elided
    assert "blank" in published
    assert token not in published.replace("\n> ", "")
    assert address.rpartition(".")[0].rpartition(".")[2][:16] not in published
    assert mailbox.addresses.for_reply(opened, alice).split("@")[0].split(".")[-1] not in published


def test_no_cookie_is_set(mailbox, address):
    answer = mailbox.send(address).answer
    assert "Set-Cookie" not in answer.headers
    assert answer.content_type == "application/json"


def test_a_mail_is_kept_for_some_days(mailbox, address, session, all_on):
    mailbox.send(address, "first")
    (row,) = mailbox.log()
    row.received_at -= dt.timedelta(days=all_on.mail_retention_days + 1)
    session.commit()
    mailbox.send(address, "second")
    assert [bool(row.raw) for row in mailbox.log()] == [False, True]


def test_a_mail_with_a_text_beyond_all_limits(mailbox, address):
    assert mailbox.send(address, "word " * 80_000).verdict == "commented"
    (comment,) = mailbox.comments()
    assert len(comment.text) == 262_144
    assert len(comment.text) + len(comment.elided) > 390_000
