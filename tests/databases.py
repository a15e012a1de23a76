"""SQLite and PostgreSQL, as the real migrations make them, rolled back after each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import alembic.command
import alembic.config
import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from ponytracker.db import Database, make_engine
from tests.conftest import ROOT

DATABASES = ["sqlite", "postgresql"]


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the migrations on *connection*, up to *revision*."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, revision)


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from _engine(f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/ponytracker.sqlite")


@pytest.fixture(scope="session")
def postgresql_engine(postgresql_url: str) -> Iterator[Engine]:
    yield from _engine(postgresql_url)


def _engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    with engine.begin() as connection:
        migrate(connection)
    yield engine
    engine.dispose()


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine on each kind of database in turn; what is written through it stays."""
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found


@pytest.fixture
def database(engine: Engine) -> Iterator[Database]:
    """A database whose every commit is undone after the test."""
    if engine.dialect.name == "postgresql":
        # What was undone would stay, and make all that follows slower. It takes milliseconds.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
    bind = engine.execution_options(sqlite_begin="IMMEDIATE")
    with bind.connect() as connection, connection.begin() as transaction:
        yield Database(connection, "http://localhost")
        transaction.rollback()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.session(write=True) as session:
        yield session


class Queries(list[str]):
    """The statements that were run, without those that only frame a transaction."""


@contextmanager
def count_queries(database: Database) -> Iterator[Queries]:
    """Collect the statements that *database* runs inside the block."""
    queries = Queries()

    def remember(_connection, _cursor, statement, *_rest):  # type: ignore[no-untyped-def]
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "PRAGMA")):
            queries.append(statement)

    event.listen(database.bind, "before_cursor_execute", remember)
    try:
        yield queries
    finally:
        event.remove(database.bind, "before_cursor_execute", remember)
