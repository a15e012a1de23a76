"""What a mail says, to whom, and where it stands among the others of its issue."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest
from repoze.sendmail.encoding import encode_message
from sqlalchemy import select

from ponytracker.importers import load as loading
from ponytracker.importers.github import open_archive
from ponytracker.importers.load import load
from ponytracker.importers.survey import Survey
from ponytracker.issues import service
from ponytracker.issues.subscriptions import subscribe
from ponytracker.mail import send_message
from ponytracker.mail.addresses import Addresses
from ponytracker.models import (
    Access,
    Attachment,
    Event,
    EventKind,
    Issue,
    Label,
    MailReason,
    Notifications,
    OwedMail,
    ProjectSubscription,
    ReceivedMail,
    StateReason,
)
from ponytracker.notifications import make_registry
from ponytracker.notifications.messages import REPLY_MARKER, compose, text_of
from ponytracker.notifications.threads import MAILED, find_change_of_state
from ponytracker.security.principals import identify
from tests.databases import count_queries

FILTERS = (
    "Project Project-Id Issue Event Type Reason Sender Recipient Labels Assignees Status"
).split()


@pytest.fixture
def settings_of_mail(settings):
    return dataclasses.replace(
        settings,
        base_url="https://tracker.example.org",
        mail_default_sender="PonyTracker <notifications@example.org>",
        reply_email="reply@example.org",
        email_key="k" * 16,
    )


@pytest.fixture
def registry(settings_of_mail, database):
    database.info["base_url"] = settings_of_mail.base_url
    return make_registry(settings_of_mail, database)


@pytest.fixture
def silent(settings_of_mail, database):
    """The registry of a site that takes no mail."""
    return make_registry(dataclasses.replace(settings_of_mail, reply_email=""), database)


@pytest.fixture
def scene(world, session):
    """A project of alice, which bob watches; carol is subscribed to its issue."""
    alice = world.user("alice", email="alice@example.org", first_name="Alice", last_name="Liddell")
    bob = world.user("bob", email="bob@example.org")
    carol = world.user("carol", email="carol@example.org")
    project = world.project("web", alice)
    session.add(ProjectSubscription(project_id=project.id, user_id=bob.id))
    session.commit()
    issue = world.issue(project, alice, title="It *hurts*", text="When I **press** here.")
    subscribe(session, identify(session, carol), issue)
    session.commit()
    return SimpleNamespace(alice=alice, bob=bob, carol=carol, project=project, issue=issue)


@pytest.fixture
def mails_to(registry, session):
    """Return a function that composes all mails owed to somebody, as Python's email reads them."""

    def read(user, by=registry):
        session.commit()
        rows = session.scalars(
            select(OwedMail).where(OwedMail.user_id == user.id).order_by(OwedMail.id)
        )
        return [parse(compose(by, session, owed)) for owed in rows]

    return read


def parse(outgoing):
    octets = encode_message(outgoing.message.to_message())
    assert octets.isascii()
    assert max(map(len, octets.split(b"\n"))) < 998
    mail = message_from_bytes(octets, policy=policy.default)
    assert [part.defects for part in mail.walk()] == [[], [], []]
    assert all(not value.defects for value in mail.values())
    assert mail["To"] == outgoing.recipient
    return mail


def text(mail):
    return mail.get_body(("plain",)).get_content()


def html(mail):
    return mail.get_body(("html",)).get_content()


def test_a_new_issue(scene, mails_to, settings_of_mail):
    (mail,) = mails_to(scene.bob)
    token = Addresses(settings_of_mail).token_for_leaving(scene.issue, scene.bob)
    assert text(mail).split("\n") == [
        "--- Reply above this line to comment on the issue ---",
        "",
        "web#1: It *hurts*",
        "",
        "Alice Liddell opened this issue:",
        "",
        "When I **press** here.",
        "",
        "-- ",
        "You get this because you follow this issue or its project.",
        "",
        "Reply to this email directly or view it on PonyTracker:",
        "https://tracker.example.org/web/issues/1/",
        "",
        "Hear no more of it:",
        f"https://tracker.example.org/unsubscribe/issue-{scene.issue.id}.{scene.bob.id}.{token}/",
        "",
    ]
    assert "When I <strong>press</strong> here." in html(mail)
    assert "<script" not in html(mail)
    assert mail["Subject"] == "[web] It *hurts* (#1)"
    assert mail["From"] == "Alice Liddell via PonyTracker <notifications@example.org>"
    assert mail["Message-ID"] == "<web.issue-1@tracker.example.org>"
    assert mail["In-Reply-To"] is None
    assert mail["References"] is None


