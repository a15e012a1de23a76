"""The real mails of the shared data folder, with what must become of each (MAIL.md §10).

Whether an answer is right is asked for aside from white space, as MAIL.md does. What is expected
of HTML stands there as HTML, and is made into Markdown as the mail itself is.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ponytracker.inbound.reading.from_html import to_markdown
from ponytracker.inbound.reading.message import ReceivedMessage, read_message
from ponytracker.inbound.reading.trimming import trim

_WHITE_SPACE = re.compile(r"[\s\u200b]+")


@dataclass(frozen=True)
class Sample:
    """A mail of the corpus: each of *wanted* is one way in which it may be read rightly."""

    folder: Path
    file: str
    source: str
    format: str
    kind: str
    wanted: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def properties(self) -> dict[str, Any]:
        return self.wanted[0][1]

    @property
    def raw(self) -> bytes:
        """The mail; of a sample that is a body alone, a mail with this body."""
        octets = (self.folder / self.file).read_bytes()
        if self.format == "eml":
            return octets
        kind = {"text": "plain", "html": "html"}[self.format]
        header = f"From: ann@example.org\nContent-Type: text/{kind}; charset=utf-8\n\n"
        return header.encode() + octets

    def expected(self) -> Iterator[str | None]:
        """Yield the text that is wanted, in each of the ways; None where only properties are."""
        for file, _ in self.wanted:
            if not file:
                yield None
                continue
            text = (self.folder / file).read_text("utf-8", "replace")
            if self.format == "html" and "<" in text:
                markdown = to_markdown(text)
                text = f"{markdown.text}\n{markdown.elided}"
            yield text

    def is_read_rightly(self, message: ReceivedMessage, text: str) -> bool:
        """Whether *text* is what is wanted of *message*, in one of the ways."""
        return any(
            (expected is None or self._folded(expected) == self._folded(text))
            and self._holds(properties, message, text)
            for expected, (_, properties) in zip(self.expected(), self.wanted, strict=True)
        )

    def loses_a_line(self, text: str) -> bool:
        """Whether a line that is wanted is missing from *text*, in each of the ways."""
        have = self._folded(text)
        return all(
            any(self._folded(line) not in have for line in lines)
            for lines in (
                self._wanted_lines(*way) for way in zip(self.expected(), self.wanted, strict=True)
            )
        )

    def _wanted_lines(self, expected: str | None, way: tuple[str, dict[str, Any]]) -> list[str]:
        if expected is not None:
            return expected.split("\n")
        return [*way[1].get("contains", []), way[1].get("starts", "")]

    def _folded(self, text: str) -> str:
        text = _WHITE_SPACE.sub("", text)
        # Marks of quotes are no part of HTML.
        return text.replace(">", "") if self.format == "html" else text

    def _holds(self, properties: dict[str, Any], message: ReceivedMessage, text: str) -> bool:
        have = self._folded(text)
        names = sorted(file.name for file in message.body.files)
        checks = {
            "starts": lambda start: have.startswith(self._folded(start)),
            "contains": lambda parts: all(self._folded(part) in have for part in parts),
            "excludes": lambda parts: not any(self._folded(part) in have for part in parts),
            "any": lambda parts: any(self._folded(part) in have for part in parts),
            "empty": lambda _: not have,
            "identity": lambda _: have == self._folded(message.body.text),
            "subject": lambda subject: message.subject == subject,
            "attachments": lambda wanted: names == sorted(wanted),
        }
        return all(checks[key](value) for key, value in properties.items() if key in checks)


def read_samples(shared_data: Path) -> list[Sample]:
    """Return the mails that are listed in the manifest."""
    folder = shared_data / "mail"
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        return [
            Sample(
                folder=folder,
                file=row["file"],
                source=row["source"],
                format=row["format"],
                kind=row["class"],
                wanted=(
                    (row["expected_file"], json.loads(row["properties"])),
                    *((way["expected"], way["props"]) for way in json.loads(row["alternatives"])),
                ),
            )
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def read(sample: Sample) -> tuple[ReceivedMessage, str]:
    """Return the mail of *sample* and what its author wrote."""
    message = read_message(sample.raw)
    return message, trim(message.body.text, is_html=message.body.is_html).text
