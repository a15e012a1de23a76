"""Rows and files kept together, whatever becomes of a transaction.

A file is in the store before the row that names it is committed, so no row is without its file.
When a transaction that stored or unnamed a file has ended, either way, the file is removed if no
row names it. Both happen under a lock on the content, held until the commit: else one could remove
the file that another is about to name. What a killed process leaves behind, a sweep finds later.
While a backup runs, all stay (``holding.py``). See docs/decisions/attachments.rst.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, event, exists, func, select
from sqlalchemy.orm import Session, SessionTransaction

from ponytracker.attachments.holding import removing
from ponytracker.attachments.store import Staged, Store
from ponytracker.db import Database
from ponytracker.models import Attachment

log = logging.getLogger(__name__)

STORE = "attachments"
"""Under which name a session knows the store, so that services need not be told of it."""

_TOUCHED = "attachments.touched"
_AT_ONCE = 200
"""Contents that are looked at in one transaction."""


def keep(session: Session, store: Store, staged: Staged) -> None:
    """Bring *staged* into the store, for a row that this transaction adds."""
    lock_content(session, staged.digest)
    settle_afterwards(session, [staged.digest], store)
    store.keep(staged)


def unname(session: Session, *rows: ColumnElement[bool]) -> None:
    """Let the files go, once this transaction has ended, that only attachments like *rows* have.

    The caller deletes those rows, or what they are deleted with.
    """
    digests = session.scalars(select(Attachment.digest).where(*rows).distinct())
    settle_afterwards(session, digests)


def settle_afterwards(session: Session, digests: Iterable[str], store: Store | None = None) -> None:
    """Have each of *digests* looked at when the transaction has ended, however it does."""
    store = store or session.info.get(STORE)
    if store is not None:
        session.info.setdefault(_TOUCHED, {}).update(dict.fromkeys(digests, store))


@event.listens_for(Session, "after_transaction_end")
def _settle(session: Session, transaction: SessionTransaction) -> None:
    touched: dict[str, Store] = {}
    if transaction.parent is None:
        touched = session.info.pop(_TOUCHED, touched)
    if not touched:
        return
    try:
        for store in set(touched.values()):
            digests = [digest for digest, its in touched.items() if its is store]
            remove_unused(Database(session.get_bind()), store, digests)
    except Exception as error:  # noqa: BLE001 - what was asked for is done already, or has failed
        log.error("files that nothing names stay until the next sweep: %s", error)


def remove_unused(database: Database, store: Store, digests: Iterable[str]) -> int:
    """Remove those of the files with these *digests* that no row names; return how many."""
    waiting, removed = sorted(digests), 0
    while waiting:
        batch, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        with (
            database.session(write=True) as session,
            session.begin(),
            removing(session) as may_remove,
        ):
            if not may_remove:
                return removed
            for digest in batch:
                lock_content(session, digest)
                if not session.scalar(select(exists().where(Attachment.digest == digest))):
                    store.remove(digest)
                    removed += 1
    return removed


def find_unnamed(session: Session, store: Store) -> list[str]:
    """Return the digests in the store that no row names at the moment."""
    kept, unnamed = list(store.digests()), list[str]()
    for start in range(0, len(kept), _AT_ONCE):
        batch = kept[start : start + _AT_ONCE]
        named = set(session.scalars(select(Attachment.digest).where(Attachment.digest.in_(batch))))
        unnamed += [digest for digest in batch if digest not in named]
    return unnamed


def lock_content(session: Session, digest: str) -> None:
    """Hold what has this *digest*, a row or none, until the commit.

    On SQLite whoever may write holds the whole database; on PostgreSQL it is an advisory lock.
    Several are taken in the order of their digests, else two could wait for each other.
    """
    if _dialect(session) == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int(digest[:15], 16))))


def _dialect(session: Session) -> Any:
    return session.get_bind().dialect.name
