"""``tools/backup.sh``, which cron or a timer runs each night."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.servers import ROOT

DAY = 86_400


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script in a checkout whose program only makes the file."""
    program = tmp_path / ".venv/bin/ponytracker"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\n: > "$2"\n')
    program.chmod(0o755)
    (tmp_path / "tools").mkdir()
    return Path(shutil.copy(ROOT / "tools/backup.sh", tmp_path / "tools"))


@pytest.mark.parametrize("minutes", [-10, 0, 10])
def test_those_of_the_last_fourteen_days_are_kept(script, tmp_path, minutes):
    """No two nights' runs are a whole day apart."""
    folder = tmp_path / "backups"
    folder.mkdir()
    for days in range(1, 21):
        path = folder / f"ponytracker-{days}.backup"
        path.touch()
        when = time.time() - days * DAY + minutes * 60
        os.utime(path, (when, when))
    (folder / "other.backup").touch()
    os.utime(folder / "other.backup", (0, 0))
    subprocess.run([script, tmp_path / "tracker.ini", folder], check=True)
    names = {path.name for path in folder.iterdir()} - {"other.backup"}
    assert len(names) == 14
    assert names > {f"ponytracker-{days}.backup" for days in range(1, 14)}
    assert (folder / "other.backup").exists()
