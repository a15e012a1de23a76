"""A migration that makes tables anew on SQLite keeps every row, and what refers to it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from ponytracker.db import Database, make_engine
from ponytracker.issues import service
from ponytracker.models import Base
from ponytracker.projects.service import create_project
from tests.conftest import ROOT

NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{down_revision}"


def upgrade():
    for table in {tables}:
        with op.batch_alter_table(table, recreate="always"):
            pass
    {more}
"""


def alembic(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    program, ini = Path(sys.executable).with_name("alembic"), folder / "development.ini"
    return subprocess.run(
        [program, "-c", ini, "-x", f"database_url={url}", "upgrade", "head"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def prepare(folder: Path, more: str = "pass") -> str:
    """Migrate and fill a database in *folder*, and put one more migration there."""
    shutil.copytree(ROOT / "alembic", folder / "alembic")
    shutil.copy(ROOT / "development.ini", folder)
    url = f"sqlite:///{folder}/site.sqlite"
    assert alembic(folder, url).returncode == 0
    with Database(make_engine(url)).session(write=True) as session, session.begin():
        project = create_project(session, None, name="web", display_name="Web")
        issue = service.open_issue(session, project, None, title="Kept", text="*kept*")
        service.comment(session, issue, None, text="kept")
    last = max((folder / "alembic/versions").glob("*.py"))
    tables = [table.name for table in Base.metadata.sorted_tables]
    text = NEXT.format(down_revision=last.name[:4], tables=tables, more=more)
    (folder / "alembic/versions/9999_everything_anew.py").write_text(text)
    return url


def count_rows(url: str) -> dict[str, int]:
    with make_engine(url).connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def test_no_row_is_lost(tmp_path):
    url = prepare(tmp_path)
    before = count_rows(url)
    assert before["events"] == 2
    done = alembic(tmp_path, url)
    assert done.returncode == 0, done.stderr
    assert count_rows(url) == before


def test_a_reference_that_breaks_undoes_the_migration(tmp_path):
    url = prepare(tmp_path, more='op.execute("DELETE FROM projects")')
    before = count_rows(url)
    done = alembic(tmp_path, url)
    assert done.returncode != 0
    assert "references to nothing" in done.stderr
    assert count_rows(url) == before
