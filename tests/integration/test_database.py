"""How long whoever serves pages waits for PostgreSQL: commands wait as long as it takes."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ponytracker import db
from ponytracker.db import Database, Outage, find_outage, let_take_long, make_engine

SHOW = text("SHOW statement_timeout")
SLEEP = text("SELECT pg_sleep(1)")
PROCESS = text("SELECT pg_backend_pid()")


@contextmanager
def silent(process):
    """Stop what serves one connection; at the latest it goes on when whoever waits has hung."""
    go_on = threading.Timer(30, os.kill, (process, signal.SIGCONT))
    os.kill(process, signal.SIGSTOP)
    go_on.start()
    try:
        yield
    finally:
        go_on.cancel()
        os.kill(process, signal.SIGCONT)


@pytest.fixture
def served(postgresql_url, monkeypatch):
    monkeypatch.setattr(db, "STATEMENT_SECONDS", 0.2)
    engine = make_engine(postgresql_url, is_served=True)
    yield Database(engine)
    engine.dispose()


def test_a_statement_is_given_up(served):
    for _ in range(2):  # the second by a connection that was used before
        with served.session(write=True) as session, session.begin():
            with pytest.raises(OperationalError) as caught:
                session.execute(SLEEP)
            assert find_outage(caught.value) is Outage.TOO_SLOW


def test_what_takes_long_for_good_reasons_may(served):
    with served.session(write=True) as session, session.begin():
        let_take_long(session)
        session.execute(SLEEP)
    with served.session(write=True) as session, session.begin():
        assert session.scalar(SHOW) == "200ms"


def test_a_command_waits(postgresql_url):
    engine = make_engine(postgresql_url)
    with engine.connect() as connection:
        assert connection.scalar(SHOW) == "2min"  # as the server of the tests has it
    engine.dispose()


def test_a_server_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(db, "CONNECT_SECONDS", 2)  # libpq takes no less
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        engine = make_engine(f"postgresql://someone@127.0.0.1:{port}/x", is_served=True)
        with pytest.raises(OperationalError, match="timeout") as caught:
            engine.connect()
        assert find_outage(caught.value) is Outage.AWAY


def test_a_connection_that_falls_silent_is_given_up(served, monkeypatch):
    """The other end takes what it is sent, and says nothing: its own limits are worth nothing."""
    monkeypatch.setattr(db, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(db, "SILENT_SECONDS", 0.5)
    with served.session(write=False) as session:
        process = session.scalar(PROCESS)
    with silent(process):  # while nobody used it
        with served.session(write=False) as session:
            other = session.scalar(PROCESS)
        assert other != process
    with served.session(write=True) as session:
        assert session.scalar(PROCESS) == other
        with silent(other):
            with pytest.raises(OperationalError) as caught:
                session.execute(SLEEP)
            assert caught.value.connection_invalidated
            assert find_outage(caught.value) is Outage.AWAY
    with served.session(write=True) as session, session.begin():
        assert session.scalar(PROCESS) not in (process, other)
        let_take_long(session)
        session.execute(SLEEP)
    with served.session(write=True) as session:
        assert session.connection().connection.dbapi_connection.patience == 0.5


@pytest.mark.parametrize("is_served", [True, False])
def test_a_host_that_is_lost_is_noticed(postgresql_url, is_served):
    engine = make_engine(postgresql_url, is_served=is_served)
    with engine.connect() as connection:
        descriptor = os.dup(connection.connection.dbapi_connection.fileno())
        with socket.socket(fileno=descriptor) as its:
            assert its.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
            assert its.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert its.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
    engine.dispose()
