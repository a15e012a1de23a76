"""Values stay one value in the files of other programs."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.deployment.syntax import (
    Line,
    Unwritable,
    cron,
    logrotate,
    sieve,
    supervisor,
    systemd,
    verbatim,
    web_server,
)

SYNTAXES = [systemd, supervisor, web_server, logrotate, cron, sieve]
SPECIAL = "\"'\\$`;|&<>(){}[]*?!#~^\n\r\t\0\x7f\u2028"

paths = st.from_regex(r"\A/[a-z0-9@+=:,./%_-]( ?[a-zé0-9@+=:,./%_-]){0,20}\Z")


@pytest.mark.parametrize("write", SYNTAXES)
def test_what_means_something_somewhere_is_refused(write):
    for character in SPECIAL:
        for where in ("/srv/{}/x", "{}/srv", "/srv{}"):
            with pytest.raises(Unwritable, match="cannot be written"):
                write(where.format(character))
            with pytest.raises(Unwritable):
                write(Line(where.format(character)))


@pytest.mark.parametrize("write", SYNTAXES)
def test_blanks_at_the_ends_are_refused(write):
    for value in ("", " ", " /srv", "/srv "):
        with pytest.raises(Unwritable):
            write(value)


@given(paths)
def test_systemd_and_supervisor_read_it_as_it_was(path):
    for write in (systemd, supervisor):
        assert [word.replace("%%", "%") for word in shlex.split(write(path))] == [path]
        assert write(Line(path)) == path.replace("%", "%%")


@given(paths)
def test_cron_and_its_shell_read_it_as_it_was(path):
    # What cron does before it gives the line to the shell: crontab(5).
    assert shlex.split(cron(path).replace(r"\%", "%")) == [path]
    assert "%" not in cron(path).replace(r"\%", "")


@given(paths)
def test_web_servers_read_it_as_it_was(path):
    assert shlex.split(web_server(path)) == [path]


def test_what_needs_no_quotes_has_none():
    assert {write("/srv/www/pony-tracker_1") for write in SYNTAXES} == {"/srv/www/pony-tracker_1"}


def test_a_key_is_written_as_it_is():
    assert verbatim("k\"e'y$%;") == "k\"e'y$%;"
    with pytest.raises(Unwritable):
        verbatim("two\nlines")
