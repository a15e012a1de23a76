"""What is in a file, found by looking: what its sender declares and its name say is not believed.

A browser shows only images of four kinds and plain text. Text that begins like HTML, SVG or XML is
none of them, and what two programs may read as different things has the type of an image, with
which a browser that must not guess (nosniff) does nothing else.
"""

from __future__ import annotations

import codecs
import re
import warnings
from pathlib import Path
from typing import NamedTuple

from PIL import Image

MAX_PIXELS = 40_000_000
"""Beyond it an image is not shown: a small file can unfold to more than a browser's memory."""

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
"""The only formats that Pillow is asked for: it knows some forty more, each a risk."""

_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # several JPEGs in one, as some phones write them: the first is shown
    "GIF": "image/gif",
    "WEBP": "image/webp",
}
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_MARKUP_NAMES = (".htm", ".html", ".mht", ".mhtml", ".shtml", ".svg", ".xht", ".xhtml", ".xml")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CHUNK = 256 * 1024


class Content(NamedTuple):
    """The type of a file; an image that may be shown has the size at which it is looked at."""

    type: str
    width: int | None = None
    height: int | None = None


def look_into(path: Path, name: str) -> Content:
    """Return what is in the file *path*, which is called *name*."""
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")):
        return _look_at_image(path)
    if head.startswith(b"%PDF-"):
        return Content("application/pdf")
    is_markup = _MARKUP.match(head) or name.lower().endswith(_MARKUP_NAMES)
    if head and not is_markup and _is_text(path):
        return Content("text/plain")
    return Content("application/octet-stream")


def _look_at_image(path: Path) -> Content:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:  # reads its head alone
                width, height = image.size
                # Not the method of its own class: that of a PNG decodes all of it.
                is_turned = Image.Image.getexif(image).get(_ORIENTATION, 1) in _ON_ITS_SIDE
                found = _TYPES[image.format or ""]
    except Exception:  # noqa: BLE001 - a broken file makes Pillow raise whatever it likes
        return Content("application/octet-stream")
    if width * height > MAX_PIXELS:
        return Content(found)
    return Content(found, height, width) if is_turned else Content(found, width, height)


_ORIENTATION = 0x0112
_ON_ITS_SIDE = (5, 6, 7, 8)


def _is_text(path: Path) -> bool:
    decode = codecs.getincrementaldecoder("utf-8")().decode
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                if _BINARY.search(decode(chunk)):
                    return False
            decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
