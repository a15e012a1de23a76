from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import select

from ponytracker.accounts.service import create_user
from ponytracker.issues import bulk, service
from ponytracker.issues.mentions import MAX_MENTIONED
from ponytracker.issues.owing import OWES
from ponytracker.models import (
    Access,
    EventKind,
    IssueSubscription,
    MailReason,
    MailState,
    Notifications,
    OwedMail,
    ProjectSubscription,
    SubscriptionReason,
    User,
)
from ponytracker.models.base import now
from tests.databases import count_queries


@dataclasses.dataclass
class Place:
    """A public project that Wendy watches, with an issue of Alice that Sam is subscribed to."""

    world: object
    session: object

    def __post_init__(self):
        names = "alice wendy sam bob".split()
        self.alice, self.wendy, self.sam, self.bob = (
            self.world.user(name, email=f"{name}@example.org") for name in names
        )
        self.project = self.world.project("web")
        self.session.add(ProjectSubscription(project_id=self.project.id, user_id=self.wendy.id))
        self.issue = self.world.issue(self.project, self.alice)
        self.issue.subscriptions[self.sam.id] = IssueSubscription(
            user_id=self.sam.id, reason=SubscriptionReason.MANUAL
        )
        self.session.commit()
        for owed in self.session.scalars(select(OwedMail)):
            self.session.delete(owed)
        self.session.commit()
        self.session.info.pop(OWES, None)

    def owed(self, event=None):
        """Return who is owed a mail, for which reason, for *event* or for any."""
        self.session.flush()
        owed = select(User.username, OwedMail.reason).join(User, User.id == OwedMail.user_id)
        if event is not None:
            owed = owed.where(OwedMail.event_id == event.id)
        return dict(self.session.execute(owed).all())


@pytest.fixture
def place(world, session):
    return Place(world, session)


def test_a_new_issue_is_owed_to_those_who_watch_the_project(place, session):
    service.open_issue(session, place.project, place.alice, title="New")
    assert place.owed() == {"wendy": MailReason.SUBSCRIBED}
    assert session.info[OWES]


def test_a_comment_is_owed_to_both_kinds_of_followers_but_not_to_who_wrote_it(place, session):
    event = service.comment(session, place.issue, place.wendy, text="Me too")
    assert place.owed(event) == {"alice": MailReason.AUTHOR, "sam": MailReason.SUBSCRIBED}
    owed = session.scalars(select(OwedMail)).all()
    assert {(mail.state, mail.attempts) for mail in owed} == {(MailState.OWED, 0)}
    assert all(mail.next_try_at <= now() for mail in owed)


def test_one_s_own_is_owed_to_who_asked_for_it(place, session):
    place.wendy.notifications = Notifications.ALWAYS
    event = service.comment(session, place.issue, place.wendy, text="Me too")
    assert place.owed(event)["wendy"] is MailReason.OWN


@pytest.mark.parametrize(
    "change",
    [
        {"notifications": Notifications.NEVER},
        {"email": None},
        {"email": ""},
        {"is_active": False},
        {"mail_paused_at": now()},
    ],
)
def test_nothing_is_owed_to_who_cannot_or_does_not_want_to_get_it(place, session, change):
    for name, value in change.items():
        setattr(place.sam, name, value)
    text = "@sam, look at this"
    assert place.owed(service.comment(session, place.issue, place.bob, text=text)) == {
        "alice": MailReason.AUTHOR,
        "wendy": MailReason.SUBSCRIBED,
    }


def test_closing_and_reopening_are_owed(place, session):
    closed = service.close_issue(session, place.issue, place.bob)
    assert set(place.owed(closed)) == {"alice", "wendy", "sam"}
    reopened = service.reopen_issue(session, place.issue, place.bob)
    assert set(place.owed(reopened)) == {"alice", "wendy", "sam"}


def test_to_comment_and_close_owes_one_mail(place, session):
    event = service.comment_and_change_state(session, place.issue, place.bob, text="Done")
    assert set(place.owed(event)) == {"alice", "wendy", "sam"}
    assert len(session.scalars(select(OwedMail)).all()) == 3
    closed = place.issue.last_event
    assert closed.kind is EventKind.CLOSED
    assert closed.created_at == event.created_at


