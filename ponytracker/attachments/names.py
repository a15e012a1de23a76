"""The name of a file as somebody sent it, made fit for a page, an address and a disk."""

from __future__ import annotations

import re
import unicodedata

from ponytracker.models.attachment import MAX_NAME
from ponytracker.text import clean_line

UNNAMED = "file"

MAX_EXTENSION = 16
"""Characters at the end of a name that is too long which stay, from the last dot on."""

_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)


def clean_name(raw: str) -> str:
    """Return *raw* without folders, control characters and those that turn the writing around.

    What traversal reads as something else than a name is no name: ``..`` and a leading ``@@``.
    """
    name = clean_line(_FOLDERS.sub("", raw))
    name = "".join(character for character in name if unicodedata.category(character) != "Cf")
    name = unicodedata.normalize("NFC", name).rstrip(" .").lstrip()
    while name.startswith("@@"):
        name = name[1:]
    return _shorten(name) if name.strip(". ") else UNNAMED


def _shorten(name: str) -> str:
    if len(name) <= MAX_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) >= MAX_EXTENSION:
        return name[:MAX_NAME].rstrip(" .")
    return stem[: MAX_NAME - len(extension) - 1] + dot + extension
