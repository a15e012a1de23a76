"""``ponytracker import github`` as it is typed, over a database file of its own."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.cli import main, progress
from ponytracker.db import Database, make_engine
from ponytracker.importers import load as loading
from ponytracker.importers.github import open_archive
from ponytracker.importers.load import load
from ponytracker.importers.survey import Survey
from ponytracker.issues.service import open_issue
from ponytracker.models import Access, Issue, Project
from ponytracker.settings import DEVELOPMENT_SECRET
from tests.databases import migrate
from tests.functional.test_import_github import check_replay, snapshot
from tests.servers import BIN
from tests.unit.importers.archives import (
    backup,
    draft,
    draft_comment,
    draft_issue,
    rest_comment,
    rest_event,
    rest_issue,
    write_json,
    write_tar,
)

MANY = 450


class Tracker:
    """A tracker with an ini file and an empty database."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ponytracker.sqlite"
        self.ini = folder / "tracker.ini"
        url = f"sqlite:///{self.file}"
        self.ini.write_text(
            f"[app:main]\nuse = egg:ponytracker\nsqlalchemy.url = {url}\n"
            f"ponytracker.base_url = http://localhost\nponytracker.secret = {DEVELOPMENT_SECRET}\n"
        )
        self.engine = make_engine(url)
        with self.engine.begin() as connection:
            migrate(connection)

    def arguments(self, archive: Path, *options: str, project: str = "spec") -> list[str]:
        ini = ["--ini", str(self.ini)]
        return ["import", "github", str(archive), "--project", project, *ini, *options]

    def run(self, archive: Path, *options: str, project: str = "spec") -> Result:
        return CliRunner().invoke(main, self.arguments(archive, *options, project=project))

    def count(self) -> int:
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM issues").fetchone()
            return int(count)


@pytest.fixture
def tracker(tmp_path):
    tracker = Tracker(tmp_path)
    yield tracker
    tracker.engine.dispose()


@pytest.fixture
def large_archive(tmp_path):
    """So many issues that it takes several batches and processes to render them."""
    issues = [
        rest_issue(
            number,
            body=f"Text of {number}",
            labels=[{"name": "bug"}],
            comment_data=[rest_comment(5, "**Hm**", f"user{number % 50}")],
            event_data=[rest_event(6, "closed"), rest_event(7, "reopened")],
        )
        for number in range(1, MANY + 1)
    ]
    return write_tar(tmp_path / "large.tar.gz", backup(issues), "w:gz")


def test_what_was_imported_is_told(tracker, tmp_path):
    issue = draft_issue(1, comments=[draft_comment(2, "Hm.")], labels=["bug"])
    archive = write_json(tmp_path / "a", draft(issues=[issue], pulls=[draft_issue(2)]))
    result = tracker.run(archive)
    assert result.exit_code == 0
    first, *rest = result.output.splitlines()
    assert first.startswith("Imported into spec in 0 min ")
    assert first.endswith(" s: 1 issue, 1 comment, 1 other event.")
    assert rest == [
        "Left out: 1 pull request; --pull-requests brings them in.",
        "Created: 2 accounts, to which nobody can sign in.",
        "Created: the project spec, seen by superusers and those who are granted a right on it.",
    ]

    result = tracker.run(archive, "--pull-requests")
    first, *rest = result.output.splitlines()
    assert first.endswith(" s: 1 issue, 0 comments, 1 other event.")
    assert rest == ["Here already, from an import before: 1 issue."]


@pytest.mark.parametrize("access", Access)
def test_access_is_chosen(tracker, tmp_path, access):
    tracker.run(write_json(tmp_path / "a", draft()), "--access", access.value)
    with Session(tracker.engine) as session:
        assert session.scalars(select(Project)).one().access is access


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut off, or is neither JSON nor a tar archive"),
        (b'{"magic": "E!vIA5L86J2I", "repo": "a/b", "iss', "not JSON, or is cut off"),
        (b'{"hello": "world"}', "JSON, but no archive that can be imported"),
        (b"PK\x03\x04" + bytes(600), "neither JSON nor a tar archive"),
    ],
)
def test_what_is_no_archive_gives_one_line_and_changes_nothing(tracker, tmp_path, content, message):
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    before = list(sqlite3.connect(tracker.file).iterdump())
    result = tracker.run(archive)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert message in result.output
    assert list(sqlite3.connect(tracker.file).iterdump()) == before


def test_an_empty_directory_and_a_missing_file(tracker, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no issues" in tracker.run(tmp_path / "empty").output
    assert "does not exist" in tracker.run(tmp_path / "missing").output


def test_a_project_that_does_not_fit_is_told(tracker, tmp_path):
    result = tracker.run(write_json(tmp_path / "a", draft()), project="admin")
    assert result.output == (
        "Error: 'admin' cannot be the name of a project:"
        " Sorry, this URL is reserved and can not be used.\n"
    )


def test_interrupting_says_how_to_go_on(tracker, tmp_path, monkeypatch):
    def interrupt(*args, **kw):
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "record_issue", interrupt)
    result = tracker.run(write_json(tmp_path / "a", draft(issues=[draft_issue(1)])))
    assert result.exit_code == 1
    assert "the same command, run again, goes on from there" in result.output


def test_progress_is_told_by_lines_where_there_is_no_terminal(tracker, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0)
    result = tracker.run(write_json(tmp_path / "a", draft(issues=[draft_issue(1)])))
    assert result.stderr == "Checking the archive: 1 issues\nImporting: 1 of 1 issues\n"


def test_killed_half_way_it_goes_on_and_leaves_no_process(tracker, large_archive):
    command = [str(BIN / "ponytracker"), *tracker.arguments(large_archive)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not tracker.count():
            assert process.poll() is None
            time.sleep(0.02)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert 0 < tracker.count() < MANY
    deadline = time.monotonic() + 20
    while any(Path("/proc", child).exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    result = tracker.run(large_archive)
    assert result.exit_code == 0, result.output
    with Session(tracker.engine) as session:
        assert len(session.scalars(select(Issue)).all()) == MANY
        check_replay(session, "spec")
        interrupted = snapshot(session, "spec")
        session.delete(session.scalars(select(Project)).one())
        session.commit()
        tracker.run(large_archive)
        assert snapshot(session, "spec") == interrupted


def test_two_at_once_into_one_project(tracker, large_archive):
    outcomes = []

    def run():
        survey = Survey(open_archive(large_archive), pull_requests=False)
        list(survey.take())
        database = Database(tracker.engine)
        outcomes.append(load(database, survey, project_name="spec", access=Access.PRIVATE))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcome.issues for outcome in outcomes) == MANY
    assert all(outcome.issues + outcome.present == MANY for outcome in outcomes)
    with Session(tracker.engine) as session:
        check_replay(session, "spec")


def test_others_write_meanwhile(tracker, large_archive):
    """On SQLite, where all wait for one lock, nobody waits for more than a batch or two."""
    command = [str(BIN / "ponytracker"), *tracker.arguments(large_archive)]
    waits, numbers = [], []
    database = Database(tracker.engine)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not tracker.count():
            assert process.poll() is None
            time.sleep(0.02)
        while process.poll() is None:
            started = time.monotonic()
            with database.session(write=True) as session, session.begin():
                project = session.scalars(select(Project)).one()
                numbers.append(open_issue(session, project, None, title="Meanwhile").number)
            waits.append(time.monotonic() - started)
            time.sleep(0.1)
    assert process.returncode == 0
    assert numbers == list(range(MANY + 1, MANY + 1 + len(numbers)))
    assert max(waits) < 20
    with Session(tracker.engine) as session:
        check_replay(session, "spec")