def test_the_headers_of_every_mail(scene, mails_to, session, settings_of_mail):
    issue, alice = scene.issue, scene.alice
    label = Label(project=scene.project, name="to do, soon")
    session.add(label)
    session.flush()
    service.add_label(session, issue, alice, label)
    service.comment(session, issue, alice, text="A comment for @bob.")
    service.assign(session, issue, alice, scene.bob)
    service.close_issue(session, issue, alice)
    service.reopen_issue(session, issue, alice)
    addresses = Addresses(settings_of_mail)
    mails = mails_to(scene.bob)
    assert [mail["X-PonyTracker-Type"] for mail in mails] == [
        "opened",
        "commented",
        "assigned",
        "closed",
        "reopened",
    ]
    for mail in mails:
        event = session.get_one(Event, int(mail["X-PonyTracker-Event"]))
        reply = addresses.for_reply(event, scene.bob)
        assert mail["Reply-To"] == reply
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["X-Auto-Response-Suppress"] == "All"
        assert mail["Precedence"] == "list"
        assert mail["X-PonyTracker-Loop"] == "tracker.example.org"
        assert mail["List-Id"] == "web <web.tracker.example.org>"
        assert mail["List-Archive"] == "<https://tracker.example.org/web/issues/>"
        assert mail["List-Post"] == f"<mailto:{reply}>"
        # By now bob is subscribed to the issue as well.
        token = addresses.token_for_leaving(issue, scene.bob)
        by_mail = addresses.for_leaving(issue, scene.bob)
        assert mail["List-Unsubscribe"] == (
            f"<https://tracker.example.org/unsubscribe/issue-{issue.id}.{scene.bob.id}.{token}/>,"
            f" <mailto:{by_mail}>"
        )
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        sent_at = mail["Date"].datetime
        assert abs(sent_at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
        assert {
            name: mail[f"X-PonyTracker-{name}"] is not None for name in FILTERS
        } == dict.fromkeys(FILTERS, True)
        assert mail["X-PonyTracker-Project"] == "web"
        assert mail["X-PonyTracker-Project-Id"] == str(scene.project.id)
        assert mail["X-PonyTracker-Issue"] == "1"
        assert mail["X-PonyTracker-Sender"] == "alice"
        assert mail["X-PonyTracker-Recipient"] == "bob"
        assert mail["X-PonyTracker-Labels"] == '"to do, soon"'
        assert mail["X-PonyTracker-Assignees"] == "bob"
        assert mail["X-PonyTracker-Status"] == "open"


def test_where_a_mail_comes_back_to(scene, registry, silent, session, settings_of_mail):
    owed = session.scalars(select(OwedMail)).one()
    assert compose(registry, session, owed).sender == Addresses(settings_of_mail).for_bounce(
        scene.bob
    )
    assert compose(silent, session, owed).sender == "notifications@example.org"


def test_a_site_that_takes_no_mail(scene, mails_to, silent):
    (mail,) = mails_to(scene.bob, silent)
    assert mail["Reply-To"] is None
    assert mail["List-Post"] is None
    assert "mailto:" not in mail["List-Unsubscribe"]
    assert text(mail).startswith("web#1: It *hurts*\n")
    assert "View it on PonyTracker:\nhttps://tracker.example.org/web/issues/1/\n" in text(mail)
    assert "Reply" not in text(mail) + html(mail)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (None, "commented and closed this issue:"),
        (StateReason.NOT_PLANNED, "commented and closed this issue as not planned:"),
    ],
)
def test_a_comment_that_closes_is_one_mail(scene, mails_to, session, reason, said):
    service.comment_and_change_state(session, scene.issue, scene.alice, text="Done, @bob.")
    closed = session.scalars(select(Event).where(Event.kind == EventKind.CLOSED)).one()
    if reason:
        closed.args = {"reason": reason}
    (mail,) = mails_to(scene.carol)
    assert f"\nAlice Liddell {said}\n\nDone, @bob.\n" in text(mail)
    assert f"<strong>Alice Liddell</strong> {said}" in html(mail)
    assert mail["X-PonyTracker-Status"] == "closed"
    _opening, mentioned = mails_to(scene.bob)
    change = said.removeprefix("commented and ")
    assert f"mentioned you in a comment and {change}" in " ".join(text(mentioned).split())
    assert mentioned["X-PonyTracker-Reason"] == "mentioned"


