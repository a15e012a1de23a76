"""What cannot be restored is refused and changes nothing; what cannot be saved leaves nothing."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import time

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ponytracker.attachments import holding
from ponytracker.attachments.folder import FolderStore
from ponytracker.attachments.holding import HoldLost, hold_files
from ponytracker.attachments.service import remove_attachments, remove_orphans
from ponytracker.backup import restore as restoring
from ponytracker.backup import save as saving
from ponytracker.backup.archive import Writer, read_members
from ponytracker.cli import progress
from ponytracker.cli import restore as command
from ponytracker.cli.restore import UNCHANGED
from ponytracker.models import Attachment, Event
from tests.conftest import ROOT
from tests.databases import DATABASES
from tests.integration.backup.conftest import dump, fill
from tests.servers import BIN


@pytest.fixture
def saved(make_tracker):
    """Return a tracker with everything in it, and a backup of it."""
    tracker = make_tracker("sqlite")
    tracker.migrate()
    fill(tracker)
    return tracker, tracker.back_up()


def rewrite(file, name, change):
    """Make *file* anew, sealed as it should be, with another content of the member *name*."""
    out = io.BytesIO()
    writer = Writer(out)
    with file.open("rb") as old:
        for member in read_members(old):
            data = member.read(member.size)
            writer.add(member.name, change(data) if member.name == name else data)
    writer.seal()
    file.write_bytes(out.getvalue())


def newer(head):
    return json.dumps({**json.loads(head), "revision": "9999"}).encode()


def other_format(head):
    return json.dumps({**json.loads(head), "format": 2}).encode()


def more_columns(head):
    found = json.loads(head)
    found["tables"]["users"][0][0] = "idx"
    return json.dumps(found).encode()


def cut(file):
    file.write_bytes(file.read_bytes()[:-1500])


def alter(file):
    octets = bytearray(file.read_bytes())
    octets[len(octets) // 2] ^= 1
    file.write_bytes(octets)


def make_foreign(file):
    file.write_bytes(b"PK\x03\x04" + os.urandom(20_000))


HEAD = "ponytracker-backup.json"
BROKEN = [
    (cut, "was cut off"),
    (alter, "altered"),
    (make_foreign, "is no backup of PonyTracker"),
    (lambda file: file.write_bytes(b""), "cut off"),
    (lambda file: rewrite(file, HEAD, newer), "of revision 9999, which this version does not know"),
    (lambda file: rewrite(file, HEAD, other_format), "of a later format"),
    (lambda file: rewrite(file, HEAD, more_columns), "are not those of its revision"),
]


def test_a_file_that_is_no_whole_backup_changes_nothing(saved, make_tracker):
    _, file = saved
    octets = file.read_bytes()
    for kind in DATABASES:
        target = make_tracker(kind)
        for spoil, words in BROKEN:
            file.write_bytes(octets)
            spoil(file)
            said = target.restore(file, 1)
            assert words in said, said
            assert said.rstrip().endswith(UNCHANGED)
            assert "Traceback" not in said
            if kind == "sqlite":
                assert sorted(path.name for path in target.folder.iterdir()) == ["tracker.ini"]
            else:
                assert target.tables() == set()
        file.write_bytes(octets)
        target.restore(file)


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_is_not_empty_stays_as_it_is(saved, make_tracker, kind):
    _, file = saved
    target = make_tracker(kind)
    target.migrate()
    before = dump(target.back_up())[1]
    assert "has tables of a tracker already" in target.restore(file, 1)
    assert dump(target.back_up())[1] == before
    assert not target.store.folder.exists()


@pytest.mark.parametrize("kind", DATABASES)
def test_a_restore_that_fails_in_the_middle_leaves_nothing(
    saved, make_tracker, kind, monkeypatch, tmp_path
):
    source, file = saved
    target = make_tracker(kind)

    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:  # everything was written by then
        patch.setattr(restoring, "set_last_id", fail)
        assert "No space left on device. Nothing was changed." in target.restore(file, 1)
    assert list(target.store.digests()) == []
    assert target.tables() == set()

    # What was in the store before stays there.
    (digest,) = source.store.digests()
    target.store.keep(target.store.stage(source.store.path(digest).read_bytes()))
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "set_last_id", fail)
        target.restore(file, 1)
    assert list(target.store.digests()) == [digest]

    # References that lead nowhere, in a database that did not look at them.
    with sa.create_engine(source.url).begin() as connection:
        connection.execute(sa.text("UPDATE events SET actor_id = 12345 WHERE id = 101"))
    assert UNCHANGED in target.restore(source.back_up(), 1)
    assert target.tables() == set()


SECRET = "told-to-nobody"
MISFITS = [  # what SQLite takes, and PostgreSQL does not
    ("UPDATE labels SET name = :v WHERE id = 100", SECRET * 8, "labels", "22001"),
    ("UPDATE labels SET name = :v WHERE id = 100", f"{SECRET}\0", "labels", "22021"),
    ("UPDATE issues SET number = :v WHERE id = 100", 9_876_543_210, "issues", "22003"),
    ("UPDATE events SET args = :v WHERE id = 100", f'["{SECRET}", NaN]', "events", "22P02"),
]


def test_rows_that_the_other_kind_does_not_take(saved, make_tracker):
    source, _ = saved
    target = make_tracker("postgresql")
    for statement, value, table, code in MISFITS:
        with sa.create_engine(source.url).connect() as connection:
            connection.execute(sa.text(statement), {"v": value})
            connection.commit()
            file = source.back_up()
            said = target.restore(file, 1)
            assert f"PostgreSQL does not take the rows of {table}: a value does not fit" in said
            assert f"(SQLSTATE {code}, " in said
            assert said.rstrip().endswith(UNCHANGED)
            assert SECRET not in said
            assert "9876543210" not in said
            assert target.tables() == set()
            connection.execute(sa.text("UPDATE labels SET name = 'fits' WHERE id = 100"))
            connection.execute(sa.text("UPDATE issues SET number = 1 WHERE id = 100"))
            connection.execute(sa.text("UPDATE events SET args = '{}' WHERE id = 100"))
            connection.commit()
    target.restore(source.back_up())


def test_a_tracker_that_keeps_no_files_refuses_those_of_a_backup(saved, make_tracker):
    _, file = saved
    target = make_tracker("sqlite")
    target.ini.write_text(
        target.ini.read_text().replace("ponytracker.attachments_dir", "#attachments_dir")
    )
    assert "The backup has 1 attached files, and this tracker keeps none" in target.restore(file, 1)


def test_a_file_that_is_missing_in_the_store_is_told(saved, make_tracker):
    tracker, _ = saved
    (digest,) = tracker.store.digests()
    tracker.store.remove(digest)
    file = tracker.folder / "without.tar"
    done = tracker.run("backup", file)
    assert done.exit_code == 3
    assert "Of 1 attached files the store has nothing" in done.stderr
    assert dump(file)[1].missing == [digest]
    assert "1 attached files were missing" in make_tracker("sqlite").restore(file)
    # One that is not what it was is no reason to lose all others, but a backup must not hide it.
    tracker.store.path(digest).parent.mkdir(exist_ok=True)
    tracker.store.path(digest).write_bytes(b"spoiled")
    done = tracker.run("backup", tracker.folder / "spoiled.tar")
    assert done.exit_code == 1
    assert f"the file {digest} is not what it was" in done.output


def test_the_script_keeps_older_backups_until_one_is_whole(saved):
    tracker, _ = saved
    (digest,) = tracker.store.digests()
    kept = tracker.store.path(digest)
    folder = tracker.folder / "backups"
    folder.mkdir()
    old, part = folder / "ponytracker-old.backup", folder / ".ponytracker-old.backup.x.part"
    for path in (old, part):
        path.touch()
        os.utime(path, (0, 0))

    def run_script():
        script = [ROOT / "tools" / "backup.sh", tracker.ini, folder]
        return subprocess.run(script, capture_output=True, text=True, check=False)

    kept.rename(tracker.folder / "away")
    done = run_script()
    assert done.returncode == 3, done.stderr
    assert "attached files the store has nothing" in done.stderr
    new = set(folder.iterdir()) - {old}
    assert len(new) == 1
    assert old.exists()
    assert not part.exists()
    for path in new:
        path.unlink()
    (tracker.folder / "away").rename(kept)
    done = run_script()
    assert (done.returncode, done.stderr) == (0, "")
    assert not old.exists()
    assert len(list(folder.iterdir())) == 1


def test_where_a_backup_goes(saved):
    tracker, file = saved
    octets = file.read_bytes()
    done = tracker.run("backup", file)
    assert done.exit_code == 1
    assert "exists already" in done.output
    assert file.read_bytes() == octets
    assert "No such file or directory" in tracker.run("backup", file.parent / "no/where").output
    piped = subprocess.run(
        [BIN / "ponytracker", "backup", "-", "--ini", tracker.ini], capture_output=True, check=True
    )
    assert b"rows of" in piped.stderr
    copy = file.with_name("piped.tar")
    copy.write_bytes(piped.stdout)
    assert dump(copy)[1] == dump(file)[1]


def test_what_takes_long_tells_how_far_it_is(saved, make_tracker, monkeypatch):
    tracker, _ = saved
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    file = tracker.folder / "slow.tar"
    rows = sum(table.rows for table in dump(tracker.back_up())[1].tables.values())
    lines = tracker.run("backup", file).stderr.splitlines()
    assert f"Saving rows: {rows:,} of {rows:,}" in lines
    assert lines[-1] == "Saving attachments: 1 of 1"
    size = f"{file.stat().st_size:,} octets"
    lines = make_tracker("sqlite").run("restore", file).stderr.splitlines()
    for task in ("Checking", "Restoring"):
        told = [line for line in lines if line.startswith(f"{task}: ")]
        assert len(told) > 10
        assert told[-1] == f"{task}: {size[:-7]} of {size}"


def test_a_disk_that_is_full_leaves_no_file(saved):
    tracker, file = saved
    before = sorted(tracker.folder.iterdir())
    done = subprocess.run(
        [BIN / "ponytracker", "backup", tracker.folder / "full.tar", "--ini", tracker.ini],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert file.stat().st_size > 12_000
    assert done.returncode == 1
    assert "No backup was made: " in done.stderr
    assert "File too large" in done.stderr
    assert sorted(tracker.folder.iterdir()) == before


def test_a_backup_that_is_ended_leaves_no_file(saved):
    tracker, _ = saved
    (digest,) = tracker.store.digests()
    tracker.store.remove(digest)
    os.mkfifo(tracker.store.path(digest))  # nobody writes to it, so that reading waits
    before = sorted(tracker.folder.iterdir())
    arguments = [BIN / "ponytracker", "backup", tracker.folder / "a.tar", "--ini", tracker.ini]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while sorted(tracker.folder.iterdir()) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list(tracker.folder.glob(".a.tar.*.part"))
        running.send_signal(signal.SIGTERM)
        said = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert "Interrupted: no backup was made." in said
    assert sorted(tracker.folder.iterdir()) == before


def end_holder(engine):
    """End the connection that holds the lock on the files, as an administrator may."""
    ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE classid = :kind AND objid = 1"
    with engine.connect() as connection:
        assert connection.scalar(sa.text(ended), {"kind": holding._LOCK[0]})


def once(act):
    """Return a function that does *act* the first time."""
    waiting = [act]
    return lambda *_: waiting and waiting.pop()()


def test_a_lock_that_is_lost_changes_nothing(saved, make_tracker, monkeypatch):
    _, file = saved
    target = make_tracker("postgresql")
    with hold_files(target.engine) as check:
        check()
        end_holder(target.engine)
        with pytest.raises(HoldLost):
            check()
    lost = "The database did not keep the lock on the files until the end."
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "set_last_id", once(lambda: end_holder(target.engine)))
        said = target.restore(file, 1)
    assert f"{lost} {UNCHANGED}" in said
    assert target.tables() == set()
    assert list(target.store.digests()) == []

    # What comes after the commit fails apart.
    def fail(_database):
        raise OperationalError("ANALYZE", None, Exception("no room"))

    with monkeypatch.context() as patch:
        patch.setattr(command, "analyze", fail)
        said = target.restore(file)
    assert "Restored: " in said
    assert "did not look at what it has (no room)" in said
    with monkeypatch.context() as patch:
        patch.setattr(saving, "_save_files", lambda *_: end_holder(target.engine))
        done = target.run("backup", target.folder / "lost.tar")
    assert f"No backup was made: {lost}" in done.output
    assert not (target.folder / "lost.tar").exists()


@pytest.mark.parametrize("kind", DATABASES)
def test_no_file_goes_while_a_backup_runs(make_tracker, kind, monkeypatch, caplog):
    tracker = make_tracker(kind)
    tracker.migrate()
    fill(tracker)
    store: FolderStore = tracker.store
    monkeypatch.setattr(holding, "PATIENCE", 0.2)
    with hold_files(tracker.engine):
        with tracker.database.session(write=True) as session, session.begin():
            assert remove_attachments(session, session.get_one(Event, 100))
            assert not session.scalars(sa.select(Attachment)).all()
        assert len(list(store.digests())) == 1
        with tracker.database.session(write=False) as session:
            assert remove_orphans(session, store) == 0
        done = tracker.run("backup", tracker.folder / "second.tar")
        assert "Another backup or restore of this database is running" in done.output
    if kind == "sqlite":  # a lock that is somebody else's is no backup that runs
        lock = tracker.folder / f"ponytracker.sqlite{holding.LOCK}"
        lock.unlink()
        lock.symlink_to(lock)
        caplog.clear()
        with tracker.database.session(write=False) as session:
            assert remove_orphans(session, store) == 0
        assert "no file can be removed from the store until its lock can be read:" in caplog.text
        assert str(lock) in caplog.text
        assert "a backup is running" not in caplog.text
        lock.unlink()
    with tracker.database.session(write=False) as session:
        assert remove_orphans(session, store) == 1
    assert list(store.digests()) == []


@pytest.mark.parametrize("target", DATABASES)
def test_a_backup_of_an_older_revision(make_tracker, target):
    """It comes back as it was, and is then brought up to date."""
    source = make_tracker("sqlite")
    source.migrate("0002")
    event = {"issue_id": 1, "project_id": 1, "kind": "labeled", "args": '{"label_id": 1}'}
    with sa.create_engine(source.url).begin() as connection:
        for table, values in (
            ("projects", {"id": 1, "name": "web", "access": "public"}),
            ("labels", {"id": 1, "project_id": 1, "name": "bug"}),
            ("issues", {"id": 1, "project_id": 1, "number": 1, "state": "open"}),
            ("events", {"id": 7, **event}),
        ):
            for column in sa.inspect(connection).get_columns(table):
                if not column["nullable"] and column["name"] not in values:
                    is_time = column["name"].endswith("_at")
                    values[column["name"]] = "2026-01-02 03:04:05.000006" if is_time else 0
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)
    file = source.back_up()
    assert dump(file)[0].revision == "0002"
    here = make_tracker(target)
    assert "Its tables were of 0002, and are now of 0" in here.restore(file)
    with here.database.session(write=True) as session:
        event = session.get_one(Event, 7)
        assert (event.label_id, event.args) == (1, {})
        assert (event.issue.number, event.issue.project.name) == (1, "web")
        assert event.created_at.microsecond == 6
        session.add(Event(issue_id=1, project_id=1, kind="closed", created_at=event.created_at))
        session.flush()
        assert session.scalar(sa.select(sa.func.max(Event.id))) == 8
    assert "ok " in here.run("doctor").output
