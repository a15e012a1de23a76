"""Commands in a mail: lines like ``/close`` at its start or end (MAIL.md §6).

What is quoted or code is never a command, and a line that looks like one but is none stays text.
"""

from __future__ import annotations

import dataclasses
import re

NAMES = frozenset(
    "close reopen assign unassign label unlabel milestone subscribe unsubscribe title".split()
)

MAX_COMMANDS = 20
"""Commands of one mail; what looks like one after them stays text."""

_COMMAND = re.compile(r"/([A-Za-z]{2,20})(?:[ \t]+(\S.*?))?[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """A command as it was written."""

    name: str
    argument: str

    @property
    def line(self) -> str:
        return f"/{self.name} {self.argument}".strip()


@dataclasses.dataclass(frozen=True, slots=True)
class Parsed:
    """The text without its commands; *unknown* are lines of it that look like some."""

    text: str
    commands: tuple[Command, ...] = ()
    unknown: tuple[str, ...] = ()


def parse(text: str) -> Parsed:
    """Return the commands at the start and the end of *text*."""
    lines = text.split("\n")
    code = _code_lines(lines)
    first = _leading(lines, code)
    last = _leading(lines[::-1], code[::-1])
    places = sorted({*first, *(len(lines) - 1 - place for place in last)})
    known = [place for place in places if _name(lines[place]) in NAMES][:MAX_COMMANDS]
    kept = [line for place, line in enumerate(lines) if place not in known]
    return Parsed(
        "\n".join(kept).strip("\n") if known else text,
        tuple(_command(lines[place]) for place in known),
        tuple(lines[place].strip() for place in places if _name(lines[place]) not in NAMES),
    )


def _leading(lines: list[str], code: list[bool]) -> list[int]:
    """Return the places of the lines before the first that is neither a command nor empty."""
    found = []
    for place, line in enumerate(lines):
        if _COMMAND.fullmatch(line) and not code[place]:
            found.append(place)
        elif line.strip():
            break
    return found


def _code_lines(lines: list[str]) -> list[bool]:
    """Return for each line whether it is in a block of code, or its fence; also an open one."""
    code, fence = [], ""
    for line in lines:
        found = _FENCE.match(line)
        if fence:
            code.append(True)
            if found and found[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
        elif found:
            code.append(True)
            fence = found[1]
        else:
            code.append(False)
    return code


def _command(line: str) -> Command:
    found = _COMMAND.fullmatch(line)
    assert found is not None  # noqa: S101 - only such lines come here
    return Command(found[1].lower(), found[2] or "")


def _name(line: str) -> str:
    return _command(line).name
