"""Backups of a tracker that people are writing to: each is of one moment, and whole."""

from __future__ import annotations

import io
import threading
from collections import Counter

import pytest
import sqlalchemy as sa

from ponytracker.accounts.service import create_user
from ponytracker.backup.format import Head, Rows, read_parts
from ponytracker.issues.service import open_issue
from ponytracker.models import Attachment, Event, EventKind, Issue
from ponytracker.projects.service import create_project
from ponytracker.security.passwords import Passwords
from tests.databases import DATABASES
from tests.integration.backup.conftest import dump
from tests.integration.client import PASSWORD, Client
from tests.servers import free_port, run, site

WRITERS = 2
BACKUPS = 2
PACE = 0.1
"""Seconds between what one of them does: the backup must come to its turn, too."""

OTHER = {"sqlite": "postgresql", "postgresql": "sqlite"}


class Writers:
    """People who open issues, comment with files, and delete what they wrote, until told to end."""

    def __init__(self, url: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._is_over = threading.Event()
        self._clients = [Client(url) for _ in range(WRITERS)]
        self._threads = [
            threading.Thread(target=self._write, args=(number, client))
            for number, client in enumerate(self._clients)
        ]

    def __enter__(self) -> Writers:
        for client in self._clients:
            client.sign_in("admin")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(120)

    def _write(self, number: int, client: Client) -> None:
        turn = 0
        while not self._is_over.wait(PACE):
            turn += 1
            title = f"Number {turn} of {number}"
            form = client.get("/web/issues/add/").fields("issue-form")
            fields = {**form, "title": title, "description": "*x* " * 200}
            self.statuses[client.post("/web/issues/add/", fields).status] += 1
            form = client.get("/web/issues/1/").fields("comment-form") | {"comment": title}
            content = f"{number} {turn % 7}".encode() * 500
            reply = client.attach("/web/issues/1/comment/", form, "a.txt", content)
            self.statuses[reply.status] += 1
            event = reply.headers["Location"].rpartition("event-")[2]
            path = f"/web/issues/1/comments/{event}/delete/"
            form = client.get(path).fields("confirm-form")
            self.statuses[client.post(path, form).status] += 1


def check_moment(octets: bytes) -> int:
    """Look whether the rows are of one moment; return how many events there are."""
    columns: dict[str, list[str]] = {}
    rows: dict[str, list[dict[str, object]]] = {}
    for part in read_parts(io.BytesIO(octets)):
        if isinstance(part, Head):
            columns = {table.name: [name for name, _ in table.columns] for table in part.tables}
            rows = {table.name: [] for table in part.tables}
        elif isinstance(part, Rows):
            names = columns[part.table.name]
            rows[part.table.name] += [dict(zip(names, row, strict=True)) for row in part.rows]
    (project,) = rows["projects"]
    assert project["last_issue_number"] == len(rows["issues"]) == project["open_count"]
    last = {event["issue_id"]: event["id"] for event in rows["events"]}
    assert {issue["id"]: issue["last_event_id"] for issue in rows["issues"]} == last
    comments = Counter(
        event["issue_id"]
        for event in rows["events"]
        if event["kind"] == EventKind.COMMENTED and event["deleted_at"] is None
    )
    assert {i["id"]: i["comment_count"] for i in rows["issues"] if i["comment_count"]} == comments
    return len(rows["events"])


@pytest.mark.parametrize("kind", DATABASES)
def test_a_backup_while_people_write(make_tracker, kind):
    tracker = make_tracker(kind)
    tracker.migrate()
    with tracker.database.session(write=True) as session, session.begin():
        password_hash = Passwords(32, 1).hash(PASSWORD)
        admin = create_user(
            session, username="admin", password_hash=password_hash, is_superuser=True
        )
        project = create_project(session, admin, name="web", display_name="Web")
        open_issue(session, project, admin, title="The first")
    port = free_port()
    counts = []
    files = [tracker.folder / f"{number}.tar" for number in range(BACKUPS)]
    with (
        site(str(tracker.ini), f"http_port={port}", port=port, folder=tracker.folder) as running,
        Writers(running.url) as writers,
    ):
        for file in files:
            done = run("ponytracker", "backup", file, "--ini", tracker.ini, folder=tracker.folder)
            assert (done.returncode, done.stderr) == (0, ""), done
            counts.append(check_moment(file.read_bytes()))
    assert set(writers.statuses) == {303}, (writers.statuses, running.output)
    assert counts == sorted(set(counts)), "nobody wrote meanwhile"
    with tracker.database.session(write=False) as session:
        assert session.scalar(sa.select(sa.func.count(Event.id))) > counts[-1]

    here = make_tracker(OTHER[kind])
    here.restore(files[-1])
    head, manifest = dump(files[-1])
    assert manifest.missing == []
    restored = here.back_up()
    assert (dump(restored)[0].tables, dump(restored)[1]) == (head.tables, manifest)
    with here.database.session(write=False) as session:
        for attachment in session.scalars(sa.select(Attachment)):
            assert here.store.path(attachment.digest).stat().st_size == attachment.size
        assert session.scalar(sa.select(sa.func.count(Issue.id))) == manifest.tables["issues"].rows

    # What could not go while a backup ran, the sweep finds.
    assert tracker.run("tidy-attachments").exit_code == 0
    with tracker.database.session(write=False) as session:
        named = set(session.scalars(sa.select(Attachment.digest)))
    assert set(tracker.store.digests()) == named
