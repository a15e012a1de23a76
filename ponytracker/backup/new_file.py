"""A file that has its name once it is whole and on the disk, and never before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open *path* to be written, readable for nobody else; where the block fails, it is not there.

    Raise `FileExistsError` for one that is there already, and `OSError` as the disk does.
    """
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists already")
    # Made with the mode 0600.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            raise FileExistsError(f"{path} was made meanwhile")
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
