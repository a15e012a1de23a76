"""Composes each mail: what happened to an issue, told to one person who is owed to hear of it.

No request is at hand: mail is composed after it, often elsewhere. Links are whole, and what a text
names is linked as far as the reader may see it. docs/decisions/mail_out.rst has the headers.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from typing import Any

from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ponytracker.attachments.links import Shelf, link_files
from ponytracker.attachments.query import find_unshown, list_of_event
from ponytracker.i18n import _
from ponytracker.issues.references import Place, link_references
from ponytracker.issues.service import find_description
from ponytracker.mail.addresses import Addresses
from ponytracker.models import (
    Attachment,
    Event,
    EventKind,
    Issue,
    IssueLabel,
    Label,
    MailReason,
    OwedMail,
    Project,
    StateReason,
    User,
)
from ponytracker.notifications import headers
from ponytracker.notifications.encoding import IssueMessage
from ponytracker.notifications.html import for_mail
from ponytracker.notifications.text import wrap
from ponytracker.notifications.threads import (
    Thread,
    Titles,
    find_change_of_state,
    find_thread,
    find_titles,
    site_host,
)
from ponytracker.notifications.unsubscribing import which_to_leave
from ponytracker.notifications.urls import Urls
from ponytracker.notifications.words import Words
from ponytracker.placeholders import find_references
from ponytracker.security.principals import identify
from ponytracker.settings import Settings
from ponytracker.text import MAX_TITLE, fold

REPLY_MARKER = _("--- Reply above this line to comment on the issue ---")
"""The first line of a mail that can be answered; nothing from it on is part of the answer."""

_CHANGES = {
    (EventKind.CLOSED, None): _("closed this issue"),
    (EventKind.CLOSED, StateReason.COMPLETED): _("closed this issue as completed"),
    (EventKind.CLOSED, StateReason.NOT_PLANNED): _("closed this issue as not planned"),
    (EventKind.CLOSED, StateReason.DUPLICATE): _("closed this issue as a duplicate"),
    (EventKind.REOPENED, None): _("reopened this issue"),
}

_REASONS = {
    MailReason.MENTIONED: _("You get this because you were mentioned in this issue."),
    MailReason.ASSIGNED: _("You get this because this issue was assigned to you."),
    MailReason.OWN: _("You get this because you want mail about your own actions too."),
    MailReason.AUTHOR: _("You get this because you opened this issue."),
    MailReason.SUBSCRIBED: _("You get this because you follow this issue or its project."),
}


_ATTACHMENT = re.compile(r"\]\(attachment:([1-9][0-9]{0,8})\)", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail, whom it is for, and to which address it returns where it cannot be delivered."""

    message: IssueMessage
    sender: str
    recipient: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a mail tells *user*: the same whenever it is asked for, so that a quote of it is known.

    *written* is the event whose text it shows with its *files*, *change* the one that changed the
    issue's state, be it by the way of a comment.
    """

    kind: str  # the name of its three templates
    event: Event
    user: User
    reason: MailReason
    titles: Titles
    written: Event | None = None
    files: Sequence[Attachment] = ()
    change: Event | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else is in a mail, as it is when the mail is composed; *leaves* is what it was for."""

    thread: Thread
    html: Markup
    labels: tuple[str, ...]
    leaves: Issue | Project


def compose(registry: Any, session: Session, owed: OwedMail) -> Outgoing:
    """Return the mail that is *owed*, as it is at present: a dozen queries."""
    story = tell(session, owed.event, owed.user, owed.reason)
    base_url = registry["ponytracker.settings"].base_url
    return write(registry, story, look_around(session, story, base_url))


def text_of(registry: Any, session: Session, event: Event, user: User) -> str:
    """Return the text of the mail that told *user* of *event*, to be known again in a reply."""
    reason = session.scalar(
        select(OwedMail.reason).where(OwedMail.event_id == event.id, OwedMail.user_id == user.id)
    )
    story = tell(session, event, user, reason or MailReason.SUBSCRIBED)
    return _write_text(Words(registry), registry["ponytracker.settings"], story)


def tell(session: Session, event: Event, user: User, reason: MailReason) -> Story:
    """Return what there is to tell *user* of *event*."""
    kind = event.kind.value
    written: Event | None = event
    change = None
    match event.kind:
        case EventKind.OPENED | EventKind.COMMENTED:
            change = find_change_of_state(session, event)
            if reason is MailReason.MENTIONED and _is_mentioned(user, event):
                kind = "mentioned"
        case EventKind.ASSIGNED:
            written = find_description(session, event.issue)
        case _:
            written, change = None, event
    return Story(
        kind=kind,
        event=event,
        user=user,
        reason=reason,
        titles=find_titles(session, event),
        written=written,
        files=list_of_event(session, written) if written is not None else (),
        change=change,
    )


