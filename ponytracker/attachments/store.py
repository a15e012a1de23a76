"""What keeps files: each under the SHA-256 of what is in it, so that the same is kept once.

``folder.py`` keeps them in a folder, ``s3.py`` in S3-compatible storage. A file is whole before it
has its name: it is written beside, brought to the disk (fsync), and only then named. What is shown
of an image is kept beside it under the same hash, and can be made again. Nothing here knows of
rows; ``keeping.py`` keeps the two together.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import re
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

MB = 1_000_000
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
CHUNK = 256 * 1024
"""Octets that are read at once."""

PART_PREFIX = "ponytracker-"
"""How the names begin of what is being written."""


class LargerThanAllowed(Exception):
    """There are more octets than a file may have."""


class StoreUnavailable(OSError):
    """The storage does not answer, or not as it should; the text says how."""


@dataclasses.dataclass(frozen=True, slots=True)
class Staged:
    """Octets that are on the disk and have no name yet."""

    path: Path
    digest: str
    size: int


class Readable(Protocol):
    """What octets are read from."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """Octets on their way out of a store; whoever got them closes their `file`."""

    size: int
    file: Readable


class Store(ABC):
    """Keeps octets; the limits are in MB. Whatever fails raises `OSError`."""

    def __init__(self, *, max_mb: int = 10, issue_max_mb: int = 100) -> None:
        self.max_size = max_mb * MB
        self.issue_max_size = issue_max_mb * MB

    @property
    @abstractmethod
    def name(self) -> str:
        """Where it is, for a log: no secret is in it."""

    @property
    @abstractmethod
    def parts(self) -> Path:
        """The folder of what is being written, in which nothing else is."""

    def prepare_parts(self) -> Path:
        """Make the folder of what is being written, where it is not there; return it."""
        self.parts.mkdir(parents=True, exist_ok=True)
        return self.parts

    def stage(self, data: bytes | IO[bytes]) -> Staged:
        """Write *data* to the disk, to be kept or discarded.

        Raise `LargerThanAllowed` once it turns out to be larger than a file may be.
        """
        source = io.BytesIO(data) if isinstance(data, bytes) else data
        return self.stage_chunks(iter(lambda: source.read(CHUNK), b""), self.max_size)

    def stage_chunks(self, chunks: Iterable[bytes], max_size: int) -> Staged:
        """Write *chunks* to the disk; raise `LargerThanAllowed` for more than *max_size* octets."""
        digest, size = hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(prefix=PART_PREFIX, dir=self.prepare_parts())
        try:
            with os.fdopen(descriptor, "wb") as part:
                for chunk in chunks:
                    size += len(chunk)
                    if size > max_size:
                        raise LargerThanAllowed
                    digest.update(chunk)
                    part.write(chunk)
                part.flush()
                os.fsync(part.fileno())
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Staged(Path(name), digest.hexdigest(), size)

    def discard(self, staged: Staged) -> None:
        """Remove *staged*, if it was not kept."""
        staged.path.unlink(missing_ok=True)

    def remove_parts(self, *, older_than: float) -> int:
        """Remove what was begun to be written so many seconds ago, and never came to its end."""
        before, removed = time.time() - older_than, 0
        if not self.parts.exists():
            return removed
        for part in self.prepare_parts().glob(f"{PART_PREFIX}*"):
            try:
                if part.stat().st_mtime < before:
                    shutil.rmtree(part) if part.is_dir() else part.unlink()
                    removed += 1
            except OSError:  # it is gone meanwhile, or somebody else's
                continue
        return removed

    @abstractmethod
    def keep(self, staged: Staged) -> None:
        """Give *staged* its name; what has that name already is the same."""

    @abstractmethod
    def open(self, digest: str) -> Stored | None:
        """Return the octets with this hash, or `None` where they are not kept."""

    @abstractmethod
    def open_display(self, digest: str) -> Stored | None:
        """Return the image with this hash as pages show it, or `None` where it was not made yet.

        Without any octets, it cannot be made.
        """

    @abstractmethod
    def make_display(self, digest: str, make: Callable[[Path, Path], None]) -> None:
        """Have *make* write the image with this hash as pages show it, from one path to another."""

    @abstractmethod
    def remove(self, digest: str) -> None:
        """Remove the octets with this hash, and what was made of them."""

    @abstractmethod
    def digests(self) -> Iterator[str]:
        """Yield the hash of everything that is kept, or that something was made of, each once."""

    @abstractmethod
    def check(self) -> None:
        """Raise `OSError` where nothing could be kept or read at the moment."""


def two_levels(digest: str) -> str:
    """Return the name of what has this hash: a folder of two digits, and the rest below it."""
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"not a SHA-256: {digest!r}")
    return f"{digest[:2]}/{digest[2:]}"
