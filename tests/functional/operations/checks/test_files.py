from __future__ import annotations

import dataclasses
import os
import shutil

from ponytracker.attachments.store import StoreUnavailable
from ponytracker.operations.checks import files
from ponytracker.operations.checks.files import check_attachments, check_files
from ponytracker.settings.metrics import MetricsSettings
from ponytracker.settings.s3 import Place, S3Settings


def test_sqlite_needs_its_folder_too(said, tmp_path, monkeypatch):
    path = tmp_path / "db.sqlite"
    path.touch(0o600)
    url = f"sqlite:///{path}"
    first, disk = said(check_files, database_url=url)
    assert first == f"ok SQLite: {path} and its folder can be written to."
    assert disk.endswith(f"GB are free at {tmp_path}.")

    def access(place, mode):  # root may write everywhere
        return str(place) != str(tmp_path)

    monkeypatch.setattr(os, "access", access)
    line = said(check_files, database_url=url)[0]
    assert line.startswith(f"WRONG SQLite: {tmp_path} cannot be written to by this user.")

    lock = tmp_path / "db.sqlite.files-lock"
    lock.touch()
    monkeypatch.setattr(os, "access", lambda place, mode: place != lock)
    line = said(check_files, database_url=url)[0]
    assert line.startswith(f"WRONG SQLite: {lock} cannot be read by this user")
    assert line.endswith(f"chown USER {lock}")


def test_a_database_that_everybody_may_read(said, tmp_path, monkeypatch):
    path = tmp_path / "db.sqlite"
    path.touch()
    path.chmod(0o644)
    monkeypatch.setattr(files, "_is_open", lambda folder: True)
    line = said(check_files, database_url=f"sqlite:///{path}")[0]
    assert line.startswith("warn SQLite: everybody on this machine may read")
    assert line.endswith(f"chmod o= {path}*")


def test_a_folder_is_open_where_all_above_it_are(tmp_path):
    assert not files._is_open(tmp_path)  # pytest keeps its own to itself
    assert files._is_open(files.Path("/usr"))


def test_little_room(said, tmp_path, monkeypatch):
    usage = shutil.disk_usage("/")
    for free, mark in ((2**20, "WRONG"), (2**29, "warn"), (2**40, "ok")):
        found = usage._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, found=found: found)
        (line,) = said(check_files, attachments_dir=tmp_path / "new")
        assert line.startswith(f"{mark} Disk: ")


def test_the_folder_of_the_log(said, ini, tmp_path):
    text = "[app:main]\nuse = egg:ponytracker\n"
    for number, where in enumerate(("%(here)s/log", "/nowhere/at/all/log")):
        text += f"[handler_{number}]\nclass = FileHandler\nargs = ('{where}',)\n"
    text += "[handler_x]\nclass = StreamHandler\nargs = (sys.stderr,)\n"
    text += "[handler_y]\nclass = FileHandler\nargs = (os.devnull,)\n"
    ini.write_text(text)
    here, nowhere = said(check_files)
    assert here == f"ok Log: {tmp_path}/log can be written to."
    assert nowhere.startswith("WRONG Log: [handler_1] writes to /nowhere/at/all/log")


def test_files_of_metrics_that_pile_up(said, tmp_path, monkeypatch):
    metrics = MetricsSettings(enabled=True, bearer_key="k" * 20, folder=tmp_path)
    assert said(check_files, metrics=metrics) == [f"ok Metrics: {tmp_path} can be written to."]
    monkeypatch.setattr(files, "MANY_FILES", 1)
    for pid in (1, 2):
        (tmp_path / f"counter_{pid}.db").touch()
    (line,) = said(check_files, metrics=metrics)
    assert line.startswith("warn Metrics: 2 files lie in")


def test_a_folder_of_metrics_that_is_not_there(said, tmp_path):
    metrics = MetricsSettings(enabled=True, bearer_key="k" * 20, folder=tmp_path / "new")
    (line,) = said(check_files, metrics=metrics)
    assert line.startswith(f"WRONG Metrics: there is no folder {tmp_path}/new that this user can")
    assert f"install -d -o USER {tmp_path}/new." in line
    off = dataclasses.replace(metrics, enabled=False)
    assert said(check_files, metrics=off) == []


def test_attachments_in_other_storage(said, monkeypatch):
    s3 = dataclasses.replace(S3Settings(), place=Place("our-bucket", ""))

    class Away:
        name = "s3://our-bucket"

        def check(self):
            raise StoreUnavailable("the storage does not answer (EndpointConnectionError)")

    monkeypatch.setattr(files, "make_store", lambda settings: Away())
    (line,) = said(check_attachments, s3=s3)
    assert line.startswith("WRONG Attachments: s3://our-bucket: the storage does not answer")
    monkeypatch.setattr(Away, "check", lambda self: None)
    assert said(check_attachments, s3=s3) == ["ok Attachments: s3://our-bucket answers."]
