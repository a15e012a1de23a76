"""Brings the database that an ini file names up to date: ``alembic -c INI upgrade head``,
or with another address, ``alembic -c INI -x database_url=postgresql://… upgrade head``.

The address is the one PonyTracker itself uses, so that the two cannot differ.
"""

import logging.config
from typing import Any, Literal

import plaster
import sqlalchemy as sa
from sqlalchemy import Connection

from alembic import context
from ponytracker.db import make_engine
from ponytracker.models import Base
from ponytracker.models.search_index import is_compared
from ponytracker.settings import SettingError, Settings


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our column types as what they are in the database: migrations outlive our code."""
    if kind == "type" and isinstance(item, sa.TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String(length={item.length})"
    return False


def leave_foreign_keys_alone(connection: Any, _record: object) -> None:
    """Let a migration drop a table without what refers to it being deleted.

    SQLite changes a table by making it anew, which takes a DROP TABLE; with foreign keys enforced
    that is a DELETE, with all its cascades. They can be switched outside of a transaction only.
    """
    connection.execute("PRAGMA foreign_keys = OFF")


def check_foreign_keys(connection: Connection) -> None:
    """Raise an error, so that nothing is committed, where a migration broke a reference."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise RuntimeError(f"The migration leaves references to nothing: {broken[:5]}")


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=is_compared,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        transactional_ddl=True,  # also on SQLite: a migration that fails leaves nothing behind
    )
    with context.begin_transaction():
        context.run_migrations()
        check_foreign_keys(connection)


def main() -> None:
    # A test hands over the connection that it will roll back.
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    ini = context.config.config_file_name
    logging.config.fileConfig(ini, disable_existing_loggers=False)
    variables = context.get_x_argument(as_dictionary=True)
    try:
        settings = Settings.from_ini(plaster.get_settings(ini, "app:main"), variables)
        engine = make_engine(settings.database_url).execution_options(sqlite_begin="IMMEDIATE")
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", leave_foreign_keys_alone)
        connection = engine.connect()
    except SettingError as error:
        raise SystemExit(f"{ini}: {error}") from None
    except sa.exc.OperationalError as error:
        why = str(error.orig).splitlines()[0]
        raise SystemExit(f"The database cannot be opened: {why}.") from None
    with connection:
        migrate(connection)
    engine.dispose()


main()
