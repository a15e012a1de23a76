"""A JSON object from outside: its keys are read by type, and an error says where it stands."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from ponytracker.importers.records import ArchiveError
from ponytracker.text import clean_text

MAX_INTEGER = 2**31 - 1
"""What an integer column of PostgreSQL holds."""

_TYPES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def parse(raw: bytes, where: str) -> Any:
    """Return the JSON document *raw*; *where* is the name of its file."""
    try:
        return json.loads(raw)
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{where} is not JSON: byte {error.start} is not UTF-8.") from None
    except RecursionError:
        raise ArchiveError(f"{where} is not what it should be: it nests too deeply.") from None
    except ValueError as error:
        raise ArchiveError(f"{where} is not JSON, or is cut off: {error}.") from None


class Node:
    """One JSON object, and where it stands in its archive.

    A key that must be there is read by its type's name; `…_or_none` takes null and a missing key
    for the same, since archives of different years differ in this. Raises `ArchiveError`.
    """

    __slots__ = ("data", "where")

    def __init__(self, data: Any, where: str) -> None:
        if type(data) is not dict:
            raise ArchiveError(f"{where} is {_TYPES[type(data)]}; expected an object.")
        self.data: dict[str, Any] = data
        self.where = where

    def __contains__(self, key: str) -> bool:
        return self.data.get(key) is not None

    def wrong(self, key: str, expected: str) -> ArchiveError:
        """Return the error that *key* is not *expected*."""
        if key not in self.data:
            return ArchiveError(f"{self.where} lacks the key '{key}'; expected {expected}.")
        value = self.data[key]
        shown = _TYPES[type(value)]
        if type(value) in (str, int):
            shown = repr(value if len(str(value)) <= 60 else f"{str(value)[:60]}…")
        return ArchiveError(f"{self.where}: '{key}' is {shown}; expected {expected}.")

    def text(self, key: str) -> str:
        """Return a text, fit to be stored."""
        value = self.data.get(key)
        if type(value) is not str:
            raise self.wrong(key, "a text")
        return clean_text(value)

    def text_or_none(self, key: str) -> str | None:
        return self.text(key) if key in self else None

    def word(self, key: str, *words: str) -> str:
        """Return a text that is one of *words*."""
        value = self.data.get(key)
        if value not in words:
            raise self.wrong(key, " or ".join(words))
        return str(value)

    def number(self, key: str) -> int:
        """Return a number from 1 to `MAX_INTEGER`."""
        value = self.data.get(key)
        if type(value) is not int or not 1 <= value <= MAX_INTEGER:
            raise self.wrong(key, f"a number from 1 to {MAX_INTEGER}")
        return value

    def time(self, key: str) -> dt.datetime:
        """Return a time, in UTC."""
        try:
            time = dt.datetime.fromisoformat(self.data.get(key))  # type: ignore[arg-type]
            if time.tzinfo is None:
                raise ValueError
            return time.astimezone(dt.UTC)
        except (TypeError, ValueError, OverflowError):
            raise self.wrong(key, "a time such as 2016-11-17T07:20:37Z") from None

    def time_or_none(self, key: str) -> dt.datetime | None:
        return self.time(key) if key in self else None

    def node(self, key: str) -> Node:
        return Node(self.data.get(key), f"{self.where}: '{key}'")

    def node_or_none(self, key: str) -> Node | None:
        return self.node(key) if key in self else None

    def items(self, key: str) -> Iterator[tuple[Any, str]]:
        """Yield what the list under *key* holds, if there is one, and where each item stands."""
        values = self.data.get(key)
        if values is None:
            return
        if type(values) is not list:
            raise self.wrong(key, "a list")
        for index, value in enumerate(values):
            yield value, f"{self.where}: '{key}' item {index + 1}"

    def nodes(self, key: str) -> Iterator[Node]:
        """Yield the objects of the list under *key*, if there is one."""
        return (Node(value, where) for value, where in self.items(key))

    def texts(self, key: str) -> Iterator[str]:
        """Yield the texts of the list under *key*, if there is one."""
        for value, where in self.items(key):
            if type(value) is not str:
                raise ArchiveError(f"{where} is {_TYPES[type(value)]}; expected a text.")
            yield clean_text(value)
