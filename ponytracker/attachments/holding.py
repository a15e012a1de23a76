"""Files are never removed while a backup reads them, nor while a restore writes them.

Whoever removes files shares a lock with others who do; a backup or a restore has it alone. Nobody
who removes files waits for it: what stays is removed by the next sweep. The lock is PostgreSQL's;
SQLite, which all use on one machine, has a file for it beside its own.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError

PATIENCE = 30.0
"""Seconds that a backup waits for those who are removing files."""

_POLL = 0.1
_LOCK = (0x504F4E59, 1)
"""PostgreSQL's number for it; those of contents (``keeping.py``) are of another kind."""


class AlreadyHeld(DomainError):
    """A backup or a restore runs already."""


class HoldLost(DomainError):
    """The database has let the lock go: a file may have been removed meanwhile."""


@contextmanager
def hold_files(bind: Engine | Connection) -> Iterator[None]:
    """Have no file removed until the block ends.

    Raise `AlreadyHeld`, or `HoldLost` at the end where it did not hold so long.
    """
    engine = bind.engine
    if engine.dialect.name == "postgresql":
        with _hold_on_postgresql(engine):
            yield
    elif (descriptor := _open_lock(engine)) is None:
        yield
    else:
        try:
            _wait_for(lambda: _try_file(descriptor, fcntl.LOCK_EX))
            yield
        finally:
            os.close(descriptor)


@contextmanager
def removing(session: Session) -> Iterator[bool]:
    """Tell whether files may be removed until the end of the transaction of *session*."""
    engine = session.get_bind().engine
    if engine.dialect.name == "postgresql":
        yield bool(session.scalar(select(func.pg_try_advisory_xact_lock_shared(*_LOCK))))
        return
    try:
        descriptor = _open_lock(engine)
    except OSError:  # the file is somebody else's: nobody can tell whether they hold it
        yield False
        return
    if descriptor is None:
        yield True
        return
    try:
        yield _try_file(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextmanager
def _hold_on_postgresql(engine: Engine) -> Iterator[None]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()  # closing it ends it, and the lock with it
        _wait_for(lambda: bool(connection.scalar(select(func.pg_try_advisory_lock(*_LOCK)))))
        yield
        if not connection.scalar(select(func.pg_advisory_unlock(*_LOCK))):
            raise HoldLost("The database did not keep the lock on the files until the end.")


def _wait_for(try_once: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not try_once():
        if time.monotonic() > deadline:
            raise AlreadyHeld("Another backup or restore of this database is running.")
        time.sleep(_POLL)


def _open_lock(engine: Engine) -> int | None:
    """Open the file of the lock; a database in memory is nobody else's, and has none."""
    database = engine.url.database
    if not database or database == ":memory:":
        return None
    # Not the database itself: closing that would let go of SQLite's own locks on it.
    return os.open(f"{database}.files-lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _try_file(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
