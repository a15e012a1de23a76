"""How a value is written in the files of other programs, so that it stays one value there.

A function a syntax. What only a few of them could hold, quotes or a dollar say, none is given:
`Unwritable` says so. A `Line` is a value that has the rest of its line to itself.
"""

from __future__ import annotations

import re

from ponytracker.errors import DomainError

_PLAIN = re.compile(r"[A-Za-z0-9@+=:,./_-]+")
_FIT = re.compile(r"[\w@+=:,./%-]([\w@+=:,./% -]*[\w@+=:,./%-])?")


class Unwritable(DomainError):
    """A value has characters that the file it goes into cannot hold."""


class Line(str):
    """A value that its line ends with, and that is written without quotes."""

    __slots__ = ()


def systemd(value: str) -> str:
    """Write a value of a unit: systemd.syntax(7), and systemd.unit(5) on specifiers."""
    return _write(value, value.replace("%", "%%"))


def supervisor(value: str) -> str:
    """Write a value of supervisord's configuration, where commands are split as a shell does."""
    return _write(value, value.replace("%", "%%"))


def web_server(value: str) -> str:
    """Write an argument of a directive of nginx or Apache."""
    return _write(value, value)


def logrotate(value: str) -> str:
    """Write a path in the configuration of logrotate(8)."""
    return _write(value, value)


def cron(value: str) -> str:
    """Write a word of a command in a crontab(5), where a bare percent sign ends the command."""
    return _write(value, value.replace("%", r"\%"))


def sieve(value: str) -> str:
    """Write what stands between the quotes of a string of Sieve (RFC 5228 §2.4.2)."""
    return _write(Line(value), value)


def verbatim(value: str) -> str:
    """Write a value into a file that has no syntax but lines."""
    if not value.isprintable():
        raise Unwritable(f"{value!r} has characters that cannot be printed.")
    return value


def _write(value: str, written: str) -> str:
    if not _FIT.fullmatch(value):
        raise Unwritable(
            f"{str(value)!r} cannot be written into the files of other programs: expected letters,"
            " digits, blanks between them and @ + = : , . / _ - % only."
        )
    if isinstance(value, Line) or _PLAIN.fullmatch(written):
        return written
    return f'"{written}"'