def test_a_comment_and_a_later_closing_are_two(scene, mails_to, session):
    service.comment(session, scene.issue, scene.alice, text="Soon.")
    service.close_issue(session, scene.issue, scene.alice, reason=StateReason.DUPLICATE)
    comment, closed = mails_to(scene.carol)
    assert "Alice Liddell commented:\n" in text(comment)
    assert "Alice Liddell closed this issue as a duplicate.\n" in text(closed)
    assert closed["References"].split() == [
        "<web.issue-1@tracker.example.org>",
        comment["Message-ID"],
    ]


def test_a_closing_without_a_mail_is_no_part_of_the_thread(scene, mails_to, session):
    service.comment_and_change_state(session, scene.issue, scene.alice, text="Done.")
    service.comment(session, scene.issue, scene.alice, text="Really.")
    done, really = mails_to(scene.carol)
    assert really["References"].split() == [
        "<web.issue-1@tracker.example.org>",
        done["Message-ID"],
    ]


def test_who_was_mentioned_once_is_not_mentioned_by_every_comment(scene, mails_to, session):
    service.comment(session, scene.issue, scene.alice, text="See @carol!")
    service.comment(session, scene.issue, scene.alice, text="And more.")
    rows = session.scalars(
        select(OwedMail).where(OwedMail.user_id == scene.carol.id).order_by(OwedMail.id)
    ).all()
    rows[1].reason = MailReason.MENTIONED
    first, second = mails_to(scene.carol)
    assert "mentioned you in a comment:" in text(first)
    assert "Alice Liddell commented:" in text(second)


def test_an_assignment_says_what_it_is_about(scene, mails_to, session):
    service.assign(session, scene.issue, scene.alice, scene.carol)
    (mail,) = mails_to(scene.carol)
    assert "assigned this issue to you. This is what it is about:" in text(mail)
    assert "When I **press** here." in text(mail)
    assert "assigned to you." in text(mail).partition("-- \n")[2]


def test_a_description_that_mentions_opens_the_thread(world, scene, mails_to, session):
    world.issue(scene.project, scene.alice, title="Another", text="For @carol")
    (mail,) = mails_to(scene.carol)
    assert mail["Subject"] == "[web] Another (#2)"
    assert mail["Message-ID"] == "<web.issue-2@tracker.example.org>"
    assert "mentioned you in the description" in text(mail)


def test_everyone_gets_the_same_message_ids(scene, mails_to, session):
    service.comment(session, scene.issue, scene.alice, text="A comment.")
    (comment,) = mails_to(scene.carol)
    opening, same = mails_to(scene.bob)
    for name in ("Message-ID", "In-Reply-To", "References", "Subject"):
        assert comment[name] == same[name]
    assert comment["Reply-To"] != same["Reply-To"]
    assert comment["In-Reply-To"] == opening["Message-ID"]


