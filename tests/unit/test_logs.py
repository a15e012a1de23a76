from __future__ import annotations

import json
import logging
import sys
from logging.config import fileConfig

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker import logs
from ponytracker.logs import JsonFormatter, TextFormatter, readable_path

HOSTILE = "a\r\n2026-01-01T00:00:00Z INFO [root] forged\x1b[2J\u2028\u202eb"


def record(message, *arguments, fields=None, **kw):
    made = logging.LogRecord("ponytracker.x", logging.INFO, "x.py", 1, message, arguments, None)
    made.created = 1_793_000_000.25
    if fields:
        made.fields = fields
    for name, value in kw.items():
        setattr(made, name, value)
    return made


def failed():
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        return sys.exc_info()


def test_a_line_for_people():
    with logs.context(request_id="abc"):
        logs.add(user=7)
        line = TextFormatter().format(
            record("%s is %d", "it", 3, fields={"path": "/a b", "ms": 1.5})
        )
    assert line == (
        '2026-10-26T07:33:20.250Z INFO    [ponytracker.x] it is 3 path="/a b" ms=1.5'
        " request_id=abc user=7"
    )


def test_an_object_for_programs():
    with logs.context(task="t-1"):
        line = JsonFormatter().format(record("it is %s", HOSTILE, fields={"status": 200}))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-10-26T07:33:20.250Z",
        "level": "INFO",
        "logger": "ponytracker.x",
        "message": f"it is {HOSTILE}",
        "status": 200,
        "task": "t-1",
    }


def test_what_is_added_ends_with_the_block():
    logs.add(user=1)
    with logs.context(request_id="a"), logs.context(task="b"):
        logs.add(user=2)
    assert TextFormatter().format(record("m")).endswith("] m")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_nobody_can_forge_a_line(formatter):
    made = record("asked by %s", HOSTILE, fields={"name": HOSTILE}, exc_info=failed())
    first, *rest = formatter.format(made).split("\n")
    assert "forged" in first
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in first
    assert not any(character in "".join([first, *rest]) for character in "\r\x1b\u2028\u202e")


def test_a_traceback_is_told_whole():
    made = record("failed", exc_info=failed())
    assert "\n    ValueError: a\n    2026-01" in TextFormatter().format(made)
    assert "ValueError: a\r\n" in json.loads(JsonFormatter().format(made))["exception"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/web/issues/1/", "/web/issues/1/"),
        ("/a b\r\nc/é".encode().decode("latin-1"), "/a%20b%0D%0Ac/%C3%A9"),
        ("/unsubscribe/issue-1.2.abcdefgh/x", "/unsubscribe/***"),
        ("//unsubscribe//issue-1.2.abcdefgh", "//unsubscribe/***"),
        ("/unsubscribe/", "/unsubscribe/"),
        ("/x/../unsubscribe/./a\nb", "/x/../unsubscribe/***"),
        ("/" + "a" * 999, "/" + "a" * 299),
    ],
)
def test_a_path(path, shown):
    assert readable_path(path) == shown


@given(st.text())
def test_a_path_is_one_word(path):
    shown = readable_path(path)
    assert shown.isascii()
    assert shown.isprintable()
    assert " " not in shown


@pytest.mark.parametrize("name", ["TextFormatter", "JsonFormatter"])
def test_an_ini_file_may_name_them(name, tmp_path):
    ini = tmp_path / "a.ini"
    ini.write_text(
        "[loggers]\nkeys = root, own\n[handlers]\nkeys = file\n[formatters]\nkeys = chosen\n"
        "[logger_root]\nhandlers =\n[logger_own]\nqualname = own\nhandlers = file\npropagate = 0\n"
        f"[handler_file]\nclass = FileHandler\nargs = ('{tmp_path}/log',)\nformatter = chosen\n"
        f"[formatter_chosen]\nclass = ponytracker.logs.{name}\n"
    )
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        fileConfig(ini, disable_existing_loggers=False)
        logging.getLogger("own").warning("it is %s", "well")
    finally:
        root.handlers[:], root.level = handlers, level
    assert "it is well" in (tmp_path / "log").read_text()
