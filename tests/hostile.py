"""What people and programs send that no form asks for: every form must bear it.

`withstands` sends all of it to a form: nothing ends in a 500, and what was typed comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bs4 import BeautifulSoup, SoupStrainer
from sqlalchemy import Connection
from webtest import TestResponse, Upload

from ponytracker.db import Database
from tests.site import Visitor

TEXTS = {
    "nothing": "",
    "blanks": " \t\r\n ",
    "nul": "a\x00b",
    "only nul": "\x00",
    "controls": "a\x01\x1b[31m\x7f\x85b",
    "line ends": "a\r\nb\rc\u2028d",
    "over-long": "x" * 5000,
    "long and wide": "\U0001f434" * 5000,
    "grows when folded": "\ufdfa" * 150,
    "right to left": "\u202eecila",
    "combining": "e" + "\u0301" * 500,
    "markup": "<script>alert(1)</script>\"'><b>",
    "template": "{{ 7*7 }}{% raw %}${max}%(max)s%s{0}",
    "sql": "' OR 1=1; DROP TABLE users; --%_\\",
    "path": "../../etc/passwd",
    "number": "7",
    "negative": "-1",
    "zero": "0",
    "huge number": "9" * 400,
    "fraction": "1e3",
    "other digits": "\u0661\u0662",
    "not a number": "NaN",
    "word of a list": "always",
    "list": "[1, 2]",
    "a zone": "../../../etc/localtime",
    "truth": "true",
    "other one's id": "1",
}
"""Values that fit no field, or only some, by what is wrong with them."""

RAW = {
    "lone surrogate": "%ED%A0%80",
    "half a character": "%C3",
    "no UTF-8": "%FF%FE",
}
"""Octets in a form that are no text: refused, or each taken for U+FFFD."""

Fields = list[tuple[str, Any]]


def hostile_posts(good: dict[str, str], *, at_once: bool) -> Iterator[tuple[str, Fields]]:
    """Yield what may come instead of the fields *good* of a form, each with what is wrong.

    A text that does not fit is in one field after the other, or in all of them *at_once*.
    """
    yield "no field", []
    for name, fitting in good.items():
        others = [(other, value) for other, value in good.items() if other != name]
        yield f"{name} missing", others
        yield f"{name} doubled", [*others, (name, fitting), (name, "other")]
        yield f"{name} as a file", [*others, (name, Upload("a.txt", b"text", "text/plain"))]
        yield f"{name}[] as a list", [*others, (f"{name}[]", fitting)]
        for wrong, text in () if at_once else TEXTS.items():
            yield f"{name}: {wrong}", [*others, (name, text)]
    for wrong, text in TEXTS.items() if at_once else ():
        yield f"everywhere: {wrong}", [(name, text) for name in good]


def withstands(
    browser: Visitor, database: Database, path: str, good: dict[str, str], form: str
) -> int:
    """Post all of `hostile_posts` to *path*, undoing each; return how many were refused.

    A form that is refused comes back with what was typed: *form* is its id.
    """
    assert isinstance(database.bind, Connection)
    # The stricter database is given each text in each field; they make hundreds of pages.
    at_once = database.bind.dialect.name == "sqlite"
    refused = 0
    token = browser.get("/logout").forms["confirm-form"]["csrf_token"].value
    for wrong, fields in hostile_posts(good, at_once=at_once):
        with undone(database):
            answer = browser.post(path, [("csrf_token", token), *fields], expect_errors=True)
        assert answer.status_int in (303, 404, 409, 422), (wrong, answer.status_int)
        if answer.status_int == 422:
            refused += 1
            _came_back(answer, form, fields, wrong)
    for wrong, octets in RAW.items():
        for name in good:
            body = f"csrf_token={token}&{name}={octets}"
            with undone(database):
                answer = browser.post(path, body, expect_errors=True)
            assert answer.status_int in (303, 400, 404, 409, 422), (wrong, name, answer.status_int)
    return refused


@contextmanager
def undone(database: Database) -> Iterator[None]:
    """Undo what is written inside the block."""
    assert isinstance(database.bind, Connection)
    savepoint = database.bind.begin_nested()
    yield
    savepoint.rollback()


def _came_back(answer: TestResponse, form: str, fields: Fields, wrong: str) -> None:
    assert f'id="{form}"' in answer.text, wrong
    assert "invalid-feedback" in answer.text or "alert-danger" in answer.text, wrong
    # Nothing else is parsed: there are hundreds of these pages, some with hundreds of choices.
    shown = SoupStrainer(["input", "textarea"])
    page = BeautifulSoup(answer.text, "html.parser", parse_only=shown)
    typed: dict[str, Any] = {}
    for name, value in fields:
        typed.setdefault(name, value)
    for name, value in typed.items():
        field = page.find(attrs={"name": name})
        if field is None or not isinstance(value, str) or not value.isprintable():
            continue
        if field.name == "textarea":
            assert field.text.removeprefix("\n").strip() == value.strip(), (wrong, name)
        elif field["type"] not in _NOT_TYPED:
            assert field["value"] == value.strip(), (wrong, name)


_NOT_TYPED = ("checkbox", "radio", "hidden", "password")