def test_another_title_does_not_split_the_thread(scene, mails_to, session):
    edit = {"text": "When I **press** here.", "due_at": None}
    service.comment(session, scene.issue, scene.alice, text="Before.")
    service.edit_issue(session, scene.issue, scene.alice, title="It kills", **edit)
    service.comment(session, scene.issue, scene.alice, text="After.")
    service.edit_issue(session, scene.issue, scene.alice, title="It is over", **edit)
    opening, before, after = mails_to(scene.bob)
    assert opening["Subject"] == "[web] It *hurts* (#1)"
    assert before["Subject"] == after["Subject"] == "Re: [web] It *hurts* (#1)"
    assert "web#1: It *hurts*\n" in text(before)
    assert "web#1: It kills\n" in text(after)


def test_what_came_by_mail_is_part_of_the_thread(scene, mails_to, session):
    first = service.comment(session, scene.issue, scene.alice, text="By mail.")
    session.flush()
    for message_id, taken in (
        ("<from.alice@example.net>", "one"),
        ("<evil>\r\nBcc: eve@example.org", "two"),
        ("0" * 64, "three"),
        (f"<{'x' * 300}@example.org>", "four"),
        ("<refused@example.org>", None),
    ):
        session.add(
            ReceivedMail(
                message_id=message_id, taken_as=taken, outcome="comment", event_id=first.id
            )
        )
    service.comment(session, scene.issue, scene.alice, text="By hand.")
    comment, later = mails_to(scene.carol)
    root, theirs = "<web.issue-1@tracker.example.org>", "<from.alice@example.net>"
    assert comment["References"].split() == [root, theirs]
    assert comment["In-Reply-To"] == root
    assert later["References"].split() == [root, theirs, comment["Message-ID"]]
    assert later["In-Reply-To"] == comment["Message-ID"]


def test_a_long_thread_keeps_its_root(scene, mails_to, session):
    for number in range(40):
        service.comment(session, scene.issue, scene.alice, text=f"Comment {number}")
    mails = mails_to(scene.carol)
    references = mails[-1]["References"].split()
    assert len(references) == 20
    assert references[0] == "<web.issue-1@tracker.example.org>"
    assert references[1:] == [mail["Message-ID"] for mail in mails[-20:-1]]


def test_links_are_whole_and_for_this_reader(world, scene, mails_to, session):
    hidden = world.project("secret", scene.alice, access=Access.PRIVATE)
    world.issue(hidden, scene.alice, title="Hidden title")
    service.comment(
        session,
        scene.issue,
        scene.alice,
        text="#1 secret#1 @carol [x](../2/ 'a > b') https://tracker.example.org/web/issues/1",
    )
    world.grant("modify_issue", project=hidden, user_id=scene.bob.id)
    (mail,) = mails_to(scene.carol)
    addresses = re.findall(r'(?:href|src)="([^"]*)"', html(mail))
    assert addresses
    assert all(address.startswith("https://tracker.example.org/") for address in addresses)
    assert "https://tracker.example.org/web/issues/2/" in addresses
    assert "https://tracker.example.org/web/issues/1/" in addresses
    assert "secret#1" in html(mail)
    assert "Hidden title" not in html(mail)
    assert "Hidden title" in html(mails_to(scene.bob)[-1])
    assert "data-" not in html(mail)


def test_files_are_linked_as_well(scene, mails_to, session):
    service.comment(session, scene.issue, scene.alice, text="![a pony](attachment:901)")
    event = session.scalars(select(Event).where(Event.kind == EventKind.COMMENTED)).one()
    for id_, name, width in ((901, "pony.png", 10), (902, "log.txt", None)):
        session.add(
            Attachment(
                id=id_,
                project_id=scene.project.id,
                issue_id=scene.issue.id,
                event_id=event.id,
                name=name,
                content_type="text/plain",
                size=1234,
                digest="0" * 64,
                width=width,
                height=width,
            )
        )
    (mail,) = mails_to(scene.carol)
    path = "https://tracker.example.org/web/issues/1/attachments/"
    assert f"![a pony]({path}901/pony.png)" in text(mail)
    assert f"log.txt (1.2 kB)\n{path}902/log.txt\n" in text(mail)
    assert f'src="{path}901/pony.png/display"' in html(mail)
    assert f'href="{path}902/log.txt"' in html(mail)


