"""Attached files move from a folder to S3-compatible storage and back with a backup."""

from __future__ import annotations

from ponytracker.attachments.s3 import S3Store
from tests.integration.backup.conftest import dump, fill
from tests.s3 import KEYS


def use_s3(tracker, storage, bucket):
    """Let *tracker* keep its files in *bucket*, and return that store."""
    settings = storage.settings(bucket)
    lines = [
        f"ponytracker.attachments_url = s3://{bucket}/files",
        f"ponytracker.s3_endpoint = {storage.url}",
        *(f"ponytracker.s3_{name} = {value}" for name, value in KEYS.items()),
    ]
    old = next(line for line in tracker.ini.read_text().splitlines() if "attachments_dir =" in line)
    tracker.ini.write_text(tracker.ini.read_text().replace(old, "\n".join(lines)))
    return S3Store(settings)


def test_files_move_from_one_store_to_another(make_tracker, storage):
    there = make_tracker("sqlite")
    there.migrate()
    fill(there)
    file = there.back_up()
    bucket = storage.make_bucket()

    here = make_tracker("sqlite")
    store = use_s3(here, storage, bucket)
    here.restore(file)
    (digest,) = store.digests()
    assert store.open(digest).file.read() == there.store.path(digest).read_bytes()
    again = here.back_up()
    assert dump(again)[1] == dump(file)[1]

    storage.client().delete_object(Bucket=bucket, Key=f"files/{digest[:2]}/{digest[2:]}")
    assert dump(here.folder / again.name)[1].missing == []
    home = make_tracker("sqlite")
    home.restore(again)
    assert list(home.store.digests()) == [digest]

    # Where the storage is out, there is no backup, and nothing is restored.
    storage.stop()
    done = here.run("backup", here.folder / "none.tar")
    assert "No backup was made: the storage does not answer" in done.output
    assert not (here.folder / "none.tar").exists()
    late = make_tracker("sqlite")
    use_s3(late, storage, bucket)
    assert "the storage does not answer" in late.restore(file, 1)
    assert not (late.folder / "ponytracker.sqlite").exists()
