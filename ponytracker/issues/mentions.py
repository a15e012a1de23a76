"""What a text says of other issues and of people: events there, and who hears of it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from sqlalchemy.orm import Session

from ponytracker.issues.owing import owe_to
from ponytracker.issues.recording import record_once, subscribe_for
from ponytracker.issues.references import resolve
from ponytracker.models import Event, EventKind, MailReason, SubscriptionReason, User
from ponytracker.placeholders import References, find_references

MAX_MENTIONED = 50
"""People whom one text can make hear of an issue; who names more wants attention, not them."""


def follow_references(
    session: Session, event: Event, author: User | None, *, before: Markup | None = None
) -> None:
    """Write on each issue that the text of *event* refers to that it does, once.

    Whoever is mentioned for the first time hears of the issue from now on, and is owed a mail; who
    was mentioned *before*, in an earlier version of the text, is not owed another. Only what
    *author* may see is found, and an archived project stays as it is.
    """
    found = find_references(event.html or Markup())
    if author is None or not (found.issues or found.mentions):
        return
    session.flush()  # the events there tell the id of this one
    issue = event.issue
    base_url = session.info.get("base_url", "")
    issues, people = resolve(session, author, issue.project, found, base_url)
    for referenced in issues:
        if referenced is not issue and not referenced.project.archived:
            at = {"event_id": event.id}
            record_once(session, referenced, EventKind.REFERENCED, author, about=issue, args=at)
    for person in _mentioned(people, author):
        args = {"username": person.username, "event_id": event.id}
        if record_once(session, issue, EventKind.MENTIONED, author, about=person, args=args):
            subscribe_for(issue, person, SubscriptionReason.MENTIONED)
    if before is not None:
        told = find_references(before).mentions
        new = References((), tuple(name for name in found.mentions if name not in told))
        _issues, people = resolve(session, author, issue.project, new, base_url)
    owe_to(session, event, _mentioned(people, author), MailReason.MENTIONED)


def _mentioned(people: Sequence[User], author: User) -> Sequence[User]:
    return [person for person in people if person is not author][:MAX_MENTIONED]
