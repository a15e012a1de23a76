"""The database: its engine, the session of a request, and what SQLite and PostgreSQL each need.

SQLite runs in WAL mode, so that readers never wait, and whoever may write takes the write lock at
the start (BEGIN IMMEDIATE): two deferred transactions that both read and then write cannot be
queued, and one would fail with "database is locked". See docs/decisions/sqlite.rst.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum, auto
from typing import Any
from weakref import WeakSet

import transaction
import zope.sqlalchemy
from pyramid.tweens import EXCVIEW
from pyramid_retry import IRetryableError, mark_error_retryable
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool
from zope.interface import classImplements

from ponytracker.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

LOCK_WAIT_MS = 30_000
"""Milliseconds that a writer waits for SQLite's write lock before it gives up."""

STATEMENT_SECONDS = 30
"""How long a statement of whoever serves pages may take on PostgreSQL, its waits for locks too."""

CONNECT_SECONDS = 5
"""How long PostgreSQL may take to let in whoever serves pages, and to show that it is there."""

SILENT_SECONDS = 35
"""How long it may say nothing at all: longer than a statement may take."""

LOST_SECONDS = 30
"""After how long a host that takes nothing any more is lost, for commands and workers, too."""

_TCP = {
    # https://www.postgresql.org/docs/current/libpq-connect.html
    "tcp_user_timeout": str(LOST_SECONDS * 1000),  # what was sent is not acknowledged
    "keepalives_idle": "10",  # nothing was sent, and an answer is waited for
    "keepalives_interval": "5",
    "keepalives_count": "4",
}

UNAVAILABLE = (OperationalError, InternalError, InterfaceError, PoolTimeoutError)
"""What it comes to where the database is away, or does not do at the moment what it should."""

POOL: dict[str, Any] = {
    # For every database: the pool that SQLAlchemy takes for sqlite:// knows no overflow.
    "poolclass": QueuePool,
    # As many connections as the server has threads: a request has at most one.
    "max_overflow": -1,
    # An error must not tell the log the texts and hashes of its statement.
    "hide_parameters": True,
}


class Database:
    """One engine and the sessions on it, which tell the address of the site and whether it mails.

    `bind` is an engine in use, and in tests one connection whose transaction is rolled back.
    """

    def __init__(
        self, bind: Engine | Connection, base_url: str = "", *, owes_mail: bool = True
    ) -> None:
        self.bind = bind
        self.info = {"base_url": base_url, "owes_mail": owes_mail}

    def session(self, *, write: bool) -> Session:
        """Return a new session; one that is to write must say so (see the module's text)."""
        bind = self.bind
        if isinstance(bind, Engine) and write:
            bind = bind.execution_options(sqlite_begin="IMMEDIATE")
        # Where the bind is in a transaction already, what commits here is only a savepoint of it.
        return Session(bind, join_transaction_mode="create_savepoint", info=dict(self.info))


class Outage(Enum):
    """Why a database is not available."""

    AWAY = auto()
    NO_CHANGES = auto()
    TOO_SLOW = auto()


_OUTAGES = {
    # PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
    "25006": Outage.NO_CHANGES,  # read_only_sql_transaction
    "53100": Outage.NO_CHANGES,  # disk_full
    "57014": Outage.TOO_SLOW,  # query_canceled
    # SQLite: https://www.sqlite.org/rescode.html; those of SQLITE_READONLY are more than one.
    "SQLITE_FULL": Outage.NO_CHANGES,
    "SQLITE_READONLY": Outage.NO_CHANGES,
}


def find_outage(error: BaseException) -> Outage:
    """Return which outage *error*, one of `UNAVAILABLE`, is about."""
    cause = getattr(error, "orig", None)
    name = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""
    return _OUTAGES.get("_".join(name.split("_")[:2]), Outage.AWAY)


def make_database(settings: Settings, *, is_served: bool = False) -> Database:
    """Return the database of *settings*; nothing is connected yet.

    Where it *is_served*, nobody waits for it longer than people wait for a page.
    """
    return Database(
        make_engine(settings.database_url, is_served=is_served),
        settings.base_url,
        owes_mail=bool(settings.mail_default_sender),
    )


def analyze(database: Database) -> None:
    """Let PostgreSQL look at how much it has: after much was written at once.

    It plans by what it last found, and looks again only after a minute or so. Until then it may
    take tables for empty and read all of one for each row of another. SQLite plans without.
    """
    if database.bind.dialect.name == "postgresql":
        with database.session(write=True) as session, session.begin():
            session.connection().exec_driver_sql("ANALYZE")