def test_the_lines_of_a_terminal(scene, mails_to, session):
    long = "This is a line that goes on. " * 20
    service.comment(session, scene.issue, scene.alice, text=f"{long}\n\n```\n{long}\n```\n")
    (mail,) = mails_to(scene.carol)
    lines = [line for line in text(mail).split("\n") if "unsubscribe/" not in line]
    assert [line for line in lines if len(line) > 72] == [long.rstrip()]


def test_the_text_is_known_again(scene, registry, session):
    service.comment_and_change_state(session, scene.issue, scene.alice, text="For @bob: #1")
    service.assign(session, scene.issue, scene.alice, scene.carol)
    session.commit()
    rows = session.scalars(select(OwedMail)).all()
    assert len(rows) > 3
    sent = {owed.id: compose(registry, session, owed).message.body for owed in rows}
    scene.issue.title = "Another one"
    session.execute(ProjectSubscription.__table__.delete())
    for owed in rows:
        assert text_of(registry, session, owed.event, owed.user) == sent[owed.id]
        assert sent[owed.id].startswith(f"{REPLY_MARKER}\n")


def test_a_project_is_left_by_who_only_watches_it(scene, mails_to, session):
    service.comment(session, scene.issue, scene.alice, text="A comment.")
    mails = mails_to(scene.bob)
    assert all("/unsubscribe/project-" in mail["List-Unsubscribe"] for mail in mails)
    subscribe(session, identify(session, scene.bob), scene.issue)
    mails = mails_to(scene.bob)
    assert all("/unsubscribe/issue-" in mail["List-Unsubscribe"] for mail in mails)


def test_an_author_who_is_gone(scene, mails_to, session):
    event = session.scalars(select(Event)).first()
    event.actor = None
    event.actor_id = None
    (mail,) = mails_to(scene.bob)
    assert mail["From"].addresses[0].display_name == "ghost via PonyTracker"
    event.args = {**event.args, "unknown_actor": True}
    (mail,) = mails_to(scene.bob)
    assert mail["From"].addresses[0].display_name == "Someone via PonyTracker"


@pytest.mark.parametrize(
    "title", ["a\r\nBcc: eve@example.org", "\u202eevil", "=?utf-8?q?=0A?=", ""]
)
def test_hostile_titles_and_names(scene, mails_to, session, title):
    scene.alice.first_name = scene.alice.last_name = title
    event = session.scalars(select(Event)).first()
    event.args = {"title": title}
    (mail,) = mails_to(scene.bob)
    assert "Bcc" not in mail
    assert "\u202e" not in mail["Subject"] + mail["From"]
    assert len(mail["From"].addresses) == 1


@pytest.mark.parametrize("kind", ["commented", "closed", "assigned"])
def test_what_a_mail_costs(scene, registry, session, database, kind):
    """One of many does not cost more than the first."""
    for _ in range(30):
        service.comment(session, scene.issue, scene.alice, text="#1 and @bob and @carol")
        service.assign(session, scene.issue, scene.alice, scene.carol)
        service.close_issue(session, scene.issue, scene.alice)
        service.assign(session, scene.issue, scene.alice, None)
        service.reopen_issue(session, scene.issue, scene.alice)
    session.commit()
    owed = session.scalars(
        select(OwedMail)
        .join(Event)
        .where(Event.kind == kind, OwedMail.user_id == scene.carol.id)
        .order_by(OwedMail.id.desc())
    ).first()
    with count_queries(database) as queries:
        compose(registry, session, owed)
    assert len(queries) <= 16


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("http://[::1]:6543", "[::1]"),
        ("http://tracker.example.org:8080/pony", "tracker.example.org"),
        ("https://pöny.example.org", "xn--pny-sna.example.org"),
    ],
)
def test_the_site_by_other_names(
    scene, settings_of_mail, database, session, mails_to, base_url, host
):
    by = make_registry(dataclasses.replace(settings_of_mail, base_url=base_url), database)
    (mail,) = mails_to(scene.bob, by)
    assert mail["Message-ID"] == f"<web.issue-1@{host}>"
    assert f"{base_url}/web/issues/1/" in text(mail)


