from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from ponytracker.db import Database, make_engine
from ponytracker.operations import readiness as module
from ponytracker.operations.readiness import READINESS, Readiness, make_readiness
from ponytracker.settings.metrics import MetricsSettings
from tests.databases import count_queries
from tests.site import Visitor

KEY = "k" * 20


@pytest.fixture
def fresh(app, monkeypatch):
    """Let nothing be known of the state of things that the tests before have asked."""
    settings = app.registry["ponytracker.settings"]
    made = make_readiness(settings, lambda: app.registry["ponytracker.database"])
    monkeypatch.setitem(app.registry, READINESS, made)
    return made


@pytest.fixture
def with_key(app, monkeypatch):
    """Let the tracker have a key for its metrics; what a program sends with it."""
    settings = app.registry["ponytracker.settings"]
    object.__setattr__(settings, "metrics", MetricsSettings(bearer_key=KEY))
    yield {"Authorization": f"Bearer {KEY}"}
    object.__setattr__(settings, "metrics", MetricsSettings())


@pytest.fixture
def no_database(app, monkeypatch):
    """Let the database be away."""
    away = Database(make_engine("sqlite:////nowhere/at/all.sqlite"))
    return lambda: monkeypatch.setitem(app.registry, "ponytracker.database", away)


def test_alive_touches_nothing_and_needs_no_session(visitor, no_database):
    no_database()
    for path in ("/health", "/health/"):
        answer = visitor.get(path)
        assert answer.json == {"status": "ok"}
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"


def test_ready(visitor, fresh, database):
    answer = visitor.get("/health/ready")
    assert answer.json == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "disk_attachments": "ok"},
    }
    assert "Set-Cookie" not in answer.headers
    with count_queries(database) as queries:
        visitor.get("/health/ready")
    assert queries == []


def test_who_is_signed_in_is_not_looked_up(world, visitor_as, fresh, no_database):
    world.user("alice")
    alice = visitor_as("alice")
    no_database()
    assert alice.get("/health").status_int == 200
    answer = alice.get("/health/ready", status=503)
    assert answer.json["checks"]["database"] == "failing"
    assert "Set-Cookie" not in answer.headers


def test_strangers_are_not_told_why(visitor, fresh, session, with_key, caplog):
    session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    session.commit()
    answer = visitor.get("/health/ready", status=503)
    assert answer.json == {
        "status": "failing",
        "checks": {"database": "ok", "migrations": "failing", "disk_attachments": "ok"},
    }
    assert "not ready: migrations: it is at 0001, this version needs" in caplog.text
    answer = visitor.get("/health/ready", headers=with_key, status=503)
    assert answer.json["why"].keys() == {"migrations"}
    for wrong in (f"Bearer {KEY}x", f"Basic {KEY}", "Bearer", KEY, "Bearer é"):
        headers = {"Authorization": wrong}
        assert "why" not in visitor.get("/health/ready", headers=headers, status=503).json


def test_a_disk_that_is_full_or_read_only(fresh, visitor, with_key, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: usage._replace(free=2**20))
    answer = visitor.get("/health/ready", headers=with_key, status=503)
    assert "has 1 MB free" in answer.json["why"]["disk_attachments"]
    monkeypatch.undo()


def test_a_folder_that_nobody_may_write_to(monkeypatch):
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    assert module.look_at_disk("x", Path("/nowhere/at/all")) == {"x": "/ cannot be written to"}


def test_without_a_broker_pages_can_be_served(app, visitor, monkeypatch, caplog):
    readiness = Readiness()

    def fail():
        raise ConnectionRefusedError("redis://:hunter2@localhost")

    readiness.add(fail, "broker", is_needed=False)
    monkeypatch.setitem(app.registry, READINESS, readiness)
    answer = visitor.get("/health/ready", status=200)
    assert answer.json == {"status": "degraded", "checks": {"broker": "failing"}}
    assert "not ready: broker: ConnectionRefusedError" in caplog.text
    assert "hunter2" not in caplog.text


def test_what_hangs_is_asked_once(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    monkeypatch.setattr(module, "KEPT_SECONDS", 0)
    go_on, asked = threading.Event(), []

    def hang():
        asked.append(1)
        go_on.wait(60)
        return {}

    readiness = Readiness()
    readiness.add(hang, "database")
    for _ in range(3):
        assert readiness.states()["database"].why == "no answer within 0.01 s"
    assert len(asked) == 1
    go_on.set()
    monkeypatch.setattr(module, "PATIENCE", 60)
    assert readiness.states()["database"].is_ok


def test_whatever_host_it_is_asked_by(app, fresh):
    stranger = Visitor(app, extra_environ={"HTTP_HOST": "10.0.0.7:6543"})
    assert stranger.get("/health").status_int == 200
    assert stranger.get("/health/ready").status_int == 200
