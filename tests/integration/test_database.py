"""How long whoever serves pages waits for PostgreSQL: commands wait as long as it takes."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ponytracker import db
from ponytracker.db import Database, Outage, find_outage, let_take_long, make_engine

SHOW = text("SHOW statement_timeout")
SLEEP = text("SELECT pg_sleep(1)")


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
