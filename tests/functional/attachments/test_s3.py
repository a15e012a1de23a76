"""Files in S3-compatible storage: the same guarantees as in a folder, and its outages in words."""

from __future__ import annotations

import dataclasses
import io
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from webtest import Upload

from ponytracker.attachments import s3 as s3_module
from ponytracker.attachments import service
from ponytracker.attachments.keeping import STORE
from ponytracker.attachments.s3 import S3Store
from ponytracker.attachments.store import StoreUnavailable
from ponytracker.cli import tidy_attachments
from ponytracker.cli.site import Site
from ponytracker.models import Access, Attachment
from ponytracker.operations.checks.files import check_attachments
from ponytracker.settings.s3 import Place
from tests.functional.attachments.conftest import new_file, picture
from tests.s3 import KEYS
from tests.servers import free_port

OTHER = "ab" * 32


@pytest.fixture
def s3(storage):
    """Settings of a bucket of this test's own, in which others keep things, too."""
    bucket = storage.make_bucket()
    for key in (f"other/ab/{OTHER[2:]}", "files/ab/README", "files/readme.txt"):
        storage.client().put_object(Bucket=bucket, Key=key, Body=b"not ours")
    return storage.settings(bucket)


@pytest.fixture
def use(app, database, session, monkeypatch):
    """Return a function that puts a store under the site."""

    def use(s3):
        store = S3Store(s3, max_mb=1, issue_max_mb=2)
        monkeypatch.setitem(app.registry, "ponytracker.attachments", store)
        database.info[STORE] = session.info[STORE] = store
        return store

    return use


@pytest.fixture
def store(use, s3):
    return use(s3)


@pytest.fixture
def attach(session, store, description, alice):
    """Return a function that attaches a file to the first issue and returns its address."""

    def attach(name="notes.txt", data=b"some notes\n"):
        (found,) = service.attach(session, store, description, alice, [new_file(name, data)])
        session.commit()
        return f"/web/issues/1/attachments/{found.id}/{found.name}"

    return attach


def out(s3):
    """Return *s3* where nobody answers."""
    return dataclasses.replace(s3, endpoint=f"http://127.0.0.1:{free_port()}")


def keys(storage, store):
    listed = storage.client().list_objects_v2(Bucket=store.bucket, Prefix=store.prefix)
    return {found["Key"] for found in listed["Contents"]} - {"files/ab/README", "files/readme.txt"}


def test_octets_are_kept_under_their_hash(storage, s3):
    store = S3Store(s3, max_mb=1)
    staged = store.stage(io.BytesIO(b"octets"))
    digest = staged.digest
    assert store.open(digest) is None
    store.keep(staged)
    assert not staged.path.exists()
    again = store.stage(b"octets")
    store.keep(again)
    assert not again.path.exists()
    assert keys(storage, store) == {f"files/{digest[:2]}/{digest[2:]}"}
    stored = store.open(digest)
    assert (stored.size, stored.file.read(2), stored.file.read()) == (6, b"oc", b"tets")
    stored.file.close()

    assert store.open_display(digest) is None
    store.make_display(digest, lambda source, target: target.write_bytes(source.read_bytes()[:3]))
    assert store.open_display(digest).file.read() == b"oct"
    assert list(store.digests()) == [digest]
    store.remove(digest)
    store.remove(digest)
    assert keys(storage, store) == set()
    assert list(store.digests()) == []
    left = storage.client().list_objects_v2(Bucket=store.bucket)["Contents"]
    assert len(left) == 3
    store.check()
    with pytest.raises(ValueError, match="not a SHA-256"):
        store.open("../x")


def test_what_was_cut_off_is_written_again(storage, s3):
    store = S3Store(s3)
    staged = store.stage(b"octets")
    key = f"files/{staged.digest[:2]}/{staged.digest[2:]}"
    storage.client().put_object(Bucket=store.bucket, Key=key, Body=b"oct")
    store.keep(staged)
    assert store.open(staged.digest).file.read() == b"octets"


def test_more_than_one_page_of_names(s3, monkeypatch):
    monkeypatch.setattr(s3_module, "NAMES_AT_ONCE", 3)
    store = S3Store(s3)
    staged = [store.stage(bytes([number])) for number in range(8)]
    for each in staged:
        store.keep(each)
    assert sorted(store.digests()) == sorted(each.digest for each in staged)


def test_files_are_sent_by_the_tracker_alone(visitor, attach, s3, storage):
    address = attach()
    answer = visitor.get(address)
    assert answer.body == b"some notes\n"
    assert answer.headers["Content-Length"] == "11"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert storage.url not in str(answer.headers)
    part = visitor.get(address, headers={"Range": "bytes=5-9"}, status=206)
    assert (part.body, part.headers["Content-Range"]) == (b"notes", "bytes 5-9/11")
    assert visitor.head(address).headers["Content-Length"] == "11"


def test_who_may_not_see_the_issue_gets_no_file(visitor, visitor_as, attach, web, world, session):
    address = attach()
    web.access = Access.PRIVATE
    session.commit()
    assert "/login" in visitor.get(address, status=303).location
    world.user("eve")
    visitor_as("eve").get(address, status=404)
    assert visitor_as("alice").get(address).body == b"some notes\n"


