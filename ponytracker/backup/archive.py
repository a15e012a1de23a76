"""The file of a backup as octets: a tar (POSIX ustar) that is written and read in one go.

Its last member has the SHA-256 of all octets before it, so that what was cut off or altered shows.
What is read comes from anywhere: only plain files are taken, no name is ever used as a path, and
nothing is read that is longer than its place allows.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from typing import IO

from ponytracker.errors import DomainError

BLOCK = tarfile.BLOCKSIZE
MAX_MEMBER = 8**11 - 1
"""Octets of a member: eleven octal digits (POSIX.1-1988, ustar)."""

SEAL = "sha256"
"""The name of the last member."""

_CHUNK = 256 * 1024
_END = bytes(2 * BLOCK)


class Refused(DomainError):
    """The file cannot be restored; the text says why."""


class Writer:
    """Writes members to *out*, which need not be able to go back."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self.size = 0

    def add(self, name: str, data: bytes) -> None:
        self.add_chunks(name, len(data), [data])

    def add_chunks(self, name: str, size: int, chunks: Iterable[bytes]) -> None:
        """Write a member of *size* octets; raise `OSError` where *chunks* are more or fewer."""
        self._write(_header(name, size))
        written = 0
        for chunk in chunks:
            written += len(chunk)
            if written > size:
                break
            self._write(chunk)
        if written != size:
            raise OSError(f"{name} has another size than {size} octets")
        self._write(bytes(-size % BLOCK))

    def seal(self) -> None:
        """Write the last member, and the end."""
        self.add(SEAL, self._digest.hexdigest().encode())
        self._write(_END)

    def _write(self, octets: bytes) -> None:
        self._out.write(octets)
        self._digest.update(octets)
        self.size += len(octets)


class Member:
    """One file of a tar, while it is its turn."""

    def __init__(self, name: str, size: int, source: _Source) -> None:
        self.name = name
        self.size = size
        self._source = source
        self._left = size

    def chunks(self) -> Iterator[bytes]:
        while self._left:
            octets = self._source.take(min(self._left, _CHUNK))
            self._left -= len(octets)
            yield octets

    def read(self, limit: int) -> bytes:
        """Return all of it; raise `Refused` where it has more than *limit* octets."""
        if self.size > limit:
            raise Refused(f"{self.name!r} is larger than a backup of PonyTracker has it.")
        return b"".join(self.chunks())


def read_members(file: IO[bytes]) -> Iterator[Member]:
    """Yield each member of *file* but the last, which must fit; what was not read is passed over.

    Raise `Refused` at what is no tar, was cut off or altered.
    """
    source = _Source(file)
    while True:
        before = source.digest.hexdigest()
        member = _next(source)
        if member.name == SEAL:
            if member.read(len(before)) != before.encode():
                raise Refused("The file was altered: it does not have the checksum it says.")
            rest = bytes(-member.size % BLOCK) + _END
            if source.take(len(rest)) != rest or source.file.read(1):
                raise Refused("The file was altered: something follows its end.")
            return
        yield member
        for _ in member.chunks():
            pass
        source.take(-member.size % BLOCK)


class _Source:
    """What is read, counted and summed."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def take(self, size: int) -> bytes:
        octets = self.file.read(size)
        if len(octets) < size:
            raise Refused("The file was cut off: its end is missing.")
        self.digest.update(octets)
        return octets


def _next(source: _Source) -> Member:
    try:
        found = tarfile.TarInfo.frombuf(source.take(BLOCK), "ascii", "strict")
    except (tarfile.HeaderError, ValueError):
        raise Refused("The file was altered, or is no backup of PonyTracker.") from None
    if found.type != tarfile.REGTYPE or not 0 <= found.size <= MAX_MEMBER:
        raise Refused(f"{found.name!r} is nothing that a backup of PonyTracker has.")
    return Member(found.name, found.size, source)


def _header(name: str, size: int) -> bytes:
    found = tarfile.TarInfo(name)
    found.size, found.mode = size, 0o600
    if size > MAX_MEMBER:
        raise OSError(f"{name} is too large for a backup")
    return found.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
