"""Bringing a backup into an empty database, of either kind: all of it, or nothing.

All of the file is read and checked before anything is written. Then one transaction makes the
tables as they were, fills them, and brings them up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ponytracker.attachments.holding import LOCK, hold_files
from ponytracker.attachments.store import Store
from ponytracker.backup.archive import MAX_MEMBER, Refused
from ponytracker.backup.format import File, Head, Manifest, Rows, read_parts
from ponytracker.backup.migrations import Migrations
from ponytracker.backup.rows import Table
from ponytracker.backup.schema import (
    VERSION_TABLE,
    BrokenReferences,
    empty,
    find_table_names,
    find_tables,
    insert_rows,
    loading,
    set_last_id,
)
from ponytracker.db import Database

Progress = Callable[[int], None]
"""Is told how many octets of the file are done."""


CACHE_KIB = 65_536
"""KiB of pages that SQLite keeps in memory meanwhile, so that it writes each only once or twice."""


class Checked:
    """What was found in a file that can be restored."""

    def __init__(self, head: Head, manifest: Manifest) -> None:
        self.head = head
        self.manifest = manifest


def check(
    file: IO[bytes],
    migrations: Migrations,
    store: Store | None,
    on_progress: Progress = lambda _done: None,
) -> Checked:
    """Read all of *file*; raise `Refused` where it could not be restored here."""
    parts = read_parts(file)
    head = next(parts)
    assert isinstance(head, Head)  # noqa: S101 - what comes first
    if head.revision not in migrations.revisions:
        raise Refused(
            f"The backup was made by PonyTracker {head.version}, with a database of revision"
            f" {head.revision}, which this version does not know: restore it with that version or"
            " a later one."
        )
    manifest = Manifest()
    for part in parts:
        on_progress(file.tell())
        if isinstance(part, Manifest):
            manifest = part
    if manifest.files and store is None:
        raise Refused(
            f"The backup has {manifest.files:,} attached files, and this tracker keeps none: set"
            " ponytracker.attachments_dir."
        )
    return Checked(head, manifest)


def restore(
    database: Database,
    store: Store | None,
    migrations: Migrations,
    file: IO[bytes],
    checked: Checked,
    on_progress: Progress = lambda _done: None,
) -> None:
    """Bring *file*, which was *checked*, into *database* and its files into *store*.

    Raise `Refused`, a `DBAPIError` or `OSError`, and then leave nothing behind.
    """
    file.seek(0)
    with (
        _nothing_left_of(database),
        hold_files(database.bind) as check_hold,
        _files_undone(store) as keep,
        _writing(database) as connection,
    ):
        tables = _make_tables(connection, migrations, checked.head)
        try:
            with loading(connection, tables):
                for table in tables:
                    empty(connection, table)
                for part in read_parts(file):
                    if isinstance(part, Rows):
                        insert_rows(connection, part.table, part.rows)
                    elif isinstance(part, File):
                        keep(part)
                    elif isinstance(part, Manifest) and part != checked.manifest:
                        raise Refused("The file has changed since it was checked.")
                    on_progress(file.tell())
        except (BrokenReferences, ValueError) as error:
            raise Refused(f"The rows do not fit together: {error}.") from None
        migrations.upgrade(connection, "head")
        there = find_table_names(connection)
        for name, its in checked.manifest.tables.items():
            if its.last_id is not None and name in there:
                set_last_id(connection, name, its.last_id)
        check_hold()


def _make_tables(connection: Connection, migrations: Migrations, head: Head) -> list[Table]:
    """Make the tables of *head* in a database that has none of them, as a new tracker has them."""
    wanted = {table.name for table in head.tables}
    before = find_table_names(connection)
    if before & {*wanted, VERSION_TABLE}:
        raise Refused(
            "The database has tables of a tracker already. A backup is restored into an empty one,"
            " in which `alembic upgrade` did not run either."
        )
    migrations.upgrade(connection, head.revision)
    tables = find_tables(connection, find_table_names(connection) - before - {VERSION_TABLE})
    if {t.name: set(t.columns) for t in tables} != {t.name: set(t.columns) for t in head.tables}:
        raise Refused(f"The tables of the backup are not those of its revision {head.revision}.")
    return tables


@contextmanager
def _writing(database: Database) -> Iterator[Connection]:
    """Begin a transaction in which SQLite lets tables be made anew, as a migration does it."""
    connection = database.bind.engine.connect().execution_options(sqlite_begin="IMMEDIATE")
    with connection:
        if connection.dialect.name == "sqlite":
            connection.detach()  # nobody else gets a connection that does not look at references
            driver: Any = connection.connection.dbapi_connection
            driver.execute("PRAGMA foreign_keys = OFF")  # which nothing in a transaction can do
            driver.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        with connection.begin():
            yield connection


@contextmanager
def _files_undone(store: Store | None) -> Iterator[Callable[[File], None]]:
    """Give a function that keeps a file; where the block fails, what it has kept goes again."""
    kept: list[str] = []

    def keep(file: File) -> None:
        if store is None or _has(store, file.digest):
            return
        staged = store.stage_chunks(file.chunks, MAX_MEMBER)
        try:
            kept.append(file.digest)
            store.keep(staged)
        finally:
            store.discard(staged)

    try:
        yield keep
    except BaseException:
        for digest in kept:
            with suppress(OSError):  # the sweep finds it: no row names it
                assert store is not None  # noqa: S101 - it has kept them
                store.remove(digest)
        raise


def _has(store: Store, digest: str) -> bool:
    stored = store.open(digest)
    if stored is None:
        return False
    stored.file.close()
    return True


@contextmanager
def _nothing_left_of(database: Database) -> Iterator[None]:
    """Remove the file that SQLite makes of a database that is not there yet, if nothing comes."""
    engine = database.bind.engine
    path = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
    was_there = path is None or path.exists()
    try:
        yield
    except BaseException:
        if path is not None and not was_there:
            engine.dispose()
            for suffix in ("", "-wal", "-shm", "-journal", LOCK):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        raise


def describe(error: DBAPIError) -> str:
    """Return what a database says of a row that it does not take: nothing of what is in it."""
    return str(error.orig).splitlines()[0]
