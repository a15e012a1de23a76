"""The tables as they are in a database, of whatever revision: what is in them, and filling them.

They are read off the database and not off the models, which know the newest revision alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, inspect, text

from ponytracker.backup.archive import Refused
from ponytracker.backup.rows import Column, Kind, Table, kind_of
from ponytracker.models.base import UtcDateTime
from ponytracker.models.search_index import is_compared

VERSION_TABLE = "alembic_version"

_AT_ONCE = 200
_LARGE_AT_ONCE = 5
"""Rows that are fetched at once; few where each may be a mail of many MB."""

_TYPES: dict[Kind, sa.types.TypeEngine[Any]] = {
    Kind.BOOLEAN: sa.Boolean(),
    Kind.BYTES: sa.LargeBinary(),
    Kind.INTEGER: sa.Integer(),
    Kind.JSON: sa.Text(),
    Kind.REAL: sa.Float(),
    Kind.TEXT: sa.Text(),
    Kind.TIME: UtcDateTime(),
}


def find_table_names(connection: Connection) -> set[str]:
    """Return the names of all tables, but for those of the full-text index."""
    names = inspect(connection).get_table_names()
    return {name for name in names if is_compared(None, name, "table")}


def find_tables(connection: Connection, names: Iterable[str]) -> list[Table]:
    """Return the tables *names* as they are, by name; columns that compute themselves left out."""
    inspector = inspect(connection)
    return [
        Table(
            name,
            tuple(
                Column(column["name"], kind_of(column["type"]))
                for column in inspector.get_columns(name)
                if "computed" not in column
            ),
            tuple(inspector.get_pk_constraint(name)["constrained_columns"]),
        )
        for name in sorted(names)
    ]


def count_rows(connection: Connection, table: Table) -> int:
    found = connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table.name)))
    return int(found or 0)


def read_rows(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    """Yield each row, ordered by the key; never many of them are in memory."""
    has_octets = any(kind is Kind.BYTES for _, kind in table.columns)
    at_once = _LARGE_AT_ONCE if has_octets else _AT_ONCE
    columns = {name: _column(name, kind) for name, kind in table.columns}
    found = connection.execute(
        sa.select(
            # As it was written: JSON that a driver has read would come back in other letters.
            *(
                sa.cast(columns[name], sa.Text()) if kind is Kind.JSON else columns[name]
                for name, kind in table.columns
            )
        )
        .select_from(sa.table(table.name))
        .order_by(*(columns[name] for name in table.key)),
        execution_options={"yield_per": at_once},
    )
    yield from found


def find_last_id(connection: Connection, table: Table) -> int | None:
    """Return the highest id that was ever given out, or `None` where ids are not counted."""
    if table.key != ("id",):
        return None
    highest = connection.scalar(
        sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(table.name))
    )
    found = (highest, _find_counter(connection, table.name))
    return max((number for number in found if number), default=None)


def _find_counter(connection: Connection, name: str) -> int | None:
    if connection.dialect.name == "sqlite":
        counted = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return connection.scalar(counted, {"name": name})
    sequence = _sequence(connection, name)
    if sequence is None:
        return None
    # A name that PostgreSQL itself has quoted.
    query = f"SELECT CASE WHEN is_called THEN last_value END FROM {sequence}"  # noqa: S608
    return connection.scalar(text(query))


def set_last_id(connection: Connection, name: str, last_id: int) -> None:
    """Let no id of the table *name* be given out again that was before."""
    if connection.dialect.name == "sqlite":
        values = {"name": name, "last_id": last_id}
        counted = text("UPDATE sqlite_sequence SET seq = max(seq, :last_id) WHERE name = :name")
        if not connection.execute(counted, values).rowcount:
            connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last_id)"), values)
    elif (sequence := _sequence(connection, name)) is not None:
        connection.execute(sa.select(sa.func.setval(sequence, last_id)))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Add *rows*, as `ponytracker.backup.rows.decoder` makes them.

    Raise `Refused`, or a `DBAPIError`, where the database does not take one.
    """
    if connection.dialect.name == "postgresql":
        _copy_rows(connection, table, rows)
        return
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name, _ in table.columns)
    marks = ", ".join("?" * len(table.columns))
    times = [n for n, (_, kind) in enumerate(table.columns) if kind is Kind.TIME]
    connection.exec_driver_sql(
        f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})",  # noqa: S608
        [_for_sqlite(row, times) for row in rows],
    )


