"""The audit log: who did what to accounts and rights, when, from where; before and after.

Each entry carries a SHA-256 over itself and over the hash of the entry before it, so that an entry
that is changed, removed or put in between shows in `verify`. The database refuses to change or
delete a row. Whoever may do everything to the database could still write the whole chain anew, or
cut off its end: note the last hash elsewhere from time to time, and ask `verify` for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.models.base import now
from ponytracker.models.site import AuditEntry, SiteSettings
from ponytracker.security.principals import Identity

BATCH = 1000
"""Entries that are read at once."""


def record(
    session: Session,
    actor: Identity,
    action: str,
    target: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append what *actor* has done, in the transaction in which they did it.

    *action* is ``noun.verb``, such as ``grant.add``; *target* names what it was done to. *before*
    and *after* hold what JSON can; where both are given, only what differs is kept. Passwords and
    their hashes never go in.
    """
    if before is not None and after is not None:
        before, after = _differing(before, after), _differing(after, before)
    # One writer at a time, until the commit: two entries must not follow the same one.
    session.flush()
    session.execute(select(SiteSettings.id).with_for_update(key_share=True)).one()
    previous = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1))
    entry = AuditEntry(
        created_at=now(),
        actor_id=actor.user_id,
        actor_name=actor.username,
        address=actor.address[:64],
        action=action,
        target=target[:255],
        before=before,
        after=after,
        previous_hash=previous or "",
    )
    entry.hash = hash_entry(entry)
    session.add(entry)
    session.flush()
    return entry


def hash_entry(entry: AuditEntry) -> str:
    """Return the hash of *entry*: SHA-256 over its fields as JSON, in hexadecimal."""
    fields = [
        entry.previous_hash,
        entry.created_at.isoformat(),
        entry.actor_id,
        entry.actor_name,
        entry.address,
        entry.action,
        entry.target,
        entry.before,
        entry.after,
    ]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Broken(Exception):
    """The chain does not hold; the text says where."""


def verify(session: Session, *, noted: str | None = None) -> tuple[int, str]:
    """Return the number of entries and the last one's hash; raise `Broken` where the chain is.

    With *noted*, a hash that was the last one at some time, it must be among them.
    """
    count, previous, seen = 0, "", noted is None
    for entry in _in_order(session):
        if entry.previous_hash != previous:
            raise Broken(f"Entry {entry.id} does not follow the one before it.")
        if entry.hash != hash_entry(entry):
            raise Broken(f"Entry {entry.id} was changed.")
        previous = entry.hash
        count += 1
        seen = seen or previous == noted
    if not seen:
        raise Broken("The hash you noted is not in the log: its end was cut off or written anew.")
    return count, previous


def _in_order(session: Session) -> Iterator[AuditEntry]:
    last_id = 0
    while True:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.id > last_id).order_by(AuditEntry.id).limit(BATCH)
        ).all()
        if not entries:
            return
        yield from entries
        last_id = entries[-1].id
        session.expunge_all()


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if other.get(key) != value}
