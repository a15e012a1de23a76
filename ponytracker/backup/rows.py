"""Rows as lines of JSON: an array for each, whose values every database can be given back.

Numbers, booleans, texts and NULL are what JSON has; a time is a text in UTC with microseconds,
octets are in base64, and JSON is a text, so that it comes back letter by letter. Lines are packed
by gzip in parts of about `PART` octets.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import JSON, Boolean, DateTime, Float, Integer, LargeBinary, String
from sqlalchemy.types import TypeEngine

from ponytracker.backup.archive import Refused

PART = 1_048_576
MAX_LINE = 150_000_000
"""Octets of a row: a received mail of 100 MB, in base64."""

MAX_PACKED = PART + MAX_LINE
"""Octets of a part as it is in the file: gzip makes nothing much larger."""

MAX_JSON = 10_000_000
"""Characters of a JSON value, which takes some twenty times as much memory once it is read."""

MAX_INTEGER = 2**63 - 1
"""The largest number that a database keeps as an integer."""


class Kind(StrEnum):
    """What the values of a column are."""

    BOOLEAN = "boolean"
    BYTES = "bytes"
    INTEGER = "integer"
    JSON = "json"
    REAL = "real"
    TEXT = "text"
    TIME = "time"


_KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (Boolean, Kind.BOOLEAN),
    (Integer, Kind.INTEGER),
    (Float, Kind.REAL),
    (DateTime, Kind.TIME),
    (LargeBinary, Kind.BYTES),
    (JSON, Kind.JSON),
    (String, Kind.TEXT),
)


def kind_of(column_type: TypeEngine[Any]) -> Kind:
    """Return what a column of this type holds; raise `TypeError` for what none of ours is."""
    for known, kind in _KINDS:
        if isinstance(column_type, known):
            return kind
    raise TypeError(f"no backup knows columns of the type {column_type!r}")


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: Kind


class Table(NamedTuple):
    """A table: its columns, and those that its rows are ordered by."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def encoder(columns: tuple[Column, ...]) -> Callable[[Any], bytes]:
    """Return a function that makes a line of a row of *columns*."""
    others = [(n, _ENCODE[kind]) for n, (_, kind) in enumerate(columns) if kind in _ENCODE]

    def encode(row: Any) -> bytes:
        values = list(row)
        for position, encode_value in others:
            if values[position] is not None:
                values[position] = encode_value(values[position])
        return _dumps(values).encode() + b"\n"

    return encode


def decoder(table: str, columns: tuple[Column, ...]) -> Callable[[bytes], list[Any]]:
    """Return a function that makes a row of a line; it raises `Refused` where a value does not fit.

    The row has what a driver is given, but for JSON, which stays a text.
    """
    decoders = [_DECODE[kind] for _, kind in columns]
    # As many values as there are columns, and nothing in them: what is built of a long line would
    # else take twenty times as much memory, and a small file unfolds to long lines.
    flat = re.compile(rf"\[{_VALUE}(?:,{_VALUE}){{{len(columns) - 1}}}\]\n?")

    def decode(line: bytes) -> list[Any]:
        try:
            text = line.decode()
            if len(line) > _LONG and not flat.fullmatch(text):
                raise ValueError
            values = json.loads(text)
            if type(values) is not list or len(values) != len(decoders):
                raise ValueError
            return [
                None if value is None else decode_value(value)
                for decode_value, value in zip(decoders, values, strict=True)
            ]
        except (ValueError, RecursionError):
            raise Refused(f"A row of {table} is not as a backup has it.") from None

    return decode


_LONG = 65_536
_VALUE = r' *+(?:"(?:[^"\\]++|\\.)*+"|[^][{},"]*+)'


def pack(lines: bytes) -> bytes:
    return gzip.compress(lines, 6, mtime=0)


def unpack(name: str, packed: bytes) -> bytes:
    """Return the lines that are in *packed*; raise `Refused` where it unfolds to too much."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        lines = unpacking.decompress(packed, MAX_PACKED)
    except zlib.error:
        raise Refused(f"{name!r} is broken.") from None
    if not unpacking.eof or unpacking.unused_data or not lines.endswith(b"\n"):
        raise Refused(f"{name!r} is broken, or unfolds to too much.")
    return lines


def split(lines: bytes) -> Iterator[bytes]:
    """Yield each line: a line feed is in none of them, which is how JSON writes texts."""
    start = 0
    while start < len(lines):
        end = lines.index(b"\n", start)
        yield lines[start:end]
        start = end + 1


def _of_type(wanted: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not wanted:
            raise ValueError
        return value

    return check


def _integer(value: Any) -> int:
    if type(value) is not int or not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise ValueError
    return value


def _real(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError
    return float(value)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    value.encode()  # half a surrogate pair raises: no database takes it
    return value


def _json(value: Any) -> str:
    text = _text(value)
    if len(text) > MAX_JSON:
        raise ValueError
    json.loads(text)
    return text


def _time(value: Any) -> dt.datetime:
    time = dt.datetime.fromisoformat(_text(value))
    if time.utcoffset() != dt.timedelta():
        raise ValueError
    return time


def _bytes(value: Any) -> bytes:
    return base64.b64decode(_text(value), validate=True)


_ENCODE: dict[Kind, Callable[[Any], Any]] = {
    Kind.TIME: lambda value: value.isoformat(timespec="microseconds"),
    Kind.BYTES: lambda value: base64.b64encode(value).decode(),
}
_DECODE: dict[Kind, Callable[[Any], Any]] = {
    Kind.BOOLEAN: _of_type(bool),
    Kind.BYTES: _bytes,
    Kind.INTEGER: _integer,
    Kind.JSON: _json,
    Kind.REAL: _real,
    Kind.TEXT: _text,
    Kind.TIME: _time,
}