def _for_sqlite(row: Sequence[Any], times: Sequence[int]) -> tuple[Any, ...]:
    """Return *row* with its times as `UtcDateTime` stores them."""
    values = list(row)
    for n in times:
        if values[n] is not None:
            values[n] = values[n].replace(tzinfo=None).isoformat(" ", "microseconds")
    return tuple(values)


def empty(connection: Connection, table: Table) -> None:
    """Remove what a migration has put into a table."""
    if count_rows(connection, table):
        connection.execute(sa.delete(sa.table(table.name)))


@contextmanager
def loading(connection: Connection, tables: Iterable[Table]) -> Iterator[None]:
    """Let many rows be added to *tables*, which have none, in any order.

    References are checked at the end of the block, and indexes made then, which is many times
    faster. Raise `BrokenReferences` or, on PostgreSQL, `IntegrityError` where one leads nowhere. On
    SQLite the connection does not enforce them.
    """
    names = [table.name for table in tables]
    if connection.dialect.name == "postgresql":
        references = connection.execute(text(_REFERENCES), {"names": names}).all()
        indexes = connection.execute(text(_POSTGRESQL_INDEXES), {"names": names}).all()
        _run(connection, (f"ALTER TABLE {table} DROP CONSTRAINT {n}" for table, n, _ in references))
        _run(connection, (f"DROP INDEX {name}" for name, _ in indexes))
        yield
        _run(connection, (definition for _, definition in indexes))
        _run(
            connection,
            (
                f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
                for table, name, definition in references
            ),
        )
        return
    found = connection.exec_driver_sql(_SQLITE_INDEXES).all()
    made = [(name, definition) for table, name, definition in found if table in names]
    quote = connection.dialect.identifier_preparer.quote
    _run(connection, (f"DROP INDEX {quote(name)}" for name, _ in made))
    yield
    _run(connection, (definition for _, definition in made))
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        raise BrokenReferences(f"row {broken[1]} of {broken[0]} refers to nothing in {broken[2]}")


class BrokenReferences(Exception):
    """A row refers to one that is not there."""


_REFERENCES = """
SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
FROM pg_constraint
WHERE contype = 'f' AND conrelid = ANY (SELECT to_regclass(quote_ident(unnest(:names ::text[]))))
ORDER BY 1, 2
"""
_POSTGRESQL_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
FROM pg_index
WHERE indrelid = ANY (SELECT to_regclass(quote_ident(unnest(:names ::text[]))))
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY 1
"""
_SQLITE_INDEXES = """
SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name
"""
"""Those that a constraint has made are not among them."""


def _run(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def _copy_rows(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    from psycopg import Error, sql

    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name),
        sql.SQL(", ").join(sql.Identifier(name) for name, _ in table.columns),
    )
    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except Error as error:  # which is the driver's own: SQLAlchemy has no part in it
        # Not in the words of PostgreSQL, which repeat the value.
        code = error.sqlstate or _NO_TEXT
        why = _WHY.get(code[:2], "it gave up")
        raise Refused(
            f"PostgreSQL does not take the rows of {table.name}: {why}"
            f" (SQLSTATE {code}, {type(error).__name__})."
        ) from None


_NO_TEXT = "22021"
"""What PostgreSQL says of a NUL in a text, and psycopg before it, without a number."""

_WHY = {
    # https://www.postgresql.org/docs/current/errcodes-appendix.html
    "22": "a value does not fit its column",
    "23": "one breaks a rule of the table, such as a value that may be there only once",
    "53": "it has no room left",
}


def _sequence(connection: Connection, name: str) -> str | None:
    quoted = connection.dialect.identifier_preparer.quote(name)
    return connection.scalar(sa.select(sa.func.pg_get_serial_sequence(quoted, "id")))


def _column(name: str, kind: Kind) -> sa.ColumnClause[Any]:
    return sa.column(name, _TYPES[kind])
