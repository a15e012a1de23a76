"""Archives of issues at GitHub, in the shapes in which different tools keep them."""

from __future__ import annotations

from pathlib import Path

from ponytracker.importers.files import read_file
from ponytracker.importers.github import draft
from ponytracker.importers.github.backup import Backup
from ponytracker.importers.node import Node, parse
from ponytracker.importers.records import Archive, ArchiveError

EXPECTED = (
    "the archive.json of i-d-template, or the directory of a repository that python-github-backup"
    " has written (or a .tar, .tar.gz, .tar.bz2 or .tar.xz of it)"
)
"""What can be imported, for people."""


def open_archive(path: Path) -> Archive:
    """Return the archive at *path*, told by its content; raise `ArchiveError` where it is none."""
    if path.is_dir() or not _starts_like_json(path):
        return Backup(path)
    document = parse(read_file(path), path.name)
    if type(document) is dict and document.get("magic") == draft.MAGIC:
        return draft.DraftArchive(Node(document, path.name))
    raise ArchiveError(f"{path} is JSON, but no archive that can be imported; expected {EXPECTED}.")


def _starts_like_json(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
