"""The migrations, in databases of their own: they make exactly the models, and can be undone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Engine, Integer, MetaData, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ponytracker.accounts.service import create_user
from ponytracker.db import make_engine
from ponytracker.issues.service import open_issue
from ponytracker.models import Base, Grant, GrantPermission, Group, SiteSettings, Team, User
from ponytracker.models.search_index import is_compared
from ponytracker.projects.service import create_project
from tests.servers import ROOT, free_port, run

GOOD = {
    "PONYTRACKER_SECRET": "one secret that is long enough for this",
    "PONYTRACKER_BASE_URL": "https://tracker.example.org",
}


def migrate(engine: Engine, to: str, scripts: Path = ROOT / "alembic") -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(scripts))
    command = alembic.command.downgrade if to == "base" else alembic.command.upgrade
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command(config, to)


def differences(engine: Engine, metadata: MetaData = Base.metadata) -> list[Any]:
    """Return what a new migration would have to change, in the eyes of Alembic."""
    with engine.connect() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_object": is_compared,
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def structure(engine: Engine) -> dict[str, Any]:
    """Return all that the database says of its tables, for what Alembic does not compare."""
    inspector = inspect(engine)
    tables = {
        table
        for table in inspector.get_table_names()
        if table != "alembic_version" and is_compared(None, table, "table")
    }
    found: dict[str, Any] = {
        table: {
            "columns": {
                column["name"]: {**column, "type": str(column["type"])}
                for column in inspector.get_columns(table)
                if is_compared(None, column["name"], "column")
            },
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": _by_name(inspector.get_foreign_keys(table)),
            "unique": _by_name(inspector.get_unique_constraints(table)),
            "checks": _by_name(inspector.get_check_constraints(table)),
        }
        for table in tables
    }
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''"
            counted = "SELECT name, 1 FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"
            found["AUTOINCREMENT"] = dict(connection.execute(text(counted)).all())
        else:
            indexes = (
                "SELECT indexname, indexdef FROM pg_indexes"
                " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            )
        rows = connection.execute(text(indexes))
        found["indexes"] = {
            name: re.sub(r"\s+", " ", sql) for name, sql in rows if is_compared(None, name, "index")
        }
    return found


def _by_name(constraints: list[Any]) -> dict[str, Any]:
    return {constraint["name"]: constraint for constraint in constraints}


def rows(engine: Engine) -> dict[str, list[Any]]:
    """Return all that is stored, by table."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(table.select())))
            for table in Base.metadata.sorted_tables
        }


@pytest.fixture
def engine(empty_engine: Engine) -> Engine:
    migrate(empty_engine, "head")
    return empty_engine


def test_migrations_make_what_the_models_say(engine):
    assert differences(engine) == []
    migrated = structure(engine)
    assert len(migrated) > 20
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
        Base.metadata.create_all(connection)
    assert structure(engine) == migrated


def test_a_forgotten_migration_is_noticed(engine):
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(metadata)
    metadata.tables["labels"].append_column(Column("forgotten", Integer))
    assert [difference[0] for difference in differences(engine, metadata)] == ["add_column"]


@pytest.mark.parametrize("grantee", [None, "user", "group", "team"])
def test_a_grantee_has_one_grant_in_each_place(engine, grantee):
    """The unique index over NULLs: databases do not tell enough of it to be compared."""
    with Session(engine) as session, session.begin():
        project = create_project(session, None, name="web", display_name="Web")
        user = create_user(session, username="someone")
        rows = {"user": user, "group": Group(name="some"), "team": Team(name="some")}
        session.add_all([rows["group"], rows["team"]])
        session.flush()
        who = {f"{grantee}_id": rows[grantee].id} if grantee else {}
        places = (None, project.id)
        # The first migration has given the one for anyone signed in, everywhere.
        session.add_all(Grant(project_id=place, **who) for place in places if place or who)
    for place in places:
        with Session(engine) as session:
            session.add(Grant(project_id=place, **who))
            with pytest.raises(IntegrityError, match=r"(?i)unique"):
                session.flush()


def test_a_grant_has_one_grantee(engine):
    with Session(engine) as session:
        user = create_user(session, username="someone")
        group = Group(name="some")
        session.add(group)
        session.flush()
        session.add(Grant(user_id=user.id, group_id=group.id))
        with pytest.raises(IntegrityError, match="ck_grants_one_grantee"):
            session.flush()