def look_around(session: Session, story: Story, base_url: str) -> Surroundings:
    """Return what else belongs into the mail that tells *story*."""
    issue, user = story.event.issue, story.user
    html = Markup()
    if story.written is not None:
        urls = Urls(base_url)
        place = Place(issue.project, base_url, urls.path)
        stored = [story.written.html or Markup()]
        linked = link_references(session, identify(session, user), place, stored)
        (linked_too,) = link_files(_shelf(urls, story), linked)
        html = for_mail(linked_too, urls.issue(issue))
    labels = session.scalars(
        select(Label.name)
        .join(IssueLabel, IssueLabel.label_id == Label.id)
        .where(IssueLabel.issue_id == issue.id)
        .order_by(func.lower(Label.name), Label.id)
    )
    return Surroundings(
        thread=find_thread(session, story.event, site_host(base_url)),
        html=html,
        labels=tuple(labels),
        leaves=which_to_leave(session, issue, user),
    )


def write(registry: Any, story: Story, around: Surroundings) -> Outgoing:
    """Return the mail that tells *story*; the database is asked nothing any more."""
    settings: Settings = registry["ponytracker.settings"]
    words = Words(registry)
    # Without one nothing is sent, and yet there are previews.
    site = settings.mail_default_sender or f"ponytracker@{site_host(settings.base_url)}"
    subject = words.render(f"{story.kind}.subject.txt", _values(words, settings, story))
    message = IssueMessage(
        headers.mailbox(words.name_of_actor(story.event), site),
        recipients=[story.user.email or ""],
        subject=headers.one_line(subject, headers.MAX_SUBJECT),
        body=_write_text(words, settings, story),
        html=_write_html(words, settings, story, around.html),
        extra_headers=dict(_headers(settings, story, around)),
    )
    sender = parseaddr(site)[1]
    if settings.takes_mail:
        sender = Addresses(settings).for_bounce(story.user)
    return Outgoing(message, sender, story.user.email or "")


def _headers(settings: Settings, story: Story, around: Surroundings) -> Iterator[tuple[str, str]]:
    event, user = story.event, story.user
    addresses = Addresses(settings)
    host = site_host(settings.base_url)
    reply = None
    leave = [Urls(settings.base_url).leaving(addresses, around.leaves, user)]
    if settings.takes_mail:
        reply = addresses.for_reply(event, user)
        leave.append(f"mailto:{addresses.for_leaving(around.leaves, user)}")
        yield "Reply-To", reply
    yield from headers.thread_headers(around.thread)
    yield from headers.list_headers(event.issue.project, settings.base_url, post=reply, leave=leave)
    yield from headers.robot_headers(host)
    yield from headers.filter_headers(event, user, reason=story.reason, labels=around.labels)


def _write_text(words: Words, settings: Settings, story: Story) -> str:
    shelf = _shelf(Urls(settings.base_url), story)
    typed = (story.written and story.written.text) or ""
    text = wrap(_ATTACHMENT.sub(lambda found: _show_file(shelf, found), typed)).strip("\n")
    values = {**_values(words, settings, story), "text": text}
    return words.render(f"{story.kind}.txt", values) + "\n"


def _write_html(words: Words, settings: Settings, story: Story, html: Markup) -> str:
    return words.render(
        f"{story.kind}.html.jinja2", {**_values(words, settings, story), "html": html}
    )


def _values(words: Words, settings: Settings, story: Story) -> dict[str, Any]:
    """Return what the templates of a mail are about."""
    event, user, issue = story.event, story.user, story.event.issue
    urls = Urls(settings.base_url)
    shelf = _shelf(urls, story)
    unshown = find_unshown([story.written], story.files) if story.written is not None else {}
    assignee = "" if event.user_id == user.id else event.args.get("username", "")
    return {
        "marker": words.translate(REPLY_MARKER) if settings.takes_mail else "",
        "actor": headers.one_line(words.name_of_actor(event), headers.MAX_NAME),
        "project": issue.project.name,
        "number": issue.number,
        "first_title": headers.one_line(story.titles.first, MAX_TITLE),
        "title": headers.one_line(story.titles.present, MAX_TITLE),
        "change": words.translate(_describe(story.change)) if story.change is not None else "",
        "has_text": story.written is not None,
        "files": [(file, shelf.address(file)) for files in unshown.values() for file in files],
        "is_description": story.written is not None and story.written.kind is EventKind.OPENED,
        "assignee": headers.one_line(assignee, headers.MAX_NAME),
        "why": words.translate(_REASONS[story.reason]),
        "url": urls.event(event),
        "leave_url": urls.leaving(Addresses(settings), issue, user),
    }


def _describe(change: Event) -> str:
    if change.args.get("duplicate_of"):
        number = {"number": change.args["duplicate_of"]}
        return _("closed this issue as a duplicate of #${number}", mapping=number)
    reason = change.args.get("reason")
    return _CHANGES[change.kind, StateReason(reason) if reason else None]


def _shelf(urls: Urls, story: Story) -> Shelf:
    issue = story.event.issue
    files = {file.id: file for file in story.files}
    return Shelf(files, issue.project.name, issue.number, urls.path)


def _show_file(shelf: Shelf, found: re.Match[str]) -> str:
    """Return the target of a link or image in a text, which is a file, as an address."""
    file = shelf.files.get(int(found[1]))
    return f"]({shelf.address(file)})" if file is not None else found[0]


def _is_mentioned(user: User, event: Event) -> bool:
    """Return whether the text of *event* is one of those that mention *user*."""
    named = find_references(event.html or Markup()).mentions
    return any(user.username_key == fold(name) for mention in named for name in mention.names)
