"""Images as pages show them: small, upright, and without what the camera wrote about the place.

An image from outside is hostile until it is decoded. Its size in pixels bounds the memory, the
processor's time bounds the rest, and one is decoded at a time.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from time import thread_time
from typing import Any

from PIL import Image, ImageOps

from ponytracker.attachments.content import FORMATS, MAX_PIXELS

DISPLAY_SIZE = (1200, 1200)
"""The box, in pixels, that an image is scaled down into."""

SCALING_SECONDS = 5.0
"""Processor time that the decoding of one image may take."""

WAIT_SECONDS = 20.0
"""How long an image waits for its turn."""

DISPLAY_TYPE = "image/webp"

_READ_AT_ONCE = 1024
_ONE_AT_A_TIME = threading.Lock()


class NotScaled(Exception):
    """The image is broken, or takes too long."""


class Busy(Exception):
    """Too many others are waiting to be scaled."""


def display_size(width: int, height: int) -> tuple[int, int]:
    """Return how large an image of this size is shown."""
    scale = min(1.0, DISPLAY_SIZE[0] / width, DISPLAY_SIZE[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def scale(source: Path, target: Path) -> None:
    """Write the image *source* to *target* as pages show it.

    Raise `NotScaled` or `Busy`, or `OSError` where it is the disk that fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _ONE_AT_A_TIME.acquire(timeout=WAIT_SECONDS):
        raise Busy
    try:
        _scale_to(source, target)
    finally:
        _ONE_AT_A_TIME.release()


def _scale_to(source: Path, target: Path) -> None:
    if not target.exists():  # another may just have made it
        part = _part(target)
        try:
            _scale(source).save(part, "WEBP", quality=85, method=3)
            part.rename(target)
        except Exception as error:
            if getattr(error, "errno", None) is not None:  # it was the disk: another try may do
                raise
            # Pillow raises whatever it likes. An empty file tells not to try again.
            target.touch()
            raise NotScaled(type(error).__name__) from error
        finally:
            part.unlink(missing_ok=True)


def _part(target: Path) -> Path:
    """Return a new file beside *target*, on the same disk."""
    descriptor, name = tempfile.mkstemp(dir=target.parent)
    os.close(descriptor)
    return Path(name)


def _scale(source: Path) -> Image.Image:
    with _TimedFile(source) as file, Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise NotScaled
        # A JPEG may have thousands of passes over all of it: little is read between two looks at
        # the clock.
        image.decodermaxblock = _READ_AT_ONCE
        image.draft("RGB", DISPLAY_SIZE)
        image.load()
        mode = "RGBA" if image.has_transparency_data else "RGB"
        plain = image if image.mode == mode else image.convert(mode)
    plain.thumbnail(DISPLAY_SIZE, Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(plain)
    # A new image has the pixels alone: no place, no camera, no comment.
    clean = Image.new(mode, upright.size)
    clean.paste(upright)
    return clean


class _TimedFile:
    """The octets of a file, until reading and what lies between took too long."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._end = thread_time() + SCALING_SECONDS

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        if thread_time() > self._end:
            raise NotScaled
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
