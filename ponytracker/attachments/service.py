"""What can be done with files: attach them, keep them for a form, take them from there, remove.

Whatever needs time, the writing and the looking into a file, happens in `prepared`, which needs no
database; a view that can does it before its transaction.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from ponytracker.attachments import keeping
from ponytracker.attachments.content import Content, look_into
from ponytracker.attachments.names import clean_name
from ponytracker.attachments.store import MB, LargerThanAllowed, Staged, Store
from ponytracker.db import Database
from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import Attachment, Event, Issue, User
from ponytracker.models.base import now

log = logging.getLogger(__name__)

MAX_FILES = 50
"""Files of one text, and files that may wait for one person's forms."""

PENDING_FOR = dt.timedelta(days=1)
"""How long a file waits for the form that it was chosen for."""

STALE_PART = 86_400.0
"""Seconds after which a file that is still being written never will be."""


class TooLarge(DomainError):
    """A file is larger than allowed, or all files of an issue would be."""


class TooMany(DomainError):
    """There are more files than allowed."""


class NotStored(DomainError):
    """The store of the files takes none at the moment."""


@dataclasses.dataclass(frozen=True, slots=True)
class NewFile:
    """A file as it came: its name and type are what the sender says of it."""

    name: str
    content_type: str
    data: bytes | IO[bytes]


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """A file that is on the disk, and was looked into."""

    name: str
    content: Content
    staged: Staged


def attach(
    session: Session,
    store: Store,
    event: Event,
    uploader: User | None,
    files: Sequence[NewFile],
) -> list[Attachment]:
    """Attach *files* to what *event* wrote, in the transaction that wrote it.

    Raise `TooLarge`, `TooMany` or `NotStored`, and then attach none.
    """
    session.flush()
    if count_of(session, Attachment.event_id == event.id) + len(files) > MAX_FILES:
        raise _too_many()
    with prepared(store, files) as them:
        added = sum(file.staged.size for file in them)
        check_size(session, store, event.issue_id, added=added)
        owner = {
            "project_id": event.project_id,
            "issue_id": event.issue_id,
            "event_id": event.id,
            "uploader_id": uploader.id if uploader else None,
        }
        return _add(session, store, them, owner)


def keep_pending(
    session: Session, store: Store, project_id: int, uploader_id: int, them: Sequence[Prepared]
) -> list[Attachment]:
    """Keep files for a form that *uploader_id* is still filling in.

    Those that have waited too long make room. Raise `TooLarge` or `TooMany`, and then keep none.
    """
    own = (Attachment.uploader_id == uploader_id, Attachment.event_id.is_(None))
    remove(session, *own, Attachment.created_at < now() - PENDING_FOR)
    if count_of(session, *own) + len(them) > MAX_FILES:
        raise _too_many()
    if size_of(session, *own) + sum(file.staged.size for file in them) > store.issue_max_size:
        raise _too_large_together(store)
    owner = {"project_id": project_id, "uploader_id": uploader_id}
    return _add(session, store, them, owner)


def find_pending(
    session: Session, project_id: int, uploader_id: int, ids: Collection[int]
) -> list[Attachment]:
    """Return those of *ids* that wait for a form of this person in this project."""
    return list(
        session.scalars(
            select(Attachment)
            .where(Attachment.id.in_(ids), *_waiting(project_id, uploader_id))
            .order_by(Attachment.id)
        )
    )


def claim(session: Session, event: Event, uploader: User, ids: Collection[int]) -> bool:
    """Attach the *ids* that wait for a form of *uploader* to *event*; return whether any did."""
    session.flush()
    claimed = session.scalars(
        update(Attachment)
        .where(Attachment.id.in_(ids), *_waiting(event.project_id, uploader.id))
        .values(event_id=event.id, issue_id=event.issue_id)
        .returning(Attachment.id)
        .execution_options(synchronize_session="fetch")
    )
    return bool(claimed.all())


def remove(session: Session, *rows: ColumnElement[bool]) -> int:
    """Remove the attachments like *rows*, and their files with them; return how many."""
    keeping.unname(session, *rows)
    removed = session.scalars(delete(Attachment).where(*rows).returning(Attachment.id))
    return len(removed.all())


