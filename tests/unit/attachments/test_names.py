"""Names of files, from anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.attachments.names import UNNAMED, clean_name
from ponytracker.models.attachment import MAX_NAME


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("notes.txt", "notes.txt"),
        ("C:\\Users\\alice\\notes.txt", "notes.txt"),
        ("/home/alice/notes.txt", "notes.txt"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\nc\td.txt", "ab c d.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("\u2067x\u2069.txt", "x.txt"),
        ("cafe\u0301.txt", "caf\xe9.txt"),
        ("a\ud800.txt", "a\ufffd.txt"),
        (".htaccess", ".htaccess"),
        ("name. . ", "name"),
        ("@@view", "@view"),
        ("@@@view", "@view"),
        ("@types.d.ts", "@types.d.ts"),
        *(
            (raw, UNNAMED)
            for raw in ("", ".", "..", "...", " . ", "a/", "\u202e", "\x00", "dir/..")
        ),
        ("x" * 300 + ".tar.gz", "x" * (MAX_NAME - 3) + ".gz"),
        ("x" * 300, "x" * MAX_NAME),
        ("x." + "y" * 300, "x." + "y" * (MAX_NAME - 2)),
        ("." + "y" * 300, "." + "y" * (MAX_NAME - 1)),
    ],
)
def test_a_name(raw, name):
    assert clean_name(raw) == name


@given(st.text(st.characters(codec=None), max_size=400))
def test_any_name_is_one_part_of_an_address(raw):
    name = clean_name(raw)
    assert 0 < len(name) <= MAX_NAME
    assert name.isprintable() or "\ufffd" in name or not name.isascii()
    assert not {"/", "\\", "\x00", "\r", "\n"} & set(name)
    assert name not in (".", "..")
    assert not name.startswith("@@")
    name.encode()
    assert clean_name(name) == name
