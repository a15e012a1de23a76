"""Reading the audit log: what is asked for, a page of it, and how an entry reads."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ponytracker.models import AuditEntry
from ponytracker.web.pages import Page


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """What the reader asked for; what is empty narrows nothing down. The days are their own."""

    action: str = ""
    actor: str = ""
    target: str = ""
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    zone: ZoneInfo

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        found = []
        if self.action:
            found.append(AuditEntry.action == self.action)
        if self.actor:
            found.append(AuditEntry.actor_name.icontains(self.actor, autoescape=True))
        if self.target:
            found.append(AuditEntry.target.icontains(self.target, autoescape=True))
        if self.first_day:
            found.append(AuditEntry.created_at >= self._start(self.first_day))
        if self.last_day:
            after = self.last_day + dt.timedelta(days=1)
            found.append(AuditEntry.created_at < self._start(after))
        return found

    def _start(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.zone)


def list_actions(session: Session) -> Sequence[str]:
    """Return the actions that the log tells of."""
    return session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)).all()


def list_entries(session: Session, asked: AuditQuery, page: Page) -> Sequence[AuditEntry]:
    """Return one page of the entries, newest first."""
    return session.scalars(
        select(AuditEntry)
        .where(*asked.conditions)
        .order_by(AuditEntry.id.desc())
        .offset(page.offset)
        .limit(page.size)
    ).all()


def count_entries(session: Session, asked: AuditQuery) -> int:
    return session.scalars(
        select(func.count()).select_from(AuditEntry).where(*asked.conditions)
    ).one()


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One fact of an entry, as texts; *before* or *after* is empty where it was not there then."""

    name: str
    before: str
    after: str


def changes_of(entry: AuditEntry) -> list[Change]:
    """Return what *entry* changed, by name, but for what was empty and is."""
    before, after = entry.before or {}, entry.after or {}
    changes = [
        Change(name, _text(before, name), _text(after, name)) for name in sorted({*before, *after})
    ]
    return [change for change in changes if change.before or change.after]


def _text(facts: dict[str, Any], name: str) -> str:
    match facts.get(name):
        case None:
            return ""
        case str(text):
            return text
        case bool(fact):
            return "yes" if fact else "no"
        case list(items) if all(isinstance(item, str) for item in items):
            return ", ".join(items)
        case other:
            return json.dumps(other, ensure_ascii=False)
