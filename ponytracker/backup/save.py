"""Making a backup: one moment of the database, and the files that its rows name then."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from sqlalchemy import Connection, text

from ponytracker.attachments.holding import hold_files
from ponytracker.attachments.store import CHUNK, Store, Stored
from ponytracker.backup.archive import Writer
from ponytracker.backup.format import FILES, HEAD, MANIFEST, Head, Manifest, TableSum, part_name
from ponytracker.backup.migrations import Migrations
from ponytracker.backup.rows import MAX_LINE, PART, Table, encoder, pack
from ponytracker.backup.schema import (
    VERSION_TABLE,
    count_rows,
    find_last_id,
    find_table_names,
    find_tables,
    read_rows,
)
from ponytracker.db import Database
from ponytracker.errors import DomainError
from ponytracker.models import Base
from ponytracker.models.base import now

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much."""


class TooLong(DomainError):
    """A row is larger than a backup takes one."""


def save(
    database: Database,
    store: Store | None,
    migrations: Migrations,
    out: IO[bytes],
    on_progress: Progress = lambda _what, _done, _total: None,
) -> Manifest:
    """Write a backup of *database* and of the files in *store* to *out*; return what is in it.

    Raise a `DomainError` or `OSError` where it cannot be made.
    """
    with hold_files(database.bind) as check_hold, snapshot(database) as connection:
        head = _make_head(connection, migrations)
        writer = Writer(out)
        writer.add(HEAD, head.to_json())
        manifest = Manifest()
        _save_tables(writer, connection, head, manifest, on_progress)
        if "attachments" in manifest.tables:
            _save_files(writer, connection, store, manifest, on_progress)
        check_hold()
        writer.add(MANIFEST, manifest.to_json())
        writer.seal()
    return manifest


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """Connect to *database* as it is at one moment, whatever others write meanwhile."""
    connection = database.bind.engine.connect()
    if connection.dialect.name == "postgresql":
        # On SQLite every transaction that only reads is like this.
        connection = connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    with connection, connection.begin():
        yield connection


def _make_head(connection: Connection, migrations: Migrations) -> Head:
    revision = migrations.find_revision(connection)
    names = find_table_names(connection) - {VERSION_TABLE}
    if revision == migrations.head:
        names &= set(Base.metadata.tables)  # others in the same database are not ours
    return Head(
        importlib.metadata.version("ponytracker"),
        revision,
        now().isoformat(timespec="seconds"),
        tuple(find_tables(connection, names)),
    )


def _save_tables(
    writer: Writer, connection: Connection, head: Head, manifest: Manifest, on_progress: Progress
) -> None:
    total = sum(count_rows(connection, table) for table in head.tables)
    done = 0
    for table in head.tables:
        digest, rows = hashlib.sha256(), 0
        for number, (lines, count) in enumerate(_split(connection, table)):
            writer.add(part_name(table.name, number), pack(lines))
            digest.update(lines)
            rows += count
            on_progress("Saving rows", done + rows, total)
        done += rows
        last_id = find_last_id(connection, table)
        manifest.tables[table.name] = TableSum(rows, digest.hexdigest(), last_id)


def _split(connection: Connection, table: Table) -> Iterator[tuple[bytes, int]]:
    """Yield the lines of a table in parts, each with the number of its lines."""
    encode = encoder(table.columns)
    lines, count = bytearray(), 0
    for row in read_rows(connection, table):
        line = encode(row)
        if len(line) > MAX_LINE:
            raise TooLong(f"A row of {table.name} has {len(line):,} octets, {MAX_LINE:,} fit.")
        lines += line
        count += 1
        if len(lines) >= PART:
            yield bytes(lines), count
            lines, count = bytearray(), 0
    if lines:
        yield bytes(lines), count


def _save_files(
    writer: Writer,
    connection: Connection,
    store: Store | None,
    manifest: Manifest,
    on_progress: Progress,
) -> None:
    found = connection.execute(text("SELECT DISTINCT digest FROM attachments ORDER BY digest"))
    digests = found.scalars().all()
    for number, digest in enumerate(digests, 1):
        stored = store.open(digest) if store else None
        if stored is None:
            manifest.missing.append(digest)
            continue
        try:
            writer.add_chunks(FILES + digest, stored.size, _chunks(stored, digest))
        finally:
            stored.file.close()
        manifest.files += 1
        manifest.octets += stored.size
        on_progress("Saving attachments", number, len(digests))


def _chunks(stored: Stored, digest: str) -> Iterator[bytes]:
    found = hashlib.sha256()
    while chunk := stored.file.read(CHUNK):
        found.update(chunk)
        yield chunk
    if found.hexdigest() != digest:
        raise OSError(f"the file {digest} is not what it was when it was kept")
