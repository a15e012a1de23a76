"""The files of an archive, one after the other: those of a directory, or of a tar as it streams by.

Nothing is unpacked to disk, and the name of a member is never used as a path.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from ponytracker.importers.records import ArchiveError
from ponytracker.text import clean_line

MAX_MEMBER = 64 * 2**20
"""Bytes that a file of a directory or tar may have. Of 22,000 real ones the largest has 0.9 MB."""

MAX_FILE = 512 * 2**20
"""Bytes that a file which is the whole archive may have. Parsed it takes about four times that."""

# The magic numbers of gzip (RFC 1952, 2.3.1), bzip2 and .xz (file format 1.2, 2.1.1.1).
_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
_LONGEST_MAGIC = max(map(len, _OPENERS))


def read_file(path: Path) -> bytes:
    """Return the whole of *path*."""
    _check_size(str(path), path.stat().st_size, MAX_FILE)
    return path.read_bytes()


def read_files(path: Path, wanted: re.Pattern[str]) -> Iterator[tuple[re.Match[str], bytes]]:
    """Yield content and matched name of the files in *path*, a directory or tar, that are *wanted*.

    A tar comes in its own order, a directory by name. Raises `ArchiveError` where *path* is
    neither, is cut off or damaged, or holds a wanted file of more than `MAX_MEMBER` bytes.
    """
    return _read_directory(path, wanted) if path.is_dir() else _read_tar(path, wanted)


def _read_directory(path: Path, wanted: re.Pattern[str]) -> Iterator[tuple[re.Match[str], bytes]]:
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            match = wanted.fullmatch(file.relative_to(path).as_posix())
            # A link or a pipe is no file of a backup, and may lead anywhere or nowhere.
            if match and file.is_file() and not file.is_symlink():
                _check_size(match.string, file.stat().st_size, MAX_MEMBER)
                yield match, file.read_bytes()


def _read_tar(path: Path, wanted: re.Pattern[str]) -> Iterator[tuple[re.Match[str], bytes]]:
    try:
        with _decompressed(path) as stream:
            # "r|" goes through the stream once, forward.
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as tar:
                for member in tar:
                    match = wanted.fullmatch(member.name.removeprefix("./"))
                    if match and member.isreg():
                        _check_size(match.string, member.size, MAX_MEMBER)
                        file = tar.extractfile(member)
                        yield match, file.read() if file else b""
            # Behind the last member stands the checksum of the whole.
            while stream.read(2**20):
                pass
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error, ValueError) as error:
        raise ArchiveError(
            f"{path} is cut off, or is neither JSON nor a tar archive: {error}."
        ) from None


def _decompressed(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        head = file.read(_LONGEST_MAGIC)
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            stream: IO[bytes] = opener(path)
            return stream
    return path.open("rb")


def _check_size(name: str, size: int, limit: int) -> None:
    if size > limit:
        raise ArchiveError(f"{clean_line(name)} has {size:,} bytes; expected at most {limit:,}.")


class _Header(tarfile.TarInfo):
    """A header that must be whole: `tarfile` takes a missing or damaged one for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        if len(buf) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("it ends before its end mark")
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if any(buf):
                raise tarfile.ReadError(str(error)) from None
            raise  # the end mark: a block of zeros
        # Such a block tells the name of the next member, and is read whole.
        if header.type in _LONG_HEADERS and header.size > MAX_MEMBER:
            raise tarfile.ReadError("a member's name is too long")
        return header


_LONG_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
