"""Files in a folder, which several hosts may share: renaming in it must be atomic (NFS's is)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ponytracker.attachments.store import DIGEST, Staged, Store, Stored, two_levels


class FolderStore(Store):
    """Keeps octets in *folder*, which appears at the first of them."""

    def __init__(self, folder: Path, *, max_mb: int = 10, issue_max_mb: int = 100) -> None:
        super().__init__(max_mb=max_mb, issue_max_mb=issue_max_mb)
        self.folder = folder

    @property
    def name(self) -> str:
        return str(self.folder)

    @property
    def parts(self) -> Path:
        return self.folder / "parts"  # on the same disk, so that a rename is all it takes

    def keep(self, staged: Staged) -> None:
        path = self.path(staged.digest)
        if path.exists() and path.stat().st_size == staged.size:
            staged.path.unlink()
            return
        path.parent.mkdir(exist_ok=True)
        staged.path.rename(path)
        for folder in (path.parent, self.folder):
            _sync(folder)

    def open(self, digest: str) -> Stored | None:
        return _open(self.path(digest))

    def open_display(self, digest: str) -> Stored | None:
        return _open(self.display_path(digest))

    def make_display(self, digest: str, make: Callable[[Path, Path], None]) -> None:
        try:
            self.path(digest).stat()
        except FileNotFoundError:
            return
        make(self.path(digest), self.display_path(digest))

    def remove(self, digest: str) -> None:
        self.display_path(digest).unlink(missing_ok=True)
        self.path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        of_two_digits = "[0-9a-f][0-9a-f]/*"
        paths = [*self.folder.glob(of_two_digits), *self.folder.glob(f"display/{of_two_digits}")]
        for digest in dict.fromkeys(path.parent.name + path.name for path in paths):
            if DIGEST.fullmatch(digest):
                yield digest

    def check(self) -> None:
        there = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"{there} cannot be written to by this user")

    def path(self, digest: str) -> Path:
        """Return where the octets with this hash are, if they are kept."""
        return self.folder / two_levels(digest)

    def display_path(self, digest: str) -> Path:
        """Return where the image with this hash is as pages show it, once it was made."""
        return self.folder / "display" / two_levels(digest)


def _open(path: Path) -> Stored | None:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    return Stored(os.fstat(file.fileno()).st_size, file)


def _sync(folder: Path) -> None:
    """Bring the names in *folder* to the disk: a rename is one of them."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
