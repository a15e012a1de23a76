"""What all archives of GitHub share: deleted users, colours, and how long names may be here."""

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
    return account_name(node.text_or_none(key) or "")


def user_login(node: Node, key: str) -> str | None:
    """Return the login of the user object under *key*, or nothing where there is none."""
    user = node.node_or_none(key)
    return login(user, "login") if user else None


def title_and_text(node: Node) -> tuple[str, str]:
    """Return title and body of *node*, the body led by the whole title where that is too long."""
    full, text = clean_line(node.text("title")), node.text_or_none("body") or ""
    title = issue_title(full)
    return title, text if title == full else f"{full}\n\n{text}"


def label(node: Node) -> ImportedLabel:
    color = _COLOR.fullmatch(node.text_or_none("color") or "")
    return ImportedLabel(label_name(node.text("name")), f"#{color[1].upper()}" if color else None)


def account_name(name: str) -> str | None:
    name = _cut(name.strip(), MAX_LOGIN)
    return None if name.casefold() in ("", GHOST) else name


def issue_title(title: str) -> str:
    return _cut(title, MAX_TITLE)


def label_name(name: str) -> str:
    return _cut(name, MAX_LABEL)


def milestone_name(name: str) -> str:
    return _cut(name, MAX_MILESTONE)


def _cut(raw: str, length: int) -> str:
    line = clean_line(raw)
    return line if len(line) <= length else line[: length - 1] + "…"
