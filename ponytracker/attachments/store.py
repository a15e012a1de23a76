"""The folder of files: each under the SHA-256 of what is in it, so that the same is kept once.

A file is whole before it has its name: it is written beside, brought to the disk (fsync), and only
then renamed. What is shown of an image lies in a folder ``display`` of the same shape, and can be
made again. Nothing here knows of rows; ``keeping.py`` keeps the two together.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

MB = 1_000_000
_CHUNK = 256 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PARTS = "parts"
"""The folder of what is being written, beside the others on the same disk."""


class LargerThanAllowed(Exception):
    """There are more octets than a file may have."""


@dataclasses.dataclass(frozen=True, slots=True)
class Staged:
    """Octets that are on the disk and have no name yet."""

    path: Path
    digest: str
    size: int


class Store:
    """Keeps octets in *folder*, which appears at the first of them; the limits are in MB."""

    def __init__(self, folder: Path, *, max_mb: int = 10, issue_max_mb: int = 100) -> None:
        self.folder = folder
        self.max_size = max_mb * MB
        self.issue_max_size = issue_max_mb * MB

    def stage(self, data: bytes | IO[bytes]) -> Staged:
        """Write *data* to the disk, to be kept or discarded.

        Raise `LargerThanAllowed` once it turns out to be larger than a file may be.
        """
        source = io.BytesIO(data) if isinstance(data, bytes) else data
        parts = self.folder / _PARTS
        parts.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(dir=parts)
        try:
            with os.fdopen(descriptor, "wb") as part:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    if size > self.max_size:
                        raise LargerThanAllowed
                    digest.update(chunk)
                    part.write(chunk)
                part.flush()
                os.fsync(part.fileno())
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Staged(Path(name), digest.hexdigest(), size)

    def keep(self, staged: Staged) -> None:
        """Give *staged* its name; what has that name already is the same."""
        path = self.path(staged.digest)
        if path.exists() and path.stat().st_size == staged.size:
            staged.path.unlink()
            return
        path.parent.mkdir(exist_ok=True)
        staged.path.rename(path)
        for folder in (path.parent, self.folder):
            _sync(folder)

    def discard(self, staged: Staged) -> None:
        """Remove *staged*, if it was not kept."""
        staged.path.unlink(missing_ok=True)

    def path(self, digest: str) -> Path:
        """Return where the octets with this hash are, if they are kept."""
        return _below(self.folder, digest)

    def display_path(self, digest: str) -> Path:
        """Return where the image with this hash is as pages show it, once it was made."""
        return _below(self.folder / "display", digest)

    def remove(self, digest: str) -> None:
        """Remove the octets with this hash, and what was made of them."""
        self.display_path(digest).unlink(missing_ok=True)
        self.path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        """Yield the hash of everything that is kept, or that something was made of, each once."""
        of_two_digits = "[0-9a-f][0-9a-f]/*"
        paths = [*self.folder.glob(of_two_digits), *self.folder.glob(f"display/{of_two_digits}")]
        for digest in dict.fromkeys(path.parent.name + path.name for path in paths):
            if _DIGEST.fullmatch(digest):
                yield digest

    def remove_parts(self, *, older_than: float) -> int:
        """Remove what was begun to be written so many seconds ago, and never came to its end."""
        before = time.time() - older_than
        stale = [part for part in (self.folder / _PARTS).glob("*") if part.stat().st_mtime < before]
        for part in stale:
            part.unlink(missing_ok=True)
        return len(stale)


def _below(folder: Path, digest: str) -> Path:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"not a SHA-256: {digest!r}")
    return folder / digest[:2] / digest[2:]


def _sync(folder: Path) -> None:
    """Bring the names in *folder* to the disk: a rename is one of them."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
