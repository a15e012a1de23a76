from __future__ import annotations

from ponytracker.operations.checks.secrets import check_secrets
from ponytracker.settings import DEVELOPMENT_SECRET
from ponytracker.settings.metrics import MetricsSettings
from tests.functional.operations.checks.conftest import GOOD

ELSEWHERE = "https://tracker.example.org"


def test_a_good_secret(said):
    assert said(check_secrets) == ["ok Secret: 32 characters, and not one of ours."]


def test_a_secret_that_can_be_guessed(said):
    (line,) = said(check_secrets, secret="abc" * 20)
    assert line.startswith("WRONG Secret: it has only 3 different characters")
    assert "generate-secret" in line
    assert "abcabc" not in line
    (line,) = said(check_secrets, secret=DEVELOPMENT_SECRET)
    assert line.startswith("warn Secret: that of development.ini")


def test_one_secret_for_two_things(said):
    _own, line = said(
        check_secrets, email_key=GOOD, metrics=MetricsSettings(bearer_key="another-one-0123")
    )
    assert line.startswith(
        "WRONG Secret: ponytracker.secret and ponytracker.email_key are the same"
    )
    assert GOOD not in line


def test_an_ini_file_that_everybody_may_read(said, ini, tmp_path):
    ini.write_text(f"[app:main]\nuse = egg:ponytracker\nponytracker.secret = {GOOD}\n")
    ini.chmod(0o644)
    line = said(check_secrets, base_url=ELSEWHERE)[-1]
    assert line == f"WRONG File rights: everybody on this machine may read {ini}: chmod o= {ini}"
    ini.chmod(0o646)
    assert "everybody on this machine may change" in said(check_secrets, base_url=ELSEWHERE)[-1]
    ini.chmod(0o640)
    assert said(check_secrets, base_url=ELSEWHERE)[-1].startswith("ok File rights:")


def test_files_that_hold_secrets(said, ini, tmp_path, monkeypatch):
    named, by_environment = tmp_path / "secret", tmp_path / "broker"
    ini.write_text(f"[app:main]\nuse = egg:ponytracker\nponytracker.secret_file = {named}\n")
    ini.chmod(0o644)
    monkeypatch.setenv("PONYTRACKER_BROKER_URL_FILE", str(by_environment))
    for path, mode in ((named, 0o604), (by_environment, 0o600)):
        path.write_text("x")
        path.chmod(mode)
    lines = said(check_secrets, base_url=ELSEWHERE)
    assert lines[1:] == [
        f"ok File rights: {ini} is not for everybody.",
        f"WRONG File rights: everybody on this machine may read {named}: chmod o= {named}",
        f"ok File rights: {by_environment} is not for everybody.",
    ]
