"""What is saved from one kind of database comes back in the other, row by row."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from ponytracker.issues import fulltext
from ponytracker.models import Attachment, Base, Issue, Label, ReceivedMail
from tests.integration.backup.conftest import dump, fill


def test_everything_comes_back(make_tracker, postgresql_engine):
    """From SQLite to PostgreSQL, on to another PostgreSQL, and back to SQLite."""
    there = make_tracker("sqlite")
    there.migrate()
    fill(there)
    file = there.back_up()
    assert file.stat().st_mode & 0o777 == 0o600
    head, manifest = dump(file)
    assert set(manifest.tables) == set(Base.metadata.tables)
    assert all(table.rows for table in manifest.tables.values())
    migrated = {"sqlite": schema(there.engine), "postgresql": schema(postgresql_engine)}
    for kind in ("postgresql", "postgresql", "sqlite"):
        here = make_tracker(kind)
        said = here.restore(file)
        assert said.startswith("Restored: ")
        file = here.back_up()
        assert dump(file)[0].tables == head.tables
        assert dump(file)[1] == manifest
        assert schema(here.engine) == migrated[kind]
        if kind == "postgresql":
            assert knows_its_rows(here.engine)
        check(here, manifest)


SCHEMA = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE type <> 'table'",
    "postgresql": "SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    " UNION SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " UNION SELECT 'trigger', tgname, '' FROM pg_trigger WHERE NOT tgisinternal",
}


def schema(engine):
    """Return what there is beside the tables: indexes, triggers, references of PostgreSQL."""
    with engine.connect() as connection:
        return set(map(tuple, connection.execute(sa.text(SCHEMA[engine.dialect.name]))))


def knows_its_rows(engine):
    """Return whether PostgreSQL has looked at what the columns hold, by which it plans."""
    looked = "SELECT attname FROM pg_stats WHERE tablename = 'issues' AND attname = 'project_id'"
    with engine.connect() as connection:
        return connection.scalar(sa.text(looked)) is not None


def check(tracker, manifest):
    verified = tracker.run("audit", "verify")
    assert verified.output.startswith("The audit log is whole: 3 entries.")
    with tracker.database.session(write=True) as session:
        (attachment,) = session.scalars(sa.select(Attachment))
        assert tracker.store.path(attachment.digest).read_bytes() == b"a file\n" * 99
        assert session.get_one(ReceivedMail, 100).raw == bytes(range(256))
        # Ids are never given out again, also those of what was deleted.
        last = manifest.tables["labels"].last_id
        session.add(Label(project_id=100, name="new"))
        session.flush()
        assert session.scalar(sa.select(sa.func.max(Label.id))) == last + 1
        session.add(Label(project_id=9, name="of no project"))
        with pytest.raises(IntegrityError):
            session.flush()
    with tracker.database.session(write=False) as session:
        found = sa.select(Issue.id).where(fulltext.matches(session, "quoted"))
        assert session.scalars(found).all()
    with pytest.raises(DBAPIError), tracker.engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit_log SET action = 'another'"))