def test_an_image_is_made_smaller_once(visitor, attach, store, storage, monkeypatch):
    address = attach("big.png", picture(2400, 1000)) + "/display"
    answer = visitor.get(address)
    assert answer.headers["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.body)).size == (1200, 500)
    (digest,) = store.digests()
    assert f"files/display/{digest[:2]}/{digest[2:]}" in keys(storage, store)
    monkeypatch.setattr(store, "make_display", None)
    assert visitor.get(address).body == answer.body
    # Whoever has it costs the storage nothing.
    monkeypatch.setattr(store, "open_display", None)
    visitor.get(address, headers={"If-None-Match": answer.headers["ETag"]}, status=304)


def test_an_image_that_cannot_be_made_smaller_is_tried_once(visitor, attach, store, monkeypatch):
    data = picture(300, 300, "JPEG", quality=95)
    address = attach("cut.jpg", data[: len(data) // 3]) + "/display"
    visitor.get(address, status=404)
    monkeypatch.setattr(store, "make_display", None)
    visitor.get(address, status=404)


def test_no_file_is_lost_and_none_stays_behind(
    session, store, storage, description, alice, attach, monkeypatch, settings, database, tmp_path
):
    service.attach(session, store, description, alice, [new_file()])
    assert len(keys(storage, store)) == 1  # it is there before its row is committed
    session.rollback()
    assert keys(storage, store) == set()
    attach()
    service.remove_attachments(session, description)
    assert len(keys(storage, store)) == 1
    session.commit()
    assert keys(storage, store) == set()

    store.keep(store.stage(b"left by a killed process"))
    ini = tmp_path / "site.ini"
    ini.touch()
    changed = dataclasses.replace(settings, s3=store._s3)
    monkeypatch.setattr(tidy_attachments, "open_site", lambda ini: Site(ini, changed, database))
    done = CliRunner().invoke(tidy_attachments.tidy, ["--ini", str(ini)])
    assert "1 that nothing names removed" in done.output
    assert keys(storage, store) == set()


def test_an_outage_is_told_in_words_and_loses_nothing(
    use, s3, store, attach, visitor, visitor_as, session, caplog, storage
):
    address = attach("a.png", picture())
    use(out(s3))
    for path in (address, address + "/display"):
        answer = visitor.get(path, status=503)
        assert "The files of this site cannot be read at the moment." in answer.text
        assert answer.headers["Retry-After"] == "10"
    writer = visitor_as("alice")
    page = writer.get("/web/issues/1/")
    form = page.forms["comment-form"]
    token = form["csrf_token"].value
    answer = writer.post(
        "/web/issues/1/upload/",
        {"csrf_token": token, "file": Upload("a.txt", b"x")},
        status=503,
    )
    assert "cannot be stored" in answer.json["error"]
    fields = {**dict(form.submit_fields()), "comment": "typed at length"}
    page = writer.post(form.action, {**fields, "files": Upload("a.txt", b"x")}, status=422)
    assert "cannot be stored at the moment" in page.text
    assert page.forms["comment-form"]["comment"].value == "typed at length"

    # What is deleted meanwhile is gone; its file waits for the sweep.
    service.remove(session, Attachment.id > 0)
    session.commit()
    assert session.query(Attachment).count() == 0
    assert "stay until the next sweep" in caplog.text
    assert KEYS["secret_key"] not in caplog.text
    assert len(keys(storage, store)) == 1
    use(s3)
    assert service.remove_orphans(session, store) == 1
    assert keys(storage, store) == set()


def test_a_storage_that_does_not_answer_is_given_up(s3, monkeypatch):
    monkeypatch.setattr(s3_module, "READ_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = S3Store(dataclasses.replace(s3, endpoint=endpoint))
        with pytest.raises(StoreUnavailable, match="ReadTimeoutError"):
            store.open(OTHER)
        staged = store.stage(b"x")
        with pytest.raises(StoreUnavailable):
            store.keep(staged)
        store.discard(staged)
        assert not staged.path.exists()


def test_the_sweep_removes_what_was_begun_here_and_nothing_beside_it(s3, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = S3Store(s3)
    stranger = tmp_path / "ponytracker-2026-11-22.backup"
    stranger.touch()
    staged, fresh = store.stage(b"octets"), store.stage(b"others")
    store.keep(store.stage(b"an image"))

    def be_killed(source, _target):  # what a killed process leaves: the folder, and a copy in it
        old.append(source.parent)
        source.parent.rename(source.parent.with_name("ponytracker-old"))
        (source.parent).mkdir()

    old: list[Path] = []
    store.make_display(next(store.digests()), be_killed)
    left = old[0].with_name("ponytracker-old")
    assert list(left.iterdir())
    for path in (stranger, staged.path, left):
        os.utime(path, (0, time.time() - 100_000))
    assert store.remove_parts(older_than=90_000) == 2
    assert stranger.exists()
    assert list(store.parts.iterdir()) == [fresh.path]
    assert store.parts.stat().st_mode & 0o777 == 0o700
    # One that others could have made, and would see our files in.
    store.parts.chmod(0o777)
    for use in (lambda: store.stage(b"x"), lambda: store.remove_parts(older_than=0)):
        with pytest.raises(PermissionError, match="this user alone"):
            use()
    fresh.path.unlink()
    store.parts.rmdir()
    store.parts.symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        store.remove_parts(older_than=0)
    assert stranger.exists()


def test_the_storage_refuses(storage, s3, settings, database, tmp_path):
    """A bucket that is not there, as the administrator meets it."""
    nowhere = dataclasses.replace(s3, place=Place("no-such-bucket", ""))
    with pytest.raises(StoreUnavailable, match=r"refused ListObjectsV2 \(NoSuchBucket\)"):
        S3Store(nowhere).check()

    def say(found):
        site = Site(tmp_path, dataclasses.replace(settings, s3=found), database)
        (finding,) = check_attachments(site)
        return finding

    well = say(s3)
    assert (well.mark, well.text) == (
        "ok",
        f"Attachments: s3://{s3.place.bucket}/files/ at {storage.url} answers.",
    )
    assert say(nowhere).mark == "WRONG"
    assert "NoSuchBucket" in say(nowhere).text
    assert "does not answer (EndpointConnectionError)" in say(out(s3)).text
