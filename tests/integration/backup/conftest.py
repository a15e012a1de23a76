"""A tracker with a row of every kind, and the commands that save and restore it."""

from __future__ import annotations

import datetime as dt
import io
import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from markupsafe import Markup

from ponytracker.attachments.folder import FolderStore
from ponytracker.attachments.keeping import STORE
from ponytracker.attachments.service import NewFile, attach
from ponytracker.backup.format import Head, Manifest, read_parts
from ponytracker.cli import main
from ponytracker.db import Database, make_engine
from ponytracker.models import Base, Event, Label, SiteSettings
from ponytracker.models.base import SafeHtml, UtcDateTime
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity
from tests.conftest import ROOT
from tests.databases import migrate
from tests.servers import fresh_postgresql

NAUGHTY = "Ünï\u2028cödé \U0001f434 \t\"quoted\" \\ 'single' \\N \\. \x7f </script> %s %(x)s :name"


class Tracker:
    """A tracker in a folder of its own, over a database of one kind."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        folder.mkdir()
        text = (ROOT / "development.ini").read_text()
        text = text.replace("%(here)s/alembic", str(ROOT / "alembic"))
        lines = (
            f"sqlalchemy.url = {url}"
            if line.startswith("sqlalchemy.url")
            else f"ponytracker.attachments_dir = {folder}/attachments"
            if line.startswith("ponytracker.attachments_dir")
            else line
            for line in text.splitlines()
        )
        self.ini = folder / "tracker.ini"
        self.ini.write_text("\n".join(lines))
        self.store = FolderStore(folder / "attachments")
        self.engine = make_engine(url)
        self.database = Database(self.engine)
        self.database.info[STORE] = self.store

    @property
    def kind(self) -> str:
        return self.engine.dialect.name

    def migrate(self, revision: str = "head") -> None:
        with self.engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
            migrate(connection, revision)

    def run(self, *arguments: str | Path) -> Result:
        done = CliRunner().invoke(main, [*map(str, arguments), "--ini", str(self.ini)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception  # no command ends by a traceback
        return done

    def back_up(self) -> Path:
        """Make a backup, and return its file."""
        file = self.folder / f"{secrets.token_hex(4)}.tar"
        done = self.run("backup", file)
        assert done.exit_code == 0, done.output
        return file

    def restore(self, file: Path, code: int = 0) -> str:
        done = self.run("restore", file)
        assert done.exit_code == code, done.output
        return done.output

    def tables(self) -> set[str]:
        return set(sa.inspect(self.engine).get_table_names())


def fill(tracker: Tracker) -> None:
    """Put rows into every table, with what is hard to carry over in their columns."""
    with tracker.engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in ("attachments", "audit_log", "site_settings"):
                for number in (0, 1):
                    connection.execute(sa.insert(table).values(_row(table, number)))
    with tracker.database.session(write=True) as session, session.begin():
        session.get_one(SiteSettings, 1).items_per_page = 7
        actor = Identity(user_id=100, username=NAUGHTY)
        for number in range(3):
            record(session, actor, "test.it", NAUGHTY, before={"n": number, "é": [None, 1.5]})
        event = session.get_one(Event, 100)
        attach(session, tracker.store, event, None, [NewFile("a.txt", "", b"a file\n" * 99)])
        gone = Label(project_id=100, name="gone")
        session.add(gone)
        session.flush()
        session.delete(gone)


def _row(table: sa.Table, number: int) -> dict[str, object]:
    values = {column.name: _value(column, number) for column in table.columns}
    if table.name == "grants":
        values |= {"project_id": None, "group_id": None, "team_id": None, "user_id": 100 + number}
    return values


def _value(column: sa.Column[Any], number: int) -> object:
    """Return something for *column*: in the second row nothing where that may be."""
    if column.name == "id" or column.foreign_keys:
        return 100 + number
    if number and column.nullable:
        return sa.null()
    match column.type:
        case sa.Enum():
            return list(column.type.enum_class)[number]
        case sa.Boolean():
            return not number
        case sa.Integer():
            return 2**31 - 1 - number
        case UtcDateTime():
            return dt.datetime(2026, 2, 28, 23, 59, 59, number, tzinfo=dt.UTC)
        case sa.JSON():
            return {"b": [1, 1.5, None, True, NAUGHTY], "a": {"": "\u0001"}}
        case sa.LargeBinary():
            return bytes(range(256))
        case SafeHtml():
            return Markup(NAUGHTY)
        case sa.String() | sa.Text():
            return f"{number}{NAUGHTY}"[: column.type.length]
    raise AssertionError(f"give {column} something")


@pytest.fixture
def make_tracker(request: pytest.FixtureRequest, tmp_path: Path):
    """Return a function that makes a tracker over an empty database of a kind."""
    with ExitStack() as stack:
        trackers: list[Tracker] = []

        def make(kind: str) -> Tracker:
            folder = tmp_path / f"{kind}-{len(trackers)}"
            url = f"sqlite:///{folder}/ponytracker.sqlite"
            if kind == "postgresql":
                server = request.getfixturevalue("postgresql_url")
                url = stack.enter_context(fresh_postgresql(server, f"test_{secrets.token_hex(6)}"))
            trackers.append(Tracker(folder, url))
            stack.callback(trackers[-1].engine.dispose)
            return trackers[-1]

        yield make


def dump(file: Path) -> tuple[Head, Manifest]:
    """Return the head and the manifest of a backup: each table's rows and their hash."""
    parts = list(read_parts(io.BytesIO(file.read_bytes())))
    assert isinstance(parts[0], Head)
    assert isinstance(parts[-1], Manifest)
    return parts[0], parts[-1]
