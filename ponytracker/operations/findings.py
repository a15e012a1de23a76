"""What a check of `ponytracker doctor` says: one line about one thing, and what to do."""

from __future__ import annotations

import dataclasses
from enum import StrEnum


class Mark(StrEnum):
    """How it is about a thing."""

    OK = "ok"
    OFF = "off"  # not set up
    UNKNOWN = "?"  # it could not be asked
    WARNING = "warn"  # it works, and should be otherwise
    WRONG = "WRONG"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing, in one line: ``Subject: what, and what to do.``"""

    mark: Mark
    text: str


def well(text: str) -> Finding:
    return Finding(Mark.OK, text)


def off(text: str) -> Finding:
    return Finding(Mark.OFF, text)


def unknown(text: str) -> Finding:
    return Finding(Mark.UNKNOWN, text)


def warning(text: str) -> Finding:
    return Finding(Mark.WARNING, text)


def wrong(text: str) -> Finding:
    return Finding(Mark.WRONG, text)
