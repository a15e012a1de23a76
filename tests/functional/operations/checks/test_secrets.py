from __future__ import annotations

import re
from itertools import combinations

import pytest

from ponytracker.operations.checks.secrets import check_secrets
from ponytracker.settings import DEVELOPMENT_SECRET, Settings
from ponytracker.settings.keys import secret_keys
from ponytracker.settings.ldap import Ldap
from ponytracker.settings.metrics import MetricsSettings
from ponytracker.settings.s3 import S3Settings
from tests.functional.operations.checks.conftest import GOOD

OTHER = "".join(reversed(GOOD))
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


ALL = {
    "sqlalchemy.url": {"database_url": f"postgresql://pony:{GOOD}@localhost/tracker"},
    "ponytracker.secret": {"secret": GOOD},
    "mail.password": {"mail_password": GOOD},
    "ponytracker.email_key": {"email_key": GOOD},
    "ponytracker.reply_keys": {"reply_keys": ("another-one-0123", GOOD)},
    "celery.broker_url": {
        "celery_broker_url": f"sentinel://:{GOOD}@one:26379;sentinel://:{GOOD}@two:26379"
    },
    "ldap.bind_password": {"ldap": Ldap(bind_password=GOOD)},
    "ponytracker.s3_secret_key": {"s3": S3Settings(secret_key=GOOD)},
    "ponytracker.metrics_key": {"metrics": MetricsSettings(bearer_key=GOOD)},
}
"""For each secret, the settings that have it and no other."""


def test_all_secrets_are_here():
    assert set(ALL) == {key.name for key in secret_keys(Settings)}


@pytest.mark.parametrize("pair", [*combinations(ALL, 2)], ids=" ".join)
def test_one_secret_for_two_things(said, pair):
    one, other = pair
    own, line = said(check_secrets, **{"secret": OTHER} | ALL[one] | ALL[other])
    assert re.match(rf"WRONG Secret: {one}( \(2\))? and {other}( \(2\))? are the same", line)
    assert GOOD not in line
    assert said(check_secrets, **{"secret": OTHER} | ALL[one]) == [own]


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
