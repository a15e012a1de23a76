"""What all archives of GitHub share: deleted users, titles, labels and how long each may be here."""

from __future__ import annotations

import re

from ponytracker.importers.node import Node
from ponytracker.importers.records import ImportedLabel
from ponytracker.text import MAX_TITLE, clean_line

GHOST = "ghost"
"""The login under which GitHub shows what deleted users have left."""

# As long as their columns; GitHub's own limits are 39, 50 and 255.
MAX_LOGIN = 150
MAX_LABEL = 64
MAX_MILESTONE = 128

_COLOR = re.compile("#?([0-9a-fA-F]{6})")


def login(node: Node, key: str) -> str | None:
    """Return the login under *key*, or nothing where the account was deleted."""
    if key not in node:
        return None
    name = clean_line(node.text(key)).strip()
    if len(name) > MAX_LOGIN:
        raise node.wrong(key, f"a login of at most {MAX_LOGIN} characters")
    return None if name.casefold() in ("", GHOST) else name


def user_login(node: Node, key: str) -> str | None:
    """Return the login of the user object under *key*, or nothing where there is none."""
    user = node.node_or_none(key)
    return user and login(user, "login")


def title_and_text(node: Node, text: str | None) -> tuple[str, str]:
    """Return the title of *node* and its *text*, led by the whole title where that was cut."""
    full = clean_line(node.text("title"))
    title = cut(full, MAX_TITLE)
    return title, text or "" if title == full else f"{full}\n\n{text or ''}"


def label(node: Node) -> ImportedLabel:
    color = _COLOR.fullmatch(node.text_or_none("color") or "")
    return ImportedLabel(label_name(node.text("name")), color and f"#{color[1].upper()}")


def label_name(name: str) -> str:
    return cut(name, MAX_LABEL)


def cut(name: str, length: int) -> str:
    """Return *name* on one line of at most *length* characters."""
    name = clean_line(name)
    return name if len(name) <= length else name[: length - 1] + "…"
