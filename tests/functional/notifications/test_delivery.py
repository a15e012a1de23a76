"""What becomes of owed mail: sent, sent later, not sent; over a mail server that does as told."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import logging

import pytest
from pyramid_mailer.interfaces import IMailer
from sqlalchemy import select, update
from sqlalchemy.exc import InternalError, OperationalError

from ponytracker import mail
from ponytracker.issues import service, views
from ponytracker.mail.smtp import NoConnection
from ponytracker.models import (
    Access,
    IssueSubscription,
    MailState,
    Notifications,
    OwedMail,
    ProjectSubscription,
    SubscriptionReason,
)
from ponytracker.models.base import now
from ponytracker.notifications import delivery, outbox
from ponytracker.security.principals import SHELL
from tests.databases import count_queries
from tests.mail import KeepingMailer


class Fickle(KeepingMailer):
    """Takes mail, but for what `troubles` says: by the address of its recipient, or for all."""

    def __init__(self):
        super().__init__()
        self.troubles = {}
        self.tried = []
        self.connections = 0

    def send_from(self, sender, message):
        (recipient,) = message.send_to
        self.tried.append(recipient)
        trouble = self.troubles.get(recipient) or self.troubles.get("all")
        if trouble is not None:
            raise trouble
        super().send_from(sender, message)

    def one_connection(self):
        self.connections += 1
        return super().one_connection()

    @property
    def recipients(self):
        return [recipient for message in self.outbox for recipient in message.send_to]


class Refused(OSError):
    """Some answer to one mail that is no."""


def no_server():
    error = NoConnection()
    error.__cause__ = ConnectionRefusedError()
    return error


@dataclasses.dataclass
class Place:
    """An issue with as many subscribers as asked for, by the names of `a`, `b`, …"""

    world: object
    session: object
    registry: object

    def __post_init__(self):
        self.author = self.world.user("author")
        self.project = self.world.project("web")
        self.issue = self.world.issue(self.project, self.author)

    def subscriber(self, name, **kw):
        user = self.world.user(name, **{"email": f"{name}@example.org", **kw})
        self.issue.subscriptions[user.id] = IssueSubscription(
            user_id=user.id, reason=SubscriptionReason.MANUAL
        )
        self.session.commit()
        return user

    def comment(self, text="Me too"):
        event = service.comment(self.session, self.issue, self.author, text=text)
        self.session.commit()
        return event

    def deliver(self):
        self.session.commit()
        return delivery.deliver(self.registry)

    def mails(self):
        self.session.expire_all()
        return self.session.scalars(select(OwedMail).order_by(OwedMail.id)).all()

    def only(self):
        (owed,) = self.mails()
        return owed

    def pass_time(self, **by):
        """Let everything have happened so much earlier."""
        for owed in self.mails():
            owed.created_at -= dt.timedelta(**by)
            owed.next_try_at -= dt.timedelta(**by)
        self.session.commit()


@pytest.fixture
def mailer(app):
    before = app.registry.getUtility(IMailer)
    mailer = Fickle()
    app.registry.registerUtility(mailer, IMailer)
    yield mailer
    app.registry.registerUtility(before, IMailer)


@pytest.fixture
def place(world, session, app, mailer):
    return Place(world, session, app.registry)


def test_a_comment_is_mailed_to_who_is_subscribed(place, mailer):
    place.subscriber("bob")
    place.subscriber("carol")
    place.comment("It is the **cable**.")
    assert place.deliver() == delivery.Delivered(sent=2)
    assert mailer.recipients == ["bob@example.org", "carol@example.org"]
    assert "cable" in mailer.outbox[0].body
    # What comes back says by its address whom it did not reach, and tells nobody else.
    senders = {message.envelope_sender for message in mailer.outbox}
    assert len(senders) == 2
    assert all(sender.startswith("bounce+") for sender in senders)
    for owed in place.mails():
        assert (owed.state, owed.attempts, owed.last_error) == (MailState.SENT, 1, None)
        assert owed.sent_at is not None
    assert place.deliver() == delivery.Delivered()
    assert len(mailer.outbox) == 2


def test_a_request_that_owes_mail_delivers_it_after_its_commit(place, mailer, visitor_as):
    place.subscriber("bob")
    place.world.grant("create_comment", user_id=place.author.id)
    browser = visitor_as("author")
    form = browser.get("/web/issues/1/").forms["comment-form"]
    form["comment"] = "It is the cable."
    form.submit().follow()
    assert mailer.recipients == ["bob@example.org"]
    assert place.only().state is MailState.SENT
    # What owes nothing delivers nothing.
    connections = mailer.connections
    browser.get("/web/issues/1/")
    assert mailer.connections == connections


def test_a_request_that_fails_owes_nothing(place, mailer, visitor_as, monkeypatch):
    """It has gone through the door, and fails later."""
    place.subscriber("bob")
    place.world.grant("create_comment", user_id=place.author.id)
    form = visitor_as("author").get("/web/issues/1/").forms["comment-form"]
    form["comment"] = "It is the cable."

    called = []

    def comment_and_fail(*args, **kw):
        called.append(comment(*args, **kw).text)
        raise RuntimeError

    comment = service.comment

    with monkeypatch.context() as patch:
        patch.setattr(views.service, "comment", comment_and_fail)
        with contextlib.suppress(RuntimeError):
            form.submit(expect_errors=True)
    assert called == ["It is the cable."]
    assert place.mails() == []
    assert place.deliver() == delivery.Delivered()
    assert mailer.tried == []


def test_nobody_is_told_of_what_was_rolled_back(place, mailer):
    place.subscriber("bob")
    service.comment(place.session, place.issue, place.author, text="Never said")
    place.session.rollback()
    assert place.deliver() == delivery.Delivered()
    assert mailer.tried == []


def disable(place, bob, event):
    bob.is_active = False


def lose_address(place, bob, event):
    bob.email = None


def bounce(place, bob, event):
    bob.mail_paused_at = now()


def want_none(place, bob, event):
    bob.notifications = Notifications.NEVER


def lose_sight(place, bob, event):
    place.project.access = Access.PRIVATE


def unsubscribe(place, bob, event):
    del place.issue.subscriptions[bob.id]


def be_deleted(place, bob, event):
    service.delete_comment(place.session, event, place.author)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (disable, "the account is disabled"),
        (lose_address, "they have no address"),
        (bounce, "mail to them came back too often"),
        (want_none, "they want no mail"),
        (lose_sight, "they may not see the issue"),
        (unsubscribe, "they follow it no more"),
        (be_deleted, "the comment was deleted"),
    ],
)
def test_what_has_changed_since_it_was_owed_counts(place, mailer, change, why):
    bob = place.subscriber("bob")
    event = place.comment()
    assert len(place.mails()) == 1
    change(place, bob, event)
    assert place.deliver() == delivery.Delivered(dropped=1)
    assert (place.only().state, place.only().last_error) == (MailState.DROPPED, why)
    assert mailer.tried == []
    assert place.deliver() == delivery.Delivered()


def test_who_is_meant_in_person_gets_it_whatever_they_follow(place, mailer):
    bob, carol = place.subscriber("bob"), place.subscriber("carol")
    # Carol has been subscribed since somebody mentioned her: that is no mention of today.
    place.issue.subscriptions[carol.id].reason = SubscriptionReason.MENTIONED
    place.session.commit()
    place.comment("@bob, please")
    for person in (bob, carol):
        del place.issue.subscriptions[person.id]
    assert place.deliver() == delivery.Delivered(sent=1, dropped=1)
    assert mailer.tried == ["bob@example.org"]


def test_one_s_own_is_not_sent_to_who_has_stopped_to_want_it(place, mailer):
    place.author.email = "author@example.org"
    place.author.notifications = Notifications.ALWAYS
    place.session.commit()
    place.comment()
    place.author.notifications = Notifications.OTHERS
    assert place.deliver() == delivery.Delivered(dropped=1)
    assert place.only().last_error == "they want no mail about what they do themselves"


def test_a_private_project_is_mailed_to_those_who_see_it(place, mailer):
    bob, _carol = place.subscriber("bob"), place.subscriber("carol")
    dora = place.subscriber("dora")
    place.comment()
    place.project.access = Access.PRIVATE
    place.world.grant("create_comment", project=place.project, user_id=bob.id)
    team = place.world.team("core", place.world.group("staff", dora))
    place.world.grant("create_comment", project=place.project, team_id=team.id)
    assert place.deliver() == delivery.Delivered(sent=2, dropped=1)
    assert mailer.recipients == ["bob@example.org", "dora@example.org"]


def test_who_watches_the_project_hears_without_being_subscribed(place, mailer):
    bob = place.subscriber("bob")
    place.session.add(ProjectSubscription(project_id=place.project.id, user_id=bob.id))
    place.comment()
    unsubscribe(place, bob, None)
    assert place.deliver().sent == 1


def test_what_is_refused_is_tried_again_after_growing_waits(place, mailer):
    place.subscriber("bob")
    place.comment()
    mailer.troubles["bob@example.org"] = Refused()
    waits = []
    for attempts in range(1, 8):
        started = now()
        assert place.deliver() == delivery.Delivered(postponed=1)
        assert place.deliver() == delivery.Delivered()
        owed = place.only()
        assert (owed.state, owed.attempts, owed.last_error) == (
            MailState.OWED,
            attempts,
            "Refused",
        )
        waits.append(round((owed.next_try_at - started).total_seconds() / 60))
        place.pass_time(minutes=waits[-1] + 1)
    assert waits == [1, 5, 15, 60, 120, 120, 120]
    mailer.troubles.clear()
    assert place.deliver() == delivery.Delivered(sent=1)
    assert mailer.recipients == ["bob@example.org"]
    assert place.only().last_error is None


def test_after_three_days_it_is_given_up(place, mailer):
    place.subscriber("bob")
    place.comment()
    mailer.troubles["bob@example.org"] = Refused()
    # However old it was when somebody first tried: it is tried some times.
    place.pass_time(days=10)
    for _ in range(outbox.LEAST_TRIES - 1):
        place.deliver()
        assert place.only().state is MailState.OWED
        place.pass_time(hours=3)
    place.deliver()
    assert place.only().state is MailState.FAILED
    mailer.troubles.clear()
    place.pass_time(days=1)
    assert place.deliver() == delivery.Delivered()

    # Unless an administrator wants it tried again, from the beginning.
    assert outbox.try_again(place.session) == 1
    assert place.deliver() == delivery.Delivered(sent=1)


def test_before_three_days_it_is_not_given_up(place, mailer):
    place.subscriber("bob")
    place.comment()
    mailer.troubles["bob@example.org"] = Refused()
    tries = 0
    while (owed := place.only()).created_at > now() - dt.timedelta(days=3):
        assert owed.state is MailState.OWED
        tries += place.deliver().postponed
        place.pass_time(hours=1)
    assert tries > 30
    place.pass_time(hours=2)
    place.deliver()
    assert place.only().state is MailState.FAILED


def test_one_that_is_refused_holds_up_no_other(place, mailer):
    for name in "abc":
        place.subscriber(name)
    place.comment()
    mailer.troubles["b@example.org"] = Refused()
    assert place.deliver() == delivery.Delivered(sent=2, postponed=1)
    assert mailer.recipients == ["a@example.org", "c@example.org"]
    assert mailer.connections == 1


def test_without_a_mail_server_nothing_more_is_tried(place, mailer, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH", 3)
    for name in "abcdefg":
        place.subscriber(name)
    place.comment()
    mailer.troubles["all"] = no_server()
    delivered = place.deliver()
    assert delivered == delivery.Delivered(postponed=3, no_server="ConnectionRefusedError")
    assert mailer.tried == ["a@example.org"]
    errors = [owed.last_error for owed in place.mails()]
    assert errors == ["ConnectionRefusedError"] * 3 + [None] * 4
    mailer.troubles.clear()
    assert place.deliver() == delivery.Delivered(sent=4)
    place.pass_time(minutes=2)
    assert place.deliver() == delivery.Delivered(sent=3)
    assert sorted(mailer.recipients) == [f"{name}@example.org" for name in "abcdefg"]


def test_what_somebody_has_taken_is_nobody_else_s_until_its_lease_is_over(place, mailer):
    place.subscriber("bob")
    place.comment()
    taken = outbox.take(place.session)
    assert taken == [place.only().id]
    assert place.deliver() == delivery.Delivered()
    place.pass_time(minutes=14)
    assert place.deliver() == delivery.Delivered()
    place.pass_time(minutes=2)
    assert place.deliver() == delivery.Delivered(sent=1)
    assert place.only().attempts == 2


def test_a_clock_that_was_ahead_delays_nothing_for_as_long(place, mailer):
    place.subscriber("bob")
    place.comment()
    place.pass_time(hours=-2)
    assert place.deliver() == delivery.Delivered()
    place.pass_time(days=-365)
    assert place.deliver() == delivery.Delivered(sent=1)


def test_a_batch_that_takes_too_long_gives_the_rest_back(place, mailer, monkeypatch):
    for name in "abc":
        place.subscriber(name)
    place.comment()
    clock = iter(range(0, 10_000, 50))
    monkeypatch.setattr(delivery.time, "monotonic", lambda: next(clock))
    assert place.deliver() == delivery.Delivered(sent=3)
    assert mailer.recipients == [f"{name}@example.org" for name in "abc"]
    assert mailer.connections > 1
    assert {owed.attempts for owed in place.mails()} == {1}


def test_what_cannot_be_composed_holds_up_no_other(place, mailer, monkeypatch, caplog):
    for name in "abc":
        place.subscriber(name)
    place.comment()
    compose = delivery.compose

    def compose_or_fail(registry, session, owed):
        if owed.user.username == "b":
            raise ZeroDivisionError
        return compose(registry, session, owed)

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(delivery, "compose", compose_or_fail)
        assert place.deliver() == delivery.Delivered(sent=2, postponed=1)
    assert "could not be composed" in caplog.text
    place.pass_time(minutes=2)
    assert place.deliver() == delivery.Delivered(sent=1)


def test_an_address_that_cannot_be_written_holds_up_no_other(place, mailer):
    place.subscriber("a", email="a@example.org\r\nBcc: eve@example.org")
    place.subscriber("b")
    place.comment()
    assert place.deliver() == delivery.Delivered(sent=1, postponed=1)
    assert mailer.recipients == ["b@example.org"]


def test_that_a_mail_was_sent_is_written_down_however_often_that_takes(place, mailer, monkeypatch):
    place.subscriber("bob")
    place.comment()
    mark_sent, failures, waited = outbox.mark_sent, [1, 2, 3], []

    def fail_at_first(session, id_):
        if failures:
            failures.pop()
            error = (OperationalError, InternalError)[len(failures) % 2]
            raise error("UPDATE", {}, Exception())
        mark_sent(session, id_)

    monkeypatch.setattr(delivery.outbox, "mark_sent", fail_at_first)
    monkeypatch.setattr(delivery.time, "sleep", waited.append)
    assert place.deliver() == delivery.Delivered(sent=1)
    assert waited == [1, 5, 15]
    assert place.only().state is MailState.SENT
    assert len(mailer.outbox) == 1


def test_an_issue_that_is_deleted_takes_its_owed_mails_with_it(place, mailer):
    place.subscriber("bob")
    place.comment()
    service.delete_issue(place.session, place.issue, SHELL)
    assert place.deliver() == delivery.Delivered()


def test_without_a_sender_nothing_is_delivered(place, mailer, monkeypatch):
    place.subscriber("bob")
    place.comment()
    settings = place.registry["ponytracker.settings"]
    without = dataclasses.replace(settings, mail_default_sender="")
    monkeypatch.setitem(place.registry, "ponytracker.settings", without)
    assert place.deliver() == delivery.Delivered()
    assert place.only().state is MailState.OWED


def test_what_was_sent_long_ago_is_forgotten(place, mailer):
    place.subscriber("bob")
    place.comment()
    place.deliver()
    place.pass_time(days=89)
    delivery.sweep(place.registry)
    assert place.only().state is MailState.SENT
    place.pass_time(days=2)
    delivery.sweep(place.registry)
    assert place.mails() == []


def test_what_is_owed_or_has_failed_is_never_forgotten(place, mailer):
    for name in "ab":
        place.subscriber(name)
    place.comment()
    mailer.troubles["all"] = Refused()
    place.pass_time(days=1000)
    _owed, failed = place.mails()
    failed.state = MailState.FAILED
    place.session.commit()
    delivery.sweep(place.registry)
    assert [owed.state for owed in place.mails()] == [MailState.OWED, MailState.FAILED]


def test_who_still_wants_it_is_asked_once_for_all(place, session, database):
    """Whatever there are of people, grants and mails."""
    counts = []
    for size in (2, 12):
        for number in range(size):
            user = place.subscriber(f"user{size}-{number}")
            place.world.grant("create_comment", project=place.project, user_id=user.id)
        place.comment()
        ids = [owed.id for owed in place.mails()]
        with count_queries(database) as queries:
            assert outbox.find_unwanted(session, ids) == {}
        counts.append(len(queries))
    assert counts == [1, 1]


def test_nothing_due_is_one_query_that_locks_nothing(place, database):
    place.subscriber("bob")
    place.comment()
    place.session.execute(update(OwedMail).values(next_try_at=now() + dt.timedelta(hours=1)))
    place.session.commit()
    with count_queries(database) as queries:
        assert delivery.deliver(place.registry) == delivery.Delivered()
    assert len(queries) == 1
    assert queries[0].startswith("SELECT")


def test_what_the_mail_server_says_reaches_no_log(place, mailer, caplog):
    place.subscriber("bob")
    place.comment()
    mailer.troubles["all"] = mail.smtplib.SMTPSenderRefused(
        550, b"5.7.1 <bounce+7.TOKEN@example.org> is not allowed", "bounce+7.TOKEN@example.org"
    )
    with caplog.at_level(logging.DEBUG):
        place.deliver()
    assert place.only().last_error == "SMTPSenderRefused 550 5.7.1"
    assert "SMTPSenderRefused 550 5.7.1" in caplog.text
    assert "TOKEN" not in caplog.text