def check_size(session: Session, store: Store, issue_id: int | None, *, added: int) -> None:
    """Raise `TooLarge` where an issue would have too much with so many octets more."""
    there = 0 if issue_id is None else size_of(session, Attachment.issue_id == issue_id)
    if there + added > store.issue_max_size:
        raise _too_large_together(store)


def size_of(session: Session, *rows: ColumnElement[bool]) -> int:
    """Return how many octets the attachments like *rows* have together."""
    found = session.scalar(select(func.coalesce(func.sum(Attachment.size), 0)).where(*rows))
    return int(found or 0)


def count_of(session: Session, *rows: ColumnElement[bool]) -> int:
    """Return how many attachments are like *rows*."""
    return session.scalars(select(func.count(Attachment.id)).where(*rows)).one()


@contextmanager
def prepared(store: Store, files: Sequence[NewFile]) -> Iterator[list[Prepared]]:
    """Bring *files* to the disk and look into them; those not kept by the end are removed.

    Raise `TooLarge`, `TooMany` or `NotStored`.
    """
    if len(files) > MAX_FILES:
        raise _too_many()
    them: list[Prepared] = []
    try:
        # One by one: what is written when the next fails is removed, too.
        for file in files:
            them += [_prepare(store, file)]
        yield them
    finally:
        for done in them:
            store.discard(done.staged)


def remove_orphans(session: Session, store: Store) -> int:
    """Remove what no row names, since a process was killed meanwhile; return how many files.

    Each is looked at again under its lock, so that it may run while others upload.
    """
    unnamed = keeping.find_unnamed(session, store)
    session.rollback()  # on SQLite the next would wait for this one, if it may write
    removed = keeping.remove_unused(Database(session.get_bind()), store, unnamed)
    return removed + store.remove_parts(older_than=STALE_PART)


def remove_expired(session: Session) -> int:
    """Remove what has waited for its form for too long; return how many attachments."""
    expired = Attachment.created_at < now() - PENDING_FOR
    return remove(session, Attachment.event_id.is_(None), expired)


def remove_attachments(session: Session, event: Event) -> int:
    """Remove all that is attached to what *event* wrote; return how many."""
    return remove(session, Attachment.event_id == event.id)


def forget_issue(session: Session, issue: Issue) -> None:
    """Let the files of *issue* go, which the caller deletes."""
    keeping.unname(session, Attachment.issue_id == issue.id)


def forget_project(session: Session, project_id: int) -> None:
    """Let the files of a project go, which the caller deletes."""
    keeping.unname(session, Attachment.project_id == project_id)


def _prepare(store: Store, file: NewFile) -> Prepared:
    name = clean_name(file.name)
    try:
        staged = store.stage(file.data)
    except LargerThanAllowed:
        limit = {"name": name, "max": store.max_size // MB}
        raise TooLarge(_("'${name}' is larger than ${max} MB.", mapping=limit)) from None
    except OSError as error:
        raise _not_stored(store, error) from error
    return Prepared(name, look_into(staged.path, name), staged)


def _add(
    session: Session, store: Store, them: Sequence[Prepared], owner: Mapping[str, int | None]
) -> list[Attachment]:
    for file in sorted(them, key=lambda file: file.staged.digest):
        try:
            keeping.keep(session, store, file.staged)
        except OSError as error:
            raise _not_stored(store, error) from error
    rows = [
        Attachment(
            name=file.name,
            content_type=file.content.type,
            width=file.content.width,
            height=file.content.height,
            size=file.staged.size,
            digest=file.staged.digest,
            **owner,
        )
        for file in them
    ]
    session.add_all(rows)
    session.flush()
    return rows


def _waiting(project_id: int, uploader_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Attachment.event_id.is_(None),
        Attachment.project_id == project_id,
        Attachment.uploader_id == uploader_id,
    )


def _too_many() -> TooMany:
    return TooMany(_("At most ${max} files.", mapping={"max": MAX_FILES}))


def _too_large_together(store: Store) -> TooLarge:
    limit = {"max": store.issue_max_size // MB}
    return TooLarge(_("All files of an issue together may have ${max} MB.", mapping=limit))


def _not_stored(store: Store, error: OSError) -> NotStored:
    log.error("no file can be stored in %s: %s", store.name, error)
    return NotStored(_("The file cannot be stored at the moment. Please try again later."))
