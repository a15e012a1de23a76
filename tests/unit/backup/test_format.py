"""The file of a backup: what goes in comes out, and what others make of it is refused."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import tarfile
import tracemalloc

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.backup import rows as rows_module
from ponytracker.backup.archive import SEAL, Refused, Writer, read_members
from ponytracker.backup.format import (
    FILES,
    HEAD,
    MANIFEST,
    File,
    Head,
    Manifest,
    Rows,
    TableSum,
    part_name,
    read_parts,
)
from ponytracker.backup.rows import Column, Kind, Table, decoder, encoder, kind_of, pack, split
from ponytracker.models import Base

DATA = b"an attached file"
DIGEST = hashlib.sha256(DATA).hexdigest()
TABLE = Table("attachments", (Column("id", Kind.INTEGER), Column("digest", Kind.TEXT)), ())
LINES = json.dumps([1, DIGEST]).encode() + b"\n"
MANIFEST_OF_IT = Manifest(
    {"attachments": TableSum(1, hashlib.sha256(LINES).hexdigest(), 5)}, 1, len(DATA), []
)
SUMS = json.loads(MANIFEST_OF_IT.to_json())["tables"]["attachments"]

VALUES = st.tuples(
    st.booleans() | st.none(),
    st.binary() | st.none(),
    st.integers(-(2**63), 2**63 - 1) | st.none(),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps)
    | st.none(),
    st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    st.text(st.characters(exclude_categories=["Cs"])) | st.none(),
    st.datetimes(timezones=st.just(dt.UTC)) | st.none(),
)


def members():
    """Return the names and octets of a small backup, in their order."""
    head = Head("1.0", "0001", "2026-01-01T00:00:00+00:00", (TABLE,))
    return {
        HEAD: head.to_json(),
        part_name("attachments", 0): pack(LINES),
        FILES + DIGEST: DATA,
        MANIFEST: MANIFEST_OF_IT.to_json(),
    }


def archive(them=None):
    """Return a sealed file of *them*, pairs of names and octets."""
    out = io.BytesIO()
    writer = Writer(out)
    for name, data in (them or members()).items():
        writer.add(name, data)
    writer.seal()
    return out.getvalue()


def read(octets):
    return list(read_parts(io.BytesIO(octets)))


def refusal(octets):
    with pytest.raises(Refused) as refused:
        read(octets)
    return str(refused.value)


def test_it_is_a_tar_that_others_read():
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        assert tar.getnames() == [*members(), SEAL]
        lines = gzip.decompress(tar.extractfile(part_name("attachments", 0)).read())
        assert lines == LINES
        seal = tar.getmember(SEAL)
        digest = hashlib.sha256(archive()[: seal.offset]).hexdigest()
        assert tar.extractfile(seal).read() == digest.encode()


def test_what_is_in_it_comes_out():
    head, rows, file, manifest = read(archive())
    assert isinstance(head, Head)
    assert isinstance(file, File)
    assert head.tables == (TABLE,)
    assert rows == Rows(TABLE, [[1, DIGEST]])
    assert file.digest == DIGEST
    assert manifest == MANIFEST_OF_IT


@given(VALUES)
def test_every_value_comes_back_as_it_was(values):
    columns = tuple(Column(kind.value, kind) for kind in sorted(Kind))
    line = encoder(columns)(values)
    assert list(split(line + line)) == [line[:-1]] * 2
    assert decoder("t", columns)(line) == list(values)


def test_every_column_of_ours_has_a_kind():
    types = {column.type for table in Base.metadata.sorted_tables for column in table.columns}
    kinds = {kind_of(getattr(found, "impl_instance", found)) for found in types}
    assert kinds == set(Kind) - {Kind.REAL}
    with pytest.raises(TypeError):
        kind_of(sa.Interval())


WHOLE = archive()


@given(st.integers(0, len(WHOLE) * 8 - 1))
def test_one_bit_anywhere_shows(position):
    octets = bytearray(WHOLE)
    octets[position // 8] ^= 1 << position % 8
    refusal(bytes(octets))


@given(st.integers(0, len(WHOLE) - 1))
def test_an_end_that_is_missing_shows(length):
    refusal(WHOLE[:length])


def test_something_after_its_end_shows():
    assert "follows its end" in refusal(WHOLE + b"\0")


HOSTILE = {
    "../../etc/passwd": b"x",
    "/etc/passwd": b"x",
    "tables/../x/00000000.jsonl.gz": pack(LINES),
    "tables/users/00000000.jsonl.gz": pack(LINES),
    "tables/attachments/00000005.jsonl.gz": pack(LINES),
    "attachments/../../x": DATA,
    FILES + "ab" * 32: DATA,
    "readme.txt": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_no_backup_has_are_refused(name):
    them = members()
    manifest = them.pop(MANIFEST)
    assert repr(name) in refusal(archive({**them, name: HOSTILE[name], MANIFEST: manifest}))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.XHDTYPE, tarfile.DIRTYPE]
)
def test_only_plain_files_are_taken(kind):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            odd = tarfile.TarInfo("odd")
            odd.type, odd.linkname = kind, "/etc/passwd"
            tar.addfile(odd)
    assert "'odd' is nothing that a backup" in refusal(out.getvalue())


def test_the_same_file_twice_and_rows_after_files_are_refused():
    them = list(members().items())
    out = io.BytesIO()
    writer = Writer(out)
    for name, data in (*them[:3], them[2], them[3]):
        writer.add(name, data)
    writer.seal()
    assert "nothing that the rows name" in refusal(out.getvalue())
    late = {**dict(them[:3]), part_name("attachments", 1): pack(LINES), MANIFEST: them[3][1]}
    assert "is not where" in refusal(archive(late))
    assert "follows the manifest" in refusal(archive({**dict(them), FILES + "x": b""}))
    assert "manifest is missing" in refusal(archive(dict(them[:3])))


def test_an_attached_file_that_is_another_is_refused():
    assert f"{DIGEST} was altered" in refusal(archive({**members(), FILES + DIGEST: b"other"}))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[1]",
        b'["1", "x"]',
        b'[true, "x"]',
        b"[1, 2]",
        b'[1, "\\ud800"]',
        b'[1, "\xff"]',
        b"[1, " + b"[" * 100_000,
        b"[" + b"9" * 5000 + b', "x"]',
        b'[9223372036854775808, "x"]',
        b'[1e3, "x"]',
        b'[1, "x", null]',
        b'[1, "../etc/passwd"]',
        b"[1, null]",
    ],
)
def test_rows_that_do_not_fit_are_refused(line):
    them = {**members(), part_name("attachments", 0): pack(line + b"\n")}
    assert refusal(archive(them)) == "A row of attachments is not as a backup has it."


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TIME, "2026-01-01T00:00:00"),
        (Kind.TIME, "2026-01-01T00:00:00+01:00"),
        (Kind.TIME, "yesterday"),
        (Kind.TIME, 5),
        (Kind.BYTES, "no base64!"),
        (Kind.JSON, "{"),
        (Kind.JSON, {}),
        (Kind.REAL, "1.5"),
        (Kind.BOOLEAN, 1),
        (Kind.INTEGER, 2**63),
        (Kind.INTEGER, -(2**63) - 1),
        (Kind.INTEGER, True),
    ],
)
def test_values_of_another_kind_are_refused(kind, value):
    decode = decoder("t", (Column("c", kind),))
    with pytest.raises(Refused):
        decode(json.dumps([value]).encode())


HEADS = [
    b"[]",
    b"{",
    b"[" * 100_000,
    b'{"format": 1}',
    b'{"format": 1, "ponytracker": "1", "revision": "../x", "created_at": "", "tables": {}}',
    b'{"format": 1, "ponytracker": "1", "revision": "1", "created_at": "", "tables": {"A b": []}}',
    b'{"format": 1, "ponytracker": "1", "revision": "1", "created_at": "", "tables": [1]}',
    b'{"format": 1, "ponytracker": "1", "revision": "1", "created_at": "", "tables": {"a": []}}',
    b" " * 2_000_000,
]


@pytest.mark.parametrize("head", HEADS)
def test_heads_that_do_not_fit_are_refused(head):
    refusal(archive({**members(), HEAD: head}))


@pytest.mark.parametrize(
    "change",
    [
        {"files": 2},
        {"tables": {}},
        {"tables": {"attachments": {"rows": -1}}},
        {"tables": {"attachments": {"rows": 1, "other": 1}}},
        {"tables": 5},
        {"missing": [DIGEST]},
        {"more": 1},
        {"tables": {"attachments": {**SUMS, "last_id": 2**63}}},
    ],
)
def test_a_manifest_that_says_otherwise_is_refused(change):
    found = {**json.loads(MANIFEST_OF_IT.to_json()), **change}
    assert "manifest" in refusal(archive({**members(), MANIFEST: json.dumps(found).encode()}))


def test_what_unfolds_to_too_much_is_refused_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(rows_module, "MAX_PACKED", 2_000_000)
    bomb = gzip.compress(b"[" * 200_000_000 + b"\n", 9)
    octets = archive({**members(), part_name("attachments", 0): bomb})
    tracemalloc.start()
    try:
        assert "unfolds to too much" in refusal(octets)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("lines", "is_taken"),
    [
        (b'[1,""]\n' * 50_000, True),  # short rows, which are many more octets as lists
        (b"[" + b"1," * 200_000 + b"1]\n", False),
        (b"[[" + b"[]," * 200_000 + b"[]],1]\n", False),
        (b'["' + b"\\u0041" * 200_000 + b'",{}]\n', False),
    ],
)
def test_what_unfolds_to_many_values_takes_no_more_memory_than_its_octets(lines, is_taken):
    columns = (Column("id", Kind.INTEGER), Column("name", Kind.TEXT))
    head = Head("1.0", "0001", "2026-01-01T00:00:00+00:00", (Table("users", columns, ()),))
    octets = archive({HEAD: head.to_json(), part_name("users", 0): pack(lines)})
    words = "manifest is missing" if is_taken else "A row of users is not as"
    counts = []

    def count():
        parts = read_parts(io.BytesIO(octets))
        counts.extend(len(part.rows) for part in parts if isinstance(part, Rows))

    tracemalloc.start()
    try:
        with pytest.raises(Refused, match=words):
            count()
        assert tracemalloc.get_traced_memory()[1] < 5 * len(lines)
    finally:
        tracemalloc.stop()
    assert sum(counts) == (50_000 if is_taken else 0)


def test_what_is_written_must_have_the_size_it_says():
    for data in (b"12", b"1234"):
        with pytest.raises(OSError, match="another size"):
            Writer(io.BytesIO()).add_chunks("x", 3, [data])
    (member,) = read_members(io.BytesIO(archive({"x": b"1" * 1000})))
    assert member.size == 1000