def test_downgrade_leaves_nothing_and_upgrade_makes_it_again(engine):
    before, stored = structure(engine), rows(engine)
    with Session(engine) as session, session.begin():
        author = create_user(session, username="someone")
        project = create_project(session, author, name="web", display_name="Web")
        open_issue(session, project, author, title="It does not work")
    migrate(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM alembic_version")).all() == []
    migrate(engine, "head")
    assert structure(engine) == before
    assert rows(engine) == stored


def test_a_second_upgrade_changes_nothing(engine):
    with Session(engine) as session, session.begin():
        author = create_user(session, username="someone")
        create_project(session, author, name="web", display_name="Web")
        session.get_one(SiteSettings, 1).items_per_page = 7
    before = structure(engine), rows(engine)
    migrate(engine, "head")
    assert (structure(engine), rows(engine)) == before


def test_a_migration_that_fails_leaves_nothing_behind(engine, tmp_path):
    scripts = tmp_path / "alembic"
    shutil.copytree(ROOT / "alembic", scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "9999_fails_half_way.py").write_text(
        "from alembic import op\n"
        "import sqlalchemy as sa\n"
        f"revision, down_revision = '9999', '{head()}'\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Integer, primary_key=True))\n"
        '    op.execute("UPDATE site_settings SET items_per_page = 7")\n'
        "    raise ZeroDivisionError\n"
    )
    before = structure(engine), rows(engine)
    with pytest.raises(ZeroDivisionError):
        migrate(engine, "head", scripts)
    assert (structure(engine), rows(engine)) == before


def head() -> str:
    """Return the newest revision."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(ROOT / "alembic"))
    revision = alembic.script.ScriptDirectory.from_config(config).get_current_head()
    assert revision
    return revision


def assert_fresh(url: str) -> None:
    """Check that the database has all that a new tracker begins with, and no more."""
    engine = make_engine(url)
    try:
        with Session(engine) as session:
            assert session.query(SiteSettings).one().items_per_page == 25
            assert session.query(User).count() == 0
            grant = session.query(Grant).one()
            assert (grant.project_id, grant.user_id, grant.group_id, grant.team_id) == (None,) * 4
            assert {row.permission for row in session.query(GrantPermission)} == {
                "create_issue",
                "create_comment",
                "modify_own_comment",
            }
    finally:
        engine.dispose()


@pytest.mark.usefixtures("engine")
def test_what_a_fresh_database_begins_with(empty_url):
    assert_fresh(empty_url)


def test_alembic_takes_the_address_from_the_environment(empty_url, tmp_path):
    ini = ROOT / "production.ini"
    done = run(
        "alembic", "-c", ini, "upgrade", "head",
        folder=tmp_path, PONYTRACKER_DATABASE_URL=empty_url, **GOOD,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert_fresh(empty_url)


def test_alembic_takes_the_address_from_its_own_option_before_the_environment(empty_url, tmp_path):
    other = tmp_path / "other.sqlite"
    environment = {**GOOD, "PONYTRACKER_DATABASE_URL": f"sqlite:///{other}"}
    ini = ROOT / "production.ini"
    option = ["-x", f"database_url={empty_url}"]
    done = run("alembic", "-c", ini, *option, "upgrade", "head", folder=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert_fresh(empty_url)
    assert not other.exists()
    # What `make` and a developer ask: is a migration missing?
    done = run("alembic", "-c", ini, *option, "check", folder=tmp_path, **environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alembic_says_what_is_wrong_in_one_line(tmp_path):
    command = ["-c", ROOT / "production.ini", "upgrade", "head"]
    done = run("alembic", *command, folder=tmp_path, **{**GOOD, "PONYTRACKER_SECRET": "short"})
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "environment variable PONYTRACKER_SECRET has a value of 5" in done.stderr

    nowhere = f"postgresql://tracker:hunter2@127.0.0.1:{free_port()}/tracker"
    done = run("alembic", *command, folder=tmp_path, **GOOD, PONYTRACKER_DATABASE_URL=nowhere)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "Connection refused" in done.stderr
    assert "hunter2" not in done.stderr
