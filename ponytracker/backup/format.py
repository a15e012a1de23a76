"""What is in the file of a backup, in its order, as docs/decisions/backup.rst says.

A head; the rows of each table in parts; the attached files; the manifest, which counts and sums all
of it; the seal (``archive.py``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from ponytracker.attachments.store import DIGEST
from ponytracker.backup.archive import Member, Refused, read_members
from ponytracker.backup.rows import (
    MAX_INTEGER,
    MAX_PACKED,
    Column,
    Kind,
    Table,
    decoder,
    split,
    unpack,
)

FORMAT = 1
HEAD, MANIFEST = "ponytracker-backup.json", "manifest.json"
FILES = "attachments/"

MAX_HEAD = 1_048_576
MAX_MANIFEST = 268_435_456
"""Octets: it names each file that was missing, so it grows with their number."""

MAX_TABLES = 500

_AT_ONCE = 1000
"""Rows that are in memory at once: a part that unfolds may have millions of short ones."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
_PART = re.compile(r"tables/([a-z0-9_]+)/([0-9]{8})\.jsonl\.gz", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9_]{1,32}", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """What the file is, and the tables as they were."""

    version: str
    revision: str
    created_at: str
    tables: tuple[Table, ...]

    def to_json(self) -> bytes:
        columns = {table.name: [list(column) for column in table.columns] for table in self.tables}
        return _to_json(
            {
                "format": FORMAT,
                "ponytracker": self.version,
                "revision": self.revision,
                "created_at": self.created_at,
                "tables": columns,
            }
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table."""

    table: Table
    rows: list[list[Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """An attached file; its hash is checked as its chunks are read."""

    digest: str
    size: int
    chunks: Iterator[bytes]


@dataclasses.dataclass(slots=True)
class TableSum:
    """What the manifest says of a table; `last_id` is the highest id it ever gave out."""

    rows: int = 0
    sha256: str = hashlib.sha256().hexdigest()
    last_id: int | None = None


@dataclasses.dataclass(slots=True)
class Manifest:
    """What is in the file; `missing` are the hashes of files that were not in the store."""

    tables: dict[str, TableSum] = dataclasses.field(default_factory=dict)
    files: int = 0
    octets: int = 0
    missing: list[str] = dataclasses.field(default_factory=list)

    def to_json(self) -> bytes:
        return _to_json(dataclasses.asdict(self))


def part_name(table: str, number: int) -> str:
    return f"tables/{table}/{number:08}.jsonl.gz"


def read_parts(file: IO[bytes]) -> Iterator[Head | Rows | File | Manifest]:
    """Yield what is in *file*, checking all of it; raise `Refused` at what does not fit.

    Only what has come to its end without that is to be believed. A `File` whose chunks were not
    read is read and checked when the next part is asked for.
    """
    members = read_members(file)
    head = _read_head(next(members, None))
    yield head
    sums = {table.name: _Sum(table) for table in head.tables}
    counted = Manifest()
    named: set[str] = set()
    seen: set[str] = set()
    manifest: Manifest | None = None
    for member in members:
        if manifest is not None:
            raise Refused("Something follows the manifest, which is the last but one.")
        if found := _PART.fullmatch(member.name):
            name, number = found[1], int(found[2])
            if name not in sums or seen:
                raise Refused(f"{member.name!r} is not where a backup of PonyTracker has it.")
            for rows in sums[name].read(member, number):
                named |= _find_digests(rows)
                yield rows
        elif member.name.startswith(FILES):
            attached = _read_file(member)
            if attached.digest in seen or attached.digest not in named:
                raise Refused(f"{member.name!r} is nothing that the rows name.")
            seen.add(attached.digest)
            yield attached
            for _ in attached.chunks:
                pass
            counted.files += 1
            counted.octets += attached.size
        elif member.name == MANIFEST:
            manifest = _read_manifest(member)
        else:
            raise Refused(f"{member.name!r} is nothing that a backup of PonyTracker has.")
    if manifest is None:
        raise Refused("The manifest is missing.")
    counted.missing = sorted(named - seen)
    for name, its in sums.items():
        last_id = manifest.tables[name].last_id if name in manifest.tables else None
        counted.tables[name] = TableSum(its.count, its.digest.hexdigest(), last_id)
    if counted != manifest:
        raise Refused("The file does not have the rows and files that its manifest says.")
    yield manifest


class _Sum:
    """The rows of a table, counted and summed while they are read."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.count = 0
        self.digest = hashlib.sha256()
        self._decode = decoder(table.name, table.columns)
        self._parts = 0

    def read(self, member: Member, number: int) -> Iterator[Rows]:
        if number != self._parts:
            raise Refused(f"{member.name!r} is not where a backup of PonyTracker has it.")
        self._parts += 1
        lines = unpack(member.name, member.read(MAX_PACKED))
        self.digest.update(lines)
        decoded = map(self._decode, split(lines))
        while rows := list(islice(decoded, _AT_ONCE)):
            self.count += len(rows)
            yield Rows(self.table, rows)


def _find_digests(part: Rows) -> set[str]:
    """Return which files the rows name, where they are attachments."""
    if part.table.name != "attachments":
        return set()
    position = [name for name, _ in part.table.columns].index("digest")
    digests = {row[position] for row in part.rows}
    if not all(type(digest) is str and DIGEST.fullmatch(digest) for digest in digests):
        raise Refused("A row of attachments is not as a backup has it.")
    return digests


def _read_file(member: Member) -> File:
    digest = member.name.removeprefix(FILES)
    if not DIGEST.fullmatch(digest):
        raise Refused(f"{member.name!r} is nothing that a backup of PonyTracker has.")

    def chunks() -> Iterator[bytes]:
        found = hashlib.sha256()
        for chunk in member.chunks():
            found.update(chunk)
            yield chunk
        if found.hexdigest() != digest:
            raise Refused(f"The attached file {digest} was altered.")

    return File(digest, member.size, chunks())


def _read_head(member: Member | None) -> Head:
    if member is None or member.name != HEAD:
        raise Refused("The file is no backup of PonyTracker.")
    found = _from_json(member, MAX_HEAD)
    if type(found.get("format")) is not int or found["format"] > FORMAT:
        raise Refused(
            f"The file is of a later format than this version of PonyTracker reads: it was made by"
            f" {str(found.get('ponytracker'))[:40]!r}."
        )
    try:
        tables = tuple(_read_table(*item) for item in found["tables"].items())
        head = Head(
            str(found["ponytracker"])[:40],
            _checked(_REVISION, found["revision"]),
            str(found["created_at"])[:40],
            tables,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Refused("The head of the file is not as a backup has it.") from None
    if len(tables) > MAX_TABLES:
        raise Refused("The head of the file names too many tables.")
    return head


def _read_table(name: str, columns: Any) -> Table:
    read = tuple(Column(_checked(_NAME, column), Kind(kind)) for column, kind in columns)
    names = {column.name for column in read}
    if not read or len(names) != len(read) or (name == "attachments" and "digest" not in names):
        raise ValueError
    return Table(_checked(_NAME, name), read, ())


def _read_manifest(member: Member) -> Manifest:
    found = _from_json(member, MAX_MANIFEST)
    try:
        found["tables"] = {name: TableSum(**its) for name, its in found["tables"].items()}
        for its in found["tables"].values():
            if its.last_id is not None and type(its.last_id) is not int:
                raise ValueError
            if its.last_id is not None and not 1 <= its.last_id <= MAX_INTEGER:
                raise ValueError
        return Manifest(**found)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Refused("The manifest of the file is not as a backup has it.") from None


def _from_json(member: Member, limit: int) -> dict[str, Any]:
    try:
        found = json.loads(member.read(limit))
    except (ValueError, RecursionError):
        found = None
    if type(found) is not dict:
        raise Refused(f"{member.name!r} is broken.")
    return found


def _to_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def _checked(pattern: re.Pattern[str], value: Any) -> str:
    if type(value) is not str or not pattern.fullmatch(value):
        raise ValueError
    return value
