"""The versions of a text that was edited: who wrote each of them, and when."""

from __future__ import annotations

import dataclasses
import datetime as dt

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from ponytracker.models import Event, TextRevision, User
from ponytracker.web.forms import version_of
from ponytracker.web.pages import Page

MAX_LOOKED_AT = 20
"""How many earlier versions are looked at for the one that someone began to edit."""


@dataclasses.dataclass(frozen=True, slots=True)
class Version:
    """A version of a text, without the text. They are counted from 1; the last one stands now."""

    number: int
    author: User | None
    written_at: dt.datetime


def count_versions(session: Session, event: Event) -> int:
    """Return how many versions the text of *event* has had, with the one it has now."""
    earlier = select(func.count()).where(TextRevision.event_id == event.id)
    return session.scalars(earlier).one() + 1


def list_versions(session: Session, event: Event, page: Page) -> list[Version]:
    """Return one page of the versions of the text of *event*, the latest first: one query."""
    latest = page.total - page.offset
    first = max(1, latest - page.size + 1)
    ends = TextRevision.replaced_at
    # Each version but the first began where the one before it ended.
    began = func.lag(ends, type_=ends.type).over(order_by=TextRevision.id)
    earlier = session.execute(
        select(User, began)
        .select_from(TextRevision)
        .outerjoin(TextRevision.author)
        .where(TextRevision.event_id == event.id)
        .order_by(TextRevision.id)
        .offset(first - 1)
        .limit(min(latest, page.total - 1) - first + 1)
    )
    versions = [
        Version(number, author, written_at or event.created_at)
        for number, (author, written_at) in enumerate(earlier, first)
    ]
    if latest == page.total:
        author = event.editor if event.edited_at else event.actor
        versions.append(Version(latest, author, event.edited_at or event.created_at))
    return versions[::-1]


def read_version(session: Session, event: Event, number: int, total: int) -> str:
    """Return the text of version *number* of the *total* that the text of *event* has had."""
    if number == total:
        return event.text or ""
    earlier = _texts(event).order_by(TextRevision.id).offset(number - 1).limit(1)
    return session.scalar(earlier) or ""


def find_version(session: Session, event: Event, version: str) -> str | None:
    """Return the earlier text of *event* of which `version_of` made *version*, if it is late."""
    texts = session.scalars(_texts(event).order_by(TextRevision.id.desc()).limit(MAX_LOOKED_AT))
    return next((text for text in texts if version_of(text) == version), None)


def _texts(event: Event) -> Select[str]:
    return select(TextRevision.text).where(TextRevision.event_id == event.id)
