"""The pages of received mail, for superusers."""

from __future__ import annotations

import pytest

from ponytracker.models import AuditEntry, ReceivedMail
from tests.databases import count_queries


@pytest.fixture
def root(world, visitor_as):
    return visitor_as(world.user("root", is_superuser=True))


@pytest.fixture
def received(session):
    row = ReceivedMail(
        message_id="<1@x>", outcome="forged", status=403, raw=b"From: a\r\n\r\nHi\xff\x00"
    )
    session.add(row)
    session.commit()
    return row


def test_the_list(mailbox, address, root):
    mailbox.send(address, Subject="Re: first")
    mailbox.send("nobody@example.org", Subject="second")
    page = root.get("/admin/").follow().click("Received mail")
    titles = [link.text for link in page.html.select("a.row-title")]
    assert titles == ["second", "Re: first"]
    assert "web#1" in page
    form = page.forms["received-form"]
    form["outcome"] = "commented"
    found = form.submit()
    assert [link.text for link in found.html.select("a.row-title")] == ["Re: first"]


def test_junk_in_the_address_of_the_list(root, received):
    for query in ("outcome=nosuch", "page=abc", "page=-1", "page=99999", "outcome=%00"):
        assert root.get(f"/admin/received/?{query}", status="*").status_int in (200, 400)


def test_the_list_asks_the_same_at_any_size(root, session, database, mailbox, address):
    def ask():
        with count_queries(database) as queries:
            root.get("/admin/received/")
        return len(queries)

    mailbox.send(address)
    few = ask()
    session.add_all(
        ReceivedMail(message_id=f"<{n}@x>", outcome="forged", raw=b"x", event_id=None)
        for n in range(40)
    )
    event_id = mailbox.comments()[0].id
    session.add_all(
        ReceivedMail(message_id=f"<{n}@y>", outcome="commented", event_id=event_id)
        for n in range(5)
    )
    session.commit()
    assert ask() == few <= 8


def test_the_list_does_not_read_the_mails(root, received, database):
    with count_queries(database) as queries:
        root.get("/admin/received/")
    assert not any("received_mails.raw" in query for query in queries)


def test_one_mail(root, received):
    page = root.get(f"/admin/received/{received.id}/")
    assert "Hi\ufffd" in page.html.select_one("pre.received-mail").text
    raw = page.click("Download")
    assert raw.body == b"From: a\r\n\r\nHi\xff\x00"
    assert raw.content_type == "text/plain"
    assert raw.headers["Content-Disposition"].startswith("attachment;")
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert raw.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_mail_whose_time_is_up(root, received, session):
    received.raw = None
    session.commit()
    page = root.get(f"/admin/received/{received.id}/")
    assert "The mail itself is not kept any more." in page
    root.get(f"/admin/received/{received.id}/raw/", status=404)
    answer = root.post_form(f"/admin/received/{received.id}/replay/").follow()
    assert "This mail is not kept any more, so it cannot be replayed." in answer


def test_replay(mailbox, address, alice, root, session):
    alice.is_active = False
    session.commit()
    assert mailbox.send(address).verdict == "disabled"
    alice.is_active = True
    session.commit()
    (row,) = mailbox.log()
    page = root.get(f"/admin/received/{row.id}/").click("Replay")
    assert "It became a comment." in page.forms["confirm-form"].submit().follow()
    session.expire_all()
    assert (row.outcome, row.replayed_at is not None) == ("commented", True)
    assert [comment.actor for comment in mailbox.comments()] == [alice]
    entry = session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert (entry.action, entry.actor_name) == ("mail.replay", "root")
    assert (entry.before, entry.after) == ({"outcome": "disabled"}, {"outcome": "commented"})


def test_replay_makes_nothing_twice(mailbox, address, root, session):
    mailbox.send(address)
    (row,) = mailbox.log()
    for _time in range(2):
        page = root.post_form(f"/admin/received/{row.id}/replay/").follow()
        assert "It has come before." in page
    session.expire_all()
    assert (row.outcome, len(mailbox.comments())) == ("commented", 1)


def test_replay_takes_what_was_no_spam(mailbox, address, root, session):
    mailbox.send(address, X_Spam_Flag="YES")
    (row,) = mailbox.log()
    root.post_form(f"/admin/received/{row.id}/replay/")
    session.expire_all()
    assert (row.outcome, len(mailbox.comments())) == ("commented", 1)


def test_only_superusers(world, visitor, visitor_as, received):
    manager = world.user("manager")
    world.grant("manage_settings", "manage_accounts", user_id=manager.id)
    browser = visitor_as(manager)
    browser.get("/admin/received/", status=403)
    for path in ("", "raw/", "replay/"):
        browser.get(f"/admin/received/{received.id}/{path}", status=404)
    assert "Received mail" not in browser.get("/admin/users/")
