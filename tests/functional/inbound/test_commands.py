"""Commands in mails, done with the rights of the web (MAIL.md §6)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.models import Event, Grant, IssueSubscription, Milestone, OwedMail, StateReason
from ponytracker.models.base import now

RIGHTS = ("manage_issue", "manage_tags", "modify_issue")


@pytest.fixture
def trusted(world, alice, issue):
    """Alice may do everything with the issue."""
    return world.grant(*RIGHTS, project=issue.project, user_id=alice.id)


def kinds(session):
    return [event.kind.value for event in session.scalars(select(Event).order_by(Event.id))]


def test_comment_and_close_is_one_mail(mailbox, address, issue, trusted, session):
    assert mailbox.send(address, "Fixed.\n\n/close\n").verdict == "commented"
    assert not issue.is_open
    assert [comment.text for comment in mailbox.comments()] == ["Fixed."]
    owed = session.scalars(select(OwedMail).where(OwedMail.user_id == issue.author_id)).all()
    assert len(owed) == 1


def test_close_and_reopen(mailbox, address, issue, trusted):
    assert mailbox.send(address, "/close").verdict == "changed"
    assert (issue.is_open, mailbox.comments()) == (False, [])
    assert mailbox.send(address, "/reopen\n\nIt is back.").verdict == "commented"
    assert issue.is_open
    assert mailbox.comments()[0].text == "It is back."


@pytest.mark.parametrize("text", ["/close #1", "/close 1\n\nThe same."])
def test_close_as_a_duplicate(
    mailbox, world, opened, alice, issue, trusted, session, visitor_as, text
):
    other = world.issue(issue.project, issue.author, title="The same again")
    event = session.scalars(select(Event).where(Event.issue_id == other.id)).one()
    mailbox.send(mailbox.reply_address(event, alice), text)
    assert other.state_reason is StateReason.DUPLICATE
    page = visitor_as("bob").get("/web/issues/2/")
    assert page.html.select('a[href="/web/issues/1/"]')[-1].text == "#1"
    assert "#2" in visitor_as("bob").get("/web/issues/1/").text
    assert "referenced" in kinds(session)


@pytest.mark.parametrize("argument", ["#7", "nonsense", "#2"])
def test_close_as_a_duplicate_of_nothing(
    mailbox, world, alice, issue, trusted, session, outbox, argument
):
    other = world.issue(issue.project, issue.author, title="The same again")
    event = session.scalars(select(Event).where(Event.issue_id == other.id)).one()
    mailbox.send(mailbox.reply_address(event, alice), f"/close {argument}\n\nThe same.")
    assert other.is_open
    assert mailbox.comments()[0].text == "The same."
    assert any(f"/close {argument}: not done." in (message.body or "") for message in outbox)


def test_assign_and_unassign(mailbox, address, issue, alice, trusted):
    mailbox.send(address, "/assign @bob")
    assert issue.assignee.username == "bob"
    mailbox.send(address, "/assign alice")
    assert issue.assignee is alice
    mailbox.send(address, "/unassign")
    assert issue.assignee is None


def test_labels(mailbox, address, issue, trusted):
    mailbox.send(address, "/label Bug, documentation")
    assert {label.name for label in issue.labels} == {"bug", "documentation"}
    mailbox.send(address, "/unlabel bug")
    assert {label.name for label in issue.labels} == {"documentation"}


def test_milestone(mailbox, address, issue, trusted, session):
    session.add(Milestone(project_id=issue.project_id, name="First Light", slug="first-light"))
    session.add(Milestone(project_id=issue.project_id, name="over", slug="over", closed_at=now()))
    session.commit()
    mailbox.send(address, "/milestone first light")
    assert issue.milestone.name == "First Light"
    mailbox.send(address, "/milestone over")
    assert issue.milestone.name == "First Light"


def test_title(mailbox, address, issue, trusted):
    mailbox.send(address, "/title A better title ")
    assert issue.title == "A better title"


def test_subscribe_and_unsubscribe(mailbox, address, issue, alice, session):
    assert mailbox.send(address, "/subscribe").verdict == "changed"
    assert session.get(IssueSubscription, (issue.id, alice.id)) is not None
    mailbox.send(address, "Not for me.\n\n/unsubscribe")
    assert session.get(IssueSubscription, (issue.id, alice.id)) is None
    assert len(mailbox.comments()) == 1


@pytest.mark.parametrize(
    "command", ["/close", "/assign bob", "/unassign", "/label bug", "/unlabel bug",
                "/milestone x", "/title Mine", "/reopen"]
)  # fmt: skip
def test_commands_ask_for_the_rights_of_the_web(mailbox, address, issue, outbox, session, command):
    before = kinds(session)
    post = mailbox.send(address, command)
    assert (post.status, post.verdict) == (403, "not_allowed")
    assert kinds(session) == before
    assert f"{command}: not done." in outbox[0].body
    assert "You are not allowed to do this." in outbox[0].body


def test_who_may_close_but_not_comment_may_close_by_mail(mailbox, address, issue, trusted, session):
    session.query(Grant).filter(Grant.id != trusted.id).delete()
    session.commit()
    assert mailbox.send(address, "Done.\n\n/close").verdict == "not_allowed"
    assert issue.is_open
    assert mailbox.send(address, "/close").verdict == "changed"
    assert not issue.is_open


def test_an_unknown_command_stays_text_and_is_told_of(mailbox, address, outbox, issue):
    assert mailbox.send(address, "Well.\n\n/clsoe").verdict == "commented"
    assert mailbox.comments()[0].text == "Well.\n\n/clsoe"
    (message,) = [message for message in outbox if message.recipients == ["alice@people.example"]]
    assert "/clsoe: there is no such command" in message.body
    assert "was taken" in message.body


def test_what_is_quoted_or_code_is_no_command(mailbox, address, issue, trusted):
    mailbox.send(address, "No.\n\nOn Monday, Bob wrote:\n> /close\n")
    mailbox.send(address, "```\n/close\n```")
    mailbox.send(address, "Do not\n/close\nyet.")
    assert issue.is_open
    assert len(mailbox.comments()) == 3


def test_a_forward_in_html_has_no_commands(mailbox, address, issue, trusted):
    mail = mailbox.write(address, Subject="Fwd: close it")
    mail.set_content("<p>/close</p><p>Is that so?</p>", subtype="html")
    mailbox.post(mail)
    assert issue.is_open


def test_labels_all_or_none(mailbox, address, issue, trusted, outbox):
    mailbox.send(address, "/label bug, nosuch")
    assert list(issue.labels) == []
    assert "The label 'nosuch' does not exist" in outbox[0].body
