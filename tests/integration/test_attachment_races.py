"""The same file by several people at the same moment, and a process that dies in between."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from ponytracker.accounts.service import create_user
from ponytracker.attachments import service
from ponytracker.attachments.folder import FolderStore
from ponytracker.attachments.keeping import STORE
from ponytracker.attachments.service import NewFile, attach, remove_orphans
from ponytracker.db import Database, make_engine
from ponytracker.issues.service import find_description, open_issue
from ponytracker.models import Attachment, Event, Issue
from ponytracker.projects.service import create_project

WRITERS = 6
EACH = 25
FILE = NewFile("same.txt", "text/plain", b"the same for all")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "attachments")


@pytest.fixture
def database(migrated_url: str, store: FolderStore) -> Iterator[Database]:
    engine = make_engine(migrated_url)
    database = Database(engine)
    database.info[STORE] = store
    with database.session(write=True) as session, session.begin():
        author = create_user(session, username="someone")
        project = create_project(session, author, name="web", display_name="Web")
        for number in range(WRITERS):
            open_issue(session, project, author, title=f"Issue {number}")
    yield database
    engine.dispose()


def descriptions(database: Database) -> list[int]:
    with database.session(write=False) as session:
        issues = session.scalars(select(Issue).order_by(Issue.number))
        return [find_description(session, issue).id for issue in issues]


def test_no_row_is_ever_without_its_file(database, store):
    """Each adds the one content and removes it again, sometimes by a transaction that fails."""
    missing: list[str] = []
    failed: list[Exception] = []

    def write(event_id: int) -> None:
        try:
            for turn in range(EACH):
                with database.session(write=True) as session:
                    event = session.get_one(Event, event_id)
                    (added,) = attach(session, store, event, None, [FILE])
                    path = store.path(added.digest)
                    if turn % 3 == 2:
                        session.rollback()
                        continue
                    session.commit()
                    if not path.exists():
                        missing.append(f"{event_id} in turn {turn}")
                    service.remove_attachments(session, event)
                    session.commit()
        except Exception as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    threads = [
        threading.Thread(target=write, args=(event_id,)) for event_id in descriptions(database)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert failed == []
    assert missing == []
    assert list(store.digests()) == []


def test_the_same_file_by_two_at_once_is_kept_once(database, store):
    ready = threading.Barrier(2)

    def write(event_id: int) -> None:
        ready.wait(30)
        with database.session(write=True) as session, session.begin():
            attach(session, store, session.get_one(Event, event_id), None, [FILE])

    threads = [
        threading.Thread(target=write, args=(event_id,)) for event_id in descriptions(database)[:2]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.session(write=False) as session:
        (first, second) = session.scalars(select(Attachment)).all()
    assert first.digest == second.digest
    assert list(store.digests()) == [first.digest]


DIES = """
import os, signal, sys
from pathlib import Path
from ponytracker.attachments.service import NewFile, attach
from ponytracker.attachments.folder import FolderStore
from ponytracker.db import Database, make_engine
from ponytracker.models import Event

url, folder, event_id = sys.argv[1:]
with Database(make_engine(url)).session(write=True) as session:
    event = session.get_one(Event, int(event_id))
    attach(session, FolderStore(Path(folder)), event, None, [NewFile("a", "", b"never committed")])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_between_file_and_commit(database, store, migrated_url):
    event_id, *_ = descriptions(database)
    command = [sys.executable, "-c", DIES, migrated_url, store.folder, str(event_id)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(list(store.digests())) == 1
    with database.session(write=True) as session, session.begin():
        assert session.scalars(select(Attachment)).all() == []
        attach(session, store, session.get_one(Event, event_id), None, [FILE])
    with database.session(write=False) as session:
        assert remove_orphans(session, store) == 1
        (kept,) = session.scalars(select(Attachment))
    assert list(store.digests()) == [kept.digest]
