"""The guides in ``docs/``, read as what they tell the administrator to do, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from docutils.core import publish_doctree

KEY = re.compile(r"[a-z_]+\.[a-z0-9_]+ *= *.*")


class Step(NamedTuple):
    """One line of a guide: what *who* types, or of the ini file where *who* is ``ini``."""

    section: str
    who: str
    text: str


def read(path: Path) -> list[Step]:
    """Return all the steps of the guide *path*; a literal block that is none is a mistake."""
    options = {"report_level": 1, "halt_level": 2, "input_encoding": "utf-8"}
    document = publish_doctree(path.read_text(), source_path=str(path), settings_overrides=options)
    return list(_steps(document))


def _steps(document: nodes.document) -> Iterator[Step]:
    for block in document.findall(nodes.literal_block):
        section = block
        while not isinstance(section, nodes.section | nodes.document):
            section = section.parent
        title = section.next_node(nodes.title).astext()
        for line in block.astext().splitlines():
            prompt, _blank, text = line.partition(" ")
            if prompt in ("#", "$"):
                yield Step(title, "root" if prompt == "#" else "user", text)
            elif KEY.fullmatch(line):
                yield Step(title, "ini", line)
            else:
                raise AssertionError(f"{title}: neither a command nor a key: {line}")