@pytest.mark.shared_data
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_threads_of_real_issues(world, session, database, shared_data, registry, monkeypatch):
    """Every mail of the longest issues of an archive, for a subscriber: one tree, valid headers."""
    monkeypatch.setattr(loading, "PAUSE", 0)
    path = shared_data / "github-i-d-template" / "tlswg_tls13-spec.archive.json"
    survey = Survey(open_archive(path), pull_requests=False)
    for _ in survey.take():
        pass
    load(database, survey, project_name="spec", access=Access.PUBLIC)
    reader = world.user("reader", email="reader@example.org", notifications=Notifications.ALWAYS)
    longest = session.scalars(
        select(Issue).order_by(Issue.comment_count.desc(), Issue.id).limit(8)
    ).all()
    assert longest[0].comment_count > 20
    for issue in longest:
        mails = []
        told = set()
        for event in session.scalars(
            select(Event)
            .where(Event.issue_id == issue.id, Event.kind.in_(MAILED))
            .order_by(Event.id)
        ):
            if event.id in told:
                continue
            change = find_change_of_state(session, event)
            if event.kind is EventKind.COMMENTED and change is not None:
                told.add(change.id)
            owed = OwedMail(event=event, user=reader, reason=MailReason.SUBSCRIBED)
            mails.append(parse(compose(registry, session, owed)))
        check_tree(mails)


def check_tree(mails):
    """Check that the mails are one tree, each after those that it follows."""
    root = mails[0]["Message-ID"]
    subject = mails[0]["Subject"]
    ids = {mail["Message-ID"] for mail in mails}
    known = {root}
    for mail in mails[1:]:
        references = mail["References"].split()
        assert mail["Subject"] == f"Re: {subject}"
        assert references[0] == root
        assert references[-1] == mail["In-Reply-To"]
        assert len(references) == len(set(references)) <= 20
        assert {*references} <= known
        assert mail["Message-ID"] not in references
        known.add(mail["Message-ID"])
    assert len(ids) == len(mails)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("address", ["bob@example.org", "zoë@example.org"])
def test_a_mail_as_it_arrives(scene, session, settings_of_mail, database, mail_server, address):
    """Over SMTP, also to an address that needs SMTPUTF8, nothing of it becomes something else."""
    scene.bob.email = address
    scene.alice.first_name, scene.alice.last_name = 'Älice "the, first"', "Ångström-Łukasiewicz"
    opened = session.scalars(select(Event)).one()
    opened.args = {"title": "Ünïcode, 日本語 and =?utf-8?q?x?= " * 4}
    opened.text = "a" * 2000 + "\n.\nFrom here on, é\n" + "日本語" * 500
    session.commit()
    own = {"mail_host": "127.0.0.1", "mail_port": mail_server.port}
    by = make_registry(dataclasses.replace(settings_of_mail, **own), database)
    outgoing = compose(by, session, session.scalars(select(OwedMail)).one())
    send_message(by, outgoing.message, sender=outgoing.sender)
    (envelope,) = mail_server.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (outgoing.sender, [address])
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", envelope.content)
    assert max(map(len, envelope.content.split(b"\r\n"))) < 998
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert [part.defects for part in mail.walk()] == [[], [], []]
    assert mail["Subject"] == outgoing.message.subject
    name = 'Älice "the, first" Ångström-Łukasiewicz via PonyTracker'
    (author,) = mail["From"].addresses
    assert " ".join(author.display_name.split()) == name
    extra = outgoing.message.extra_headers
    assert {header: mail[header] for header in extra} == extra
    assert text(mail).replace("\r\n", "\n") == outgoing.message.body
    assert html(mail).replace("\r\n", "\n").strip() == outgoing.message.html.strip()
