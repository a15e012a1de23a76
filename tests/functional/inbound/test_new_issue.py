"""Issues that are opened by mail, and the addresses for it (MAIL.md §7)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.models import Access, Grant, Issue, PersonalAddress
from tests.functional.inbound.conftest import ALICE


@pytest.fixture
def personal(world, alice, issue, session):
    row = PersonalAddress(user=alice, project=issue.project)
    session.add(row)
    session.commit()
    return row


@pytest.fixture
def to(mailbox, personal):
    return mailbox.addresses.for_new_issue(personal)


def newest(session):
    return session.scalars(select(Issue).order_by(Issue.id.desc())).first()


def test_a_mail_opens_an_issue(mailbox, to, alice, session, outbox):
    post = mailbox.send(to, "The *button* is gone.\n", Subject="Re: AW: Fwd: No button")
    assert (post.status, post.verdict) == (200, "opened")
    issue = newest(session)
    assert (issue.title, issue.author, issue.number) == ("No button", alice, 2)
    row = mailbox.log()[0]
    assert (row.event.text, row.event.issue) == ("The *button* is gone.", issue)
    (told,) = [message for message in outbox if message.recipients == [ALICE]]
    assert "http://localhost/web/issues/2/" in told.body
    assert told.envelope_sender == ""
    assert told.extra_headers["Auto-Submitted"] == "auto-replied"


def test_the_answer_can_be_answered(mailbox, to, session, outbox):
    mailbox.send(to, Subject="No button")
    (told,) = [message for message in outbox if message.recipients == [ALICE]]
    mailbox.send(told.extra_headers["Reply-To"], "Found it.")
    assert [comment.issue.number for comment in mailbox.comments()] == [2]


def test_a_forward_is_kept(mailbox, to, session):
    text = "See below.\n\n---------- Forwarded message ---------\nFrom: Carol\n\n> It broke.\n"
    mailbox.send(to, text, Subject="Fwd: broken")
    assert mailbox.log()[0].event.text == text.strip()


def test_a_signature_is_cut_and_kept_behind_dots(mailbox, to, alice, world, session):
    world.grant("manage_tags", project=newest(session).project, user_id=alice.id)
    mailbox.send(to, "It broke.\n\n/label bug\n\n-- \nAlice\nSent from my iPhone\n", Subject="It")
    event = mailbox.log()[0].event
    assert (event.text, event.elided) == ("It broke.", "-- \nAlice\nSent from my iPhone")
    assert [label.name for label in newest(session).labels] == ["bug"]


def test_a_quote_is_kept(mailbox, to):
    text = "FYI.\n\nOn Mon, 2 Mar 2026 at 10:00, Carol <carol@people.example> wrote:\n> It broke.\n"
    mailbox.send(to, text, Subject="Fwd: broken")
    assert mailbox.log()[0].event.text == text.strip()


@pytest.mark.parametrize("subject", ["", "Re: "])
def test_without_a_subject_the_text_is_the_title(mailbox, to, session, subject):
    mailbox.send(to, "\n## The menu is empty\n\nSince today.", Subject=subject)
    assert newest(session).title == "The menu is empty"


def test_a_mail_with_nothing_in_it_opens_no_issue(mailbox, to, session, outbox):
    post = mailbox.send(to, "-- \nAlice\n", Subject="Re: ")
    assert (post.status, post.verdict) == (200, "empty")
    assert newest(session).number == 1
    assert [message.recipients for message in outbox] == [[ALICE]]


def test_a_title_that_is_too_long(mailbox, to, session):
    mailbox.send(to, Subject="x" * 400)
    assert newest(session).title == "x" * 254 + "…"


def test_who_is_copied_hears_of_it(mailbox, to, world, session):
    carol = world.user("carol", email="carol@people.example")
    world.user("dave", email="dave@people.example", is_active=False)
    mailbox.send(to, Cc="Carol <Carol@people.example>, dave@people.example, stranger@x.example")
    assert set(newest(session).subscriptions) == {carol.id, newest(session).author_id}


def test_who_is_copied_and_may_not_see_it_hears_nothing(mailbox, to, world, session, issue, alice):
    world.user("carol", email="carol@people.example")
    issue.project.access = Access.PRIVATE
    session.commit()
    world.grant("create_issue", project=issue.project, user_id=alice.id)
    mailbox.send(to, Cc="carol@people.example")
    assert set(newest(session).subscriptions) == {alice.id}


def test_commands_of_a_new_issue(mailbox, to, world, session, issue, alice):
    world.grant("manage_tags", project=issue.project, user_id=alice.id)
    mailbox.send(to, "/label bug\n\nBroken.", Subject="Broken")
    assert [label.name for label in newest(session).labels] == ["bug"]
    assert mailbox.log()[0].event.text == "Broken."


def test_the_same_mail_opens_one_issue(mailbox, to, session):
    mail = mailbox.write(to)
    mailbox.post(mail)
    assert mailbox.post(mail).verdict == "duplicate"
    assert newest(session).number == 2


def test_who_may_not_open_issues_is_refused(mailbox, to, session, outbox):
    session.query(Grant).delete()
    session.commit()
    post = mailbox.send(to, "Please look.")
    assert (post.status, post.verdict) == (403, "not_allowed")
    assert newest(session).number == 1
    assert "Please look." in outbox[0].body


def test_from_elsewhere_no_issue_is_opened(mailbox, to, session):
    assert mailbox.send(to, From="mallory@evil.example").verdict == "other_sender"
    assert newest(session).number == 1


def test_the_page_of_addresses(visitor_as, alice, issue, mailbox, session):
    browser = visitor_as(alice)
    page = browser.get("/profile/").click("Your addresses for new issues")
    assert session.scalars(select(PersonalAddress)).all() == []
    form = page.forms["address-form"]
    form["project"] = "Web"
    page = form.submit().follow()
    (row,) = session.scalars(select(PersonalAddress)).all()
    to = mailbox.addresses.for_new_issue(row)
    assert to in page.text
    assert mailbox.send(to, Subject="By mail").verdict == "opened"

    form = page.forms["address-form"]
    form["project"] = "web"
    assert to in form.submit().follow().text

    page = page.forms["revoke-form"].submit("address", value=str(row.id)).follow()
    assert "Address revoked successfully." in page
    assert to not in page
    assert mailbox.send(to, Subject="By mail again").verdict == "forged"
    form = page.forms["address-form"]
    form["project"] = "web"
    assert to not in form.submit().follow().text


@pytest.mark.parametrize("name", ["", "nosuch", "hidden", "x" * 200, "\x00"])
def test_a_project_that_is_not_there_has_no_address(visitor_as, alice, world, issue, session, name):
    world.project("hidden", access=Access.PRIVATE)
    form = visitor_as(alice).get("/profile/mail/").forms["address-form"]
    form["project"] = name
    assert form.submit(status=422).forms["address-form"]["project"].value == name.replace(
        "\x00", ""
    )
    assert session.scalars(select(PersonalAddress)).all() == []


def test_without_the_right_there_is_no_address(visitor_as, alice, issue, session):
    session.query(Grant).delete()
    session.commit()
    form = visitor_as(alice).get("/profile/mail/").forms["address-form"]
    form["project"] = "web"
    assert "You are not allowed to open issues in this project." in form.submit(status=422)


def test_someone_elses_address_cannot_be_revoked(visitor_as, personal, session):
    browser = visitor_as("bob")
    browser.post_form("/profile/revoke-address/", {"address": str(personal.id)})
    for junk in ("", "x", "99999999999999999999"):
        browser.post_form("/profile/revoke-address/", {"address": junk})
    session.expire_all()
    assert session.scalars(select(PersonalAddress)).all() == [personal]
