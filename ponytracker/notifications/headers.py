"""The headers of a mail about an issue: for clients to sort and thread by, for robots to be quiet.

MAIL.md §1 lists them. What comes from people is one line of bounded length without characters that
turn the direction of what follows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr

from ponytracker.issues.filters.keys import Kind
from ponytracker.issues.filters.printing import print_name
from ponytracker.models import Event, MailReason, Project, User
from ponytracker.models.base import now
from ponytracker.notifications.threads import Thread, site_host
from ponytracker.notifications.urls import Urls
from ponytracker.text import clean_line
from ponytracker.web.layout import author_name

MAX_NAME = 100
MAX_SUBJECT = 400
MAX_LABELS = 500
"""Characters of these in a header; a line may have 998 octets (RFC 5322 §2.1.1)."""

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile(r"\s+")


def one_line(text: str, limit: int) -> str:
    """Return *text* on a line of at most *limit* characters, fit for a header."""
    line = _BLANKS.sub(" ", _TURNING.sub("", clean_line(text))).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def mailbox(name: str, default_sender: str) -> Address:
    """Return who a mail is from: *name*, but never their own address (RFC 7489, DMARC)."""
    site, address = parseaddr(default_sender)
    display_name = f"{one_line(name, MAX_NAME)} via {one_line(site, MAX_NAME) or 'PonyTracker'}"
    return Address(display_name=display_name, addr_spec=address)


def list_headers(
    project: Project, base_url: str, *, post: str | None, leave: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield what makes the mails of *project* a list (RFC 2919, 2369, 8058).

    *post* is the address that answers go to, *leave* are those for hearing no more.
    """
    host = site_host(base_url).strip("[]")
    yield "List-Id", f"{project.name} <{project.name.lower()}.{host}>"
    yield "List-Archive", f"<{Urls(base_url).issues(project)}>"
    if post:
        yield "List-Post", f"<mailto:{post}>"
    yield "List-Unsubscribe", ", ".join(f"<{address}>" for address in leave)
    yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def thread_headers(thread: Thread) -> Iterator[tuple[str, str]]:
    """Yield where a mail stands in its thread, and when it was sent."""
    yield "Date", format_datetime(now())
    yield "Message-ID", thread.message_id
    if thread.parent:
        yield "In-Reply-To", thread.parent
    if thread.references:
        yield "References", " ".join(thread.references)


def robot_headers(host: str) -> Iterator[tuple[str, str]]:
    """Yield what tells programs that answer mail not to answer this one (RFC 3834)."""
    yield "Auto-Submitted", "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    yield "Precedence", "list"
    yield "X-PonyTracker-Loop", host


def filter_headers(
    event: Event, user: User, *, reason: MailReason, labels: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield what people sort their mail by, all of it in every mail."""
    issue = event.issue
    yield "X-PonyTracker-Project", issue.project.name
    yield "X-PonyTracker-Project-Id", str(issue.project.id)
    yield "X-PonyTracker-Issue", str(issue.number)
    yield "X-PonyTracker-Event", str(event.id)
    yield "X-PonyTracker-Type", event.kind.value
    yield "X-PonyTracker-Reason", reason.value
    yield "X-PonyTracker-Sender", one_line(author_name(event.actor), MAX_NAME * 2)
    yield "X-PonyTracker-Recipient", one_line(user.username, MAX_NAME * 2)
    yield "X-PonyTracker-Labels", _list_labels(labels)
    assignee = issue.assignee
    yield "X-PonyTracker-Assignees", one_line(assignee.username, MAX_NAME * 2) if assignee else ""
    yield "X-PonyTracker-Status", issue.state.value


def _list_labels(names: Iterable[str]) -> str:
    """Return *names* with commas between them, each as a filter has it, as many as there is room.

    A name that has a comma stands in quotes.
    """
    listed = ""
    for name in filter(None, (one_line(name, MAX_NAME) for name in names)):
        longer = f"{listed}, " if listed else ""
        longer += print_name(name, Kind.NAME)
        if len(longer) > MAX_LABELS:
            break
        listed = longer
    return listed