def test_a_mentioned_person_is_owed_a_mail_once_for_that_reason(place, session):
    event = service.comment(session, place.issue, place.wendy, text="@bob and @sam @bob?")
    assert place.owed(event) == {
        "alice": MailReason.AUTHOR,
        "bob": MailReason.MENTIONED,
        "sam": MailReason.MENTIONED,
    }
    again = service.comment(session, place.issue, place.wendy, text="@bob, please")
    assert place.owed(again)["bob"] is MailReason.MENTIONED


def test_who_is_mentioned_again_though_no_longer_subscribed_is_owed_a_mail(place, session):
    service.comment(session, place.issue, place.wendy, text="@bob?")
    del place.issue.subscriptions[place.bob.id]
    event = service.comment(session, place.issue, place.wendy, text="@bob!")
    assert place.owed(event)["bob"] is MailReason.MENTIONED


def test_an_edit_owes_a_mail_to_those_it_mentions_anew_alone(place, session):
    event = service.comment(session, place.issue, place.bob, text="@sam?")
    for owed in session.scalars(select(OwedMail)):
        session.delete(owed)
    session.flush()
    service.edit_comment(session, event, place.bob, text="@sam and @wendy?")
    assert place.owed() == {"wendy": MailReason.MENTIONED}
    description = service.find_description(session, place.issue)
    service.edit_issue(
        session, place.issue, place.alice, title="Other", text="@bob knows", due_at=None
    )
    assert place.owed(description) == {"bob": MailReason.MENTIONED}


def test_a_mail_that_was_sent_is_not_owed_again(place, session):
    event = service.comment(session, place.issue, place.alice, text="Hello")
    for owed in session.scalars(select(OwedMail)):
        owed.state = MailState.SENT
    session.flush()
    service.edit_comment(session, event, place.alice, text="Hello @sam")
    states = session.scalars(select(OwedMail.state).where(OwedMail.user_id == place.sam.id))
    assert states.all() == [MailState.SENT]


def test_who_may_not_see_the_project_is_not_found_by_a_mention(place, session, world):
    secret = world.project("secret", place.alice, access=Access.PRIVATE)
    issue = world.issue(secret, place.alice)
    event = service.comment(session, issue, place.alice, text="@bob?")
    assert place.owed(event) == {}


def test_a_text_that_names_very_many_tells_some_of_them(place, session, world):
    names = [f"person{number}" for number in range(MAX_MENTIONED + 5)]
    for name in names:
        create_user(session, username=name, email=f"{name}@example.org")
    session.flush()
    text = " ".join(f"@{name}" for name in names)
    event = service.comment(session, place.issue, place.bob, text=text)
    told = [name for name, why in place.owed(event).items() if why is MailReason.MENTIONED]
    assert sorted(told) == sorted(names[:MAX_MENTIONED])
    assert len(place.issue.subscriptions) == MAX_MENTIONED + len(["alice", "sam", "bob"])


def test_an_assignee_is_owed_a_mail_and_nobody_else(place, session):
    event = service.assign(session, place.issue, place.wendy, place.bob)
    assert place.owed(event) == {"bob": MailReason.ASSIGNED}
    unassigned = service.assign(session, place.issue, place.wendy, None)
    assert place.owed(unassigned) == {}
    own = service.assign(session, place.issue, place.wendy, place.wendy)
    assert place.owed(own) == {}


def test_nothing_else_that_happens_is_owed(place, session):
    due = now()
    service.set_due_date(session, place.issue, place.bob, due)
    service.edit_issue(session, place.issue, place.bob, title="Another", text="Other", due_at=None)
    assert place.owed() == {}


def test_a_change_to_many_owes_for_each(place, session):
    bulk.change_issues(session, place.project, place.bob, [place.issue.number], bulk.close())
    assert set(place.owed()) == {"alice", "wendy", "sam"}


def test_where_no_mail_is_sent_none_is_owed(place, session):
    session.info["owes_mail"] = False
    service.comment(session, place.issue, place.bob, text="@sam")
    assert place.owed() == {}
    assert OWES not in session.info


def test_however_many_follow_one_statement_owes_them(place, session, database):
    with count_queries(database) as queries:
        service.comment(session, place.issue, place.bob, text="No names")
        session.flush()
    assert len([query for query in queries if "owed_mails" in query]) == 1
