"""Files are never removed while a backup reads them, nor while a restore writes them.

Whoever removes files shares a lock with others who do; a backup or a restore has it alone. Nobody
who removes files waits for it: what stays is removed by the next sweep. The lock is PostgreSQL's;
SQLite, which all use on one machine, has a file for it beside its own.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError

log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that a backup waits for those who are removing files."""

LOCK = ".files-lock"
"""What the name of the lock has beyond that of SQLite's file."""

_POLL = 0.1
_LOCK = (0x504F4E59, 1)
"""PostgreSQL's number for it; those of contents (``keeping.py``) are of another kind."""


_HOLDS = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND pid = pg_backend_pid() AND classid = :kind AND objid = :number"
)


class AlreadyHeld(DomainError):
    """A backup or a restore runs already."""


class HoldLost(DomainError):
    """The database has let the lock go: a file may have been removed meanwhile."""


@contextmanager
def hold_files(bind: Engine | Connection) -> Iterator[Callable[[], None]]:
    """Have no file removed until the block ends, which raises nothing; raise `AlreadyHeld`.

    Give a function that raises `HoldLost` where the lock did not hold until now: it is to be asked
    before what rests on it is done.
    """
    engine = bind.engine
    if engine.dialect.name == "postgresql":
        with _hold_on_postgresql(engine) as check:
            yield check
    elif (descriptor := _open_lock(engine)) is None:
        yield _is_held
    else:
        try:
            _wait_for(lambda: _try_file(descriptor, fcntl.LOCK_EX))
            yield _is_held
        finally:
            os.close(descriptor)


@contextmanager
def removing(session: Session) -> Iterator[bool]:
    """Tell whether files may be removed until the end of the transaction of *session*."""
    engine = session.get_bind().engine
    if engine.dialect.name == "postgresql":
        yield _tell(session.scalar(select(func.pg_try_advisory_xact_lock_shared(*_LOCK))))
        return
    try:
        descriptor = _open_lock(engine)
    except OSError as error:  # the file is somebody else's: nobody can tell whether they hold it
        log.error("no file can be removed from the store until its lock can be read: %s", error)
        yield False
        return
    if descriptor is None:
        yield True
        return
    try:
        yield _tell(_try_file(descriptor, fcntl.LOCK_SH))
    finally:
        os.close(descriptor)


@contextmanager
def _hold_on_postgresql(engine: Engine) -> Iterator[Callable[[], None]]:
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def check() -> None:
        with suppress(DBAPIError):  # it was ended, and the lock with it
            if connection.scalar(_HOLDS, {"kind": _LOCK[0], "number": _LOCK[1]}):
                return
        raise HoldLost("The database did not keep the lock on the files until the end.")

    try:
        connection.detach()  # closing it ends it, and the lock with it
        _wait_for(lambda: bool(connection.scalar(select(func.pg_try_advisory_lock(*_LOCK)))))
        yield check
    finally:
        with suppress(DBAPIError):
            connection.close()


def _is_held() -> None:
    """The lock of a file is held for as long as the file is open."""


def _tell(may_remove: bool | None) -> bool:
    if not may_remove:
        log.info("a backup is running: files stay until the next sweep")
    return bool(may_remove)


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
    return os.open(f"{database}{LOCK}", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _try_file(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