def let_take_long(session: Session) -> None:
    """Let the statements of this transaction take as long as they need: much is deleted at once."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL statement_timeout = 0"))
        _set_patience(session.connection().connection.dbapi_connection, None)


def make_engine(database_url: str, *, is_served: bool = False) -> Engine:
    """Return an engine for *database_url*; nothing is connected yet."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        patience = {"connect_timeout": str(CONNECT_SECONDS)} if is_served else {}
        url = url.set(query={**_TCP, **patience, **url.query})
        engine = create_engine(url, pool_pre_ping=True, **POOL)
        if is_served:
            event.listen(engine, "do_connect", _connect_patiently)
            event.listen(engine, "connect", _limit_statements)
            # The pool asks whether a connection is there between its "checkin" and "checkout".
            event.listen(engine, "checkin", lambda it, _: _set_patience(it, CONNECT_SECONDS))
            event.listen(engine, "checkout", lambda it, *_: _set_patience(it, SILENT_SECONDS))
    else:
        engine = create_engine(url, **POOL)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "handle_error", _leave_read_only)
    _engines.add(engine)
    return engine


_engines: WeakSet[Engine] = WeakSet()


def _forget_connections() -> None:
    """In a process that was forked, leave its connections to the old one: both would speak."""
    for engine in _engines:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_connections)


def _connect_patiently(_dialect: Any, _record: Any, args: Any, options: Any) -> Any:
    from ponytracker.postgresql import PatientConnection  # here: SQLite needs no psycopg

    connection = PatientConnection.connect(*args, **options)
    connection.patience = CONNECT_SECONDS
    return connection


def _set_patience(connection: Any, seconds: float | None) -> None:
    if connection is not None:  # it is none where it was lost
        connection.patience = seconds


def _limit_statements(connection: Any, _record: Any) -> None:
    # Not among the options of the connection, which PgBouncer refuses.
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {int(STATEMENT_SECONDS * 1000)}")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    # SQLite's own knows ASCII only, and would not find "Émile" for "émile".
    connection.create_function("lower", 1, _lower, deterministic=True)


def _leave_read_only(context: ExceptionContext) -> None:
    """Close connections that found the file read-only: to them it would be so for ever."""
    name = getattr(context.original_exception, "sqlite_errorname", None) or ""
    if name.startswith("SQLITE_READONLY"):
        context.is_disconnect = True


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _request_session(request: Any) -> Session:
    session: Session = request.registry["ponytracker.database"].session(
        write=request.method not in SAFE_METHODS
    )
    # "changed" from the start: else what plain SQL has written is rolled back without a word.
    zope.sqlalchemy.register(session, transaction_manager=request.tm, initial_state="changed")
    return session


def _release_database(request: Any) -> None:
    """End the transaction of *request*: slow work that needs none must keep nobody waiting.

    The next use begins another one. Rows that were read stay as they were, and are no part of it.
    """
    request.tm.abort()
    request.tm.begin()


def _commit_database(request: Any) -> None:
    """Commit what *request* has written so far, whatever becomes of the rest of it.

    The next use begins another transaction. Rows stay as they are, and are no part of it.
    """
    request.dbsession.flush()
    request.dbsession.expunge_all()
    request.tm.commit()
    request.tm.begin()


def fresh_transaction_tween_factory(handler: Callable[..., Any], _registry: Any) -> Any:
    """Give error pages a transaction of their own: that of the failed view may be broken."""

    def fresh_transaction_tween(request: Any) -> Any:
        try:
            return handler(request)
        except Exception as error:
            if "tm.active" in request.environ:
                # Only the transaction that failed knows whether another try may succeed. It may by
                # another connection, where this one was lost before anything was committed.
                is_lost = getattr(error, "connection_invalidated", False)
                if is_lost or request.tm.get().isRetryableError(error):
                    mark_error_retryable(error)
                request.tm.abort()
                request.tm.begin()
            raise

    return fresh_transaction_tween


def explicit_manager(_request: Any) -> transaction.TransactionManager:
    """Return a transaction manager that refuses work outside of a begun transaction."""
    return transaction.TransactionManager(explicit=True)


def includeme(config: Any) -> None:
    # Two people who write the same unique thing at once: the second is tried again, and its
    # form then sees what the first has written.
    classImplements(IntegrityError, IRetryableError)
    config.add_request_method(_request_session, "dbsession", reify=True)
    config.add_request_method(_release_database, "release_database")
    config.add_request_method(_commit_database, "commit_database")
    config.add_tween("ponytracker.db.fresh_transaction_tween_factory", under=EXCVIEW)
