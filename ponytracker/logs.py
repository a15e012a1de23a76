"""How a line of the log looks, as text or as JSON, and for which request or task it was written.

The ini file names one of the two formatters. Whatever is logged while a request is answered carries
its id and, once it is known, who asks; while a task of Celery or a command runs, that. A line is
one line: what comes from outside cannot begin another. See docs/decisions/logging.rst.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

FIELDS = "fields"
"""What a record holds in its ``extra`` for fields of its own: `log.info(…, extra={FIELDS: …})`."""

MAX_PATH = 300
"""Characters of a path that are logged."""

_context: ContextVar[dict[str, object] | None] = ContextVar("ponytracker.logs", default=None)

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What ends a line, moves the cursor, or turns the direction in which it is read."""

_WORD = re.compile(r"[!#-<>-~]+")
"""What is shown as it is: printable ASCII without blanks, quotes and equals signs."""

_SECRET_PATH = re.compile(r"(?<=/unsubscribe/)/*[^/].*", re.DOTALL)
"""What proves in an address that it was mailed to somebody: whoever knows it may use it."""


@contextmanager
def context(**fields: object) -> Iterator[None]:
    """Let every line that is logged inside the block, on this thread, carry *fields*."""
    before = _context.set({**(_context.get() or {}), **fields})
    try:
        yield
    finally:
        _context.reset(before)


def add(**fields: object) -> None:
    """Let the lines to come carry *fields* too, until the innermost `context` ends."""
    known = _context.get()
    if known is not None:
        known.update(fields)


def readable_path(path: str) -> str:
    """Return *path*, as WSGI has it in PATH_INFO, as it may be logged: without its secrets.

    What is not ASCII is written as it is in addresses, %XX.
    """
    octets = path.encode("latin-1", "replace")  # PEP 3333: its octets, each as one character
    shown = quote(octets, safe="/:@!$&'()*+,;=~[]")
    return _SECRET_PATH.sub("***", shown)[:MAX_PATH]


class TextFormatter(logging.Formatter):
    """A line for people: time, level, logger, message, and the fields as ``name=value``.

    What follows it, such as a traceback, is indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={_word(value)}" for name, value in _fields(record).items())
        message = f"{escaped(record.getMessage())} {fields}".rstrip()
        line = f"{_time(record)} {record.levelname:7} [{record.name}] {message}"
        below = _traceback(self, record).splitlines()
        return "\n".join([line, *(f"    {escaped(text)}" for text in below)])


class JsonFormatter(logging.Formatter):
    """An object on one line for programs, with the fields beside time, level and message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if traceback := _traceback(self, record):
            line["exception"] = traceback
        return json.dumps(line, default=str)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what *record* says beside its message."""
    own: Mapping[str, object] = getattr(record, FIELDS, {})
    return {**own, **(_context.get() or {})}


def _time(record: logging.LogRecord) -> str:
    """Return when *record* was made: UTC, as in RFC 3339."""
    made = dt.datetime.fromtimestamp(record.created, dt.UTC)
    return made.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)


def _word(value: object) -> str:
    """Return *value* as one word; in quotes where it is none."""
    text = str(value)
    return text if _WORD.fullmatch(text) else json.dumps(text)


def escaped(text: Any) -> str:
    """Return *text* on one line, with what would end the line or turn a terminal as an escape."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))
