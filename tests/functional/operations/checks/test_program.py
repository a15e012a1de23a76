from __future__ import annotations

import os
import zoneinfo

from ponytracker.operations.checks import program
from ponytracker.operations.checks.program import check_program


def test_all_is_well(said, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    lines = said(check_program)
    assert [line.split()[0] for line in lines] == ["ok"] * 4
    assert lines[1] == "ok User: not root (uid 1000)."


def test_uwsgi_that_runs_files_for_everybody(said, ini):
    for lines in ("http-socket = :6543", "socket = /run/web.sock"):
        ini.write_text(f"[app:main]\nuse = egg:ponytracker\n[uwsgi]\n{lines}\n")
        assert not any("uwsgi" in line for line in said(check_program))
    ini.write_text("[app:main]\nuse = egg:ponytracker\n[uwsgi]\nsocket = 127.0.0.1:6543\n")
    assert said(check_program)[-1].startswith(
        "WRONG uwsgi: section [uwsgi] has 'socket = 127.0.0.1:6543', by which everybody"
    )


def test_what_can_be_wrong(said, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    manifest = tmp_path / "manifest.json"
    monkeypatch.setattr(program, "MANIFEST", manifest)
    _version, user, assets, zones = said(check_program)
    assert user.startswith("warn User: this is root.")
    assert assets.startswith(f"WRONG Web assets: {manifest} cannot be read.")
    assert zones.startswith("WRONG Time zones: only 0 are known.")
    manifest.write_text('{"a.css": "a-1.css"}')
    assert said(check_program)[2].startswith("WRONG Web assets: a-1.css is not in")
    (tmp_path / "a-1.css").touch()
    assert said(check_program)[2] == "ok Web assets: all 1 are there."
