from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from ponytracker.issues import service
from ponytracker.models import (
    Access,
    AuditEntry,
    IssueSubscription,
    MailState,
    OwedMail,
    SubscriptionReason,
)
from ponytracker.models.base import now
from tests.databases import count_queries


@pytest.fixture
def owe(world, session):
    """Return a function that owes *count* mails, and lets them stand like *state*."""
    project = world.project("web", access=Access.PRIVATE)
    issue = world.issue(project, title="The <b>cable</b>")
    bob = world.user("bob", email="bob@example.org")
    world.grant("create_comment", project=project, user_id=bob.id)
    issue.subscriptions[bob.id] = IssueSubscription(
        user_id=bob.id, reason=SubscriptionReason.MANUAL
    )
    session.commit()

    def owe(state, count=1, **values):
        events = [service.comment(session, issue, None, text="Me too") for _ in range(count)]
        session.flush()
        ids = [event.id for event in events]
        mails = session.scalars(select(OwedMail).where(OwedMail.event_id.in_(ids))).all()
        for mail in mails:
            mail.state = state
            mail.next_try_at = now() + dt.timedelta(hours=1)
            for name, value in values.items():
                setattr(mail, name, value)
        session.commit()
        return mails

    return owe


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


def rows(page):
    return [" ".join(row.text.split()) for row in page.html.select(".row-list > li")]


def states(session):
    session.expire_all()
    return [owed.state for owed in session.scalars(select(OwedMail).order_by(OwedMail.id))]


def test_what_is_owed_is_shown_first(admin, owe):
    owe(MailState.OWED, attempts=2, last_error="ConnectionRefusedError")
    owe(MailState.SENT, count=2, sent_at=now())
    page = admin.get("/admin/outbox/")
    (row,) = rows(page)
    assert "bob bob@example.org web#1 The <b>cable</b> ConnectionRefusedError" in row
    assert "for: commented, as: subscribed" in row
    assert "Tries: 2" in row
    assert [badge.text for badge in page.html.select(".nav-pills .badge")] == ["1", "0", "0", "2"]
    assert len(rows(admin.get("/admin/outbox/?state=sent"))) == 2
    assert "No mail is like this." in admin.get("/admin/outbox/?state=dropped")


@pytest.mark.parametrize("asked", ["nothing", "", "%00", "SENT"])
def test_a_state_there_is_none_of_is_that_of_the_first_page(admin, owe, asked):
    owe(MailState.OWED)
    assert len(rows(admin.get(f"/admin/outbox/?state={asked}&page=-1"))) == 1


def test_the_latest_are_first_but_for_what_is_owed(admin, owe, session):
    for state in (MailState.OWED, MailState.SENT):
        mails = owe(state, count=3)
        for hours, mail in enumerate(mails):
            mail.next_try_at = now() + dt.timedelta(hours=hours)
        session.commit()
        page = admin.get(f"/admin/outbox/?state={state}")
        shown = [row["id"] for row in page.html.select(".row-list > li")]
        ids = [f"mail-{mail.id}" for mail in mails]
        assert shown == (ids if state is MailState.OWED else ids[::-1])


def test_one_that_has_failed_is_tried_again(admin, owe, session, outbox):
    first, second = owe(MailState.FAILED, count=2, attempts=40, last_error="SMTPDataError 550")
    page = admin.get("/admin/outbox/?state=failed")
    assert len(rows(page)) == 2
    form = next(f for f in page.forms.values() if f.action.endswith(f"/{second.id}/retry/"))
    page = form.submit().follow()
    assert "1 mail is tried again." in page
    # At once, after the commit.
    assert states(session) == [MailState.FAILED, MailState.SENT]
    assert [message.recipients for message in outbox] == [["bob@example.org"]]
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.target) == ("mail.retry", f"mail {second.id} to bob")
    assert entry.actor_name == "admin"
    assert first.state is MailState.FAILED


def test_all_that_have_failed_are_tried_again(admin, owe, session, outbox):
    owe(MailState.FAILED, count=3)
    owe(MailState.SENT)
    page = admin.get("/admin/outbox/?state=failed")
    page = page.forms["retry-all-form"].submit().follow()
    assert "3 mails are tried again." in page
    assert states(session) == [MailState.SENT] * 4
    assert len(outbox) == 3
    assert "Nothing has failed" in admin.post_form("/admin/outbox/retry/").follow()
    assert len(outbox) == 3


def test_what_has_not_failed_is_not_tried_again(admin, owe, session, outbox):
    (sent,) = owe(MailState.SENT)
    assert "Nothing has failed" in admin.post_form(f"/admin/outbox/{sent.id}/retry/").follow()
    assert (states(session), outbox) == ([MailState.SENT], [])
    assert not session.scalars(select(AuditEntry).where(AuditEntry.action == "mail.retry")).all()


def test_it_is_for_superusers(world, owe, visitor_as):
    (failed,) = owe(MailState.FAILED)
    alice = world.user("alice")
    world.grant("manage_accounts", "manage_settings", "manage_global_permission", user_id=alice.id)
    browser = visitor_as("alice")
    assert "Outbox" not in browser.get("/admin/users/")
    browser.get("/admin/outbox/", status=403)
    browser.get(f"/admin/outbox/{failed.id}/retry/", status=404)
    browser.post_form("/admin/outbox/retry/", status=403)


def test_a_page_costs_the_same_with_few_and_many(admin, owe, database):
    counts = []
    for count in (1, 40):
        owe(MailState.FAILED, count=count)
        with count_queries(database) as queries:
            page = admin.get("/admin/outbox/?state=failed")
        counts.append(len(queries))
    assert len(rows(page)) == 25
    assert counts[0] == counts[1] <= 8, counts
