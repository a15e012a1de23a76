from __future__ import annotations

import datetime as dt
import subprocess

import pytest

from ponytracker.operations.checks import clock
from ponytracker.operations.checks.clock import check_clock


@pytest.fixture
def ntp(monkeypatch):
    """Return a function that lets this machine say whether it keeps time by NTP.

    Nothing else is run any more, so what a test needs must be there before.
    """

    def say(answer):
        def run(*_arguments, **_kw):
            if isinstance(answer, Exception):
                raise answer
            return subprocess.CompletedProcess((), 0, stdout=f"{answer}\n")

        monkeypatch.setattr(clock.subprocess, "run", run)

    say("yes")
    return say


@pytest.mark.parametrize(
    ("answer", "mark"),
    [
        ("yes", "ok"),
        ("no", "warn"),
        ("", "?"),
        (FileNotFoundError(), "?"),
        (subprocess.TimeoutExpired("timedatectl", 5), "?"),
    ],
)
def test_the_clock_of_this_machine(said, ntp, answer, mark):
    ntp(answer)
    assert said(check_clock)[0].startswith(f"{mark} Clock: ")


def test_the_clock_of_the_database(said, database, ntp):
    lines = said(check_clock, database)
    if database.bind.dialect.name == "sqlite":
        assert len(lines) == 1  # it has none of its own
    else:
        assert lines[1] == "ok Clock of the database: the same as here."


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("seconds", "mark", "where"), [(5, "warn", "ahead of"), (-3600, "WRONG", "behind")]
)
def test_clocks_that_differ(said, database, ntp, monkeypatch, seconds, mark, where):
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() - dt.timedelta(seconds=seconds))
    line = said(check_clock, database)[1]
    assert line.startswith(f"{mark} Clock of the database: ")
    assert f" s {where} that of this machine." in line
