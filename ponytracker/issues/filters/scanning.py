"""The smallest parts of a filter's text: words, escapes and quotes (FILTERS.md §2: bare, dq)."""

from __future__ import annotations

import re

from ponytracker.issues.filters.tree import Span

_PLAIN = re.compile(r"[^\s,.()\\]+")
_BLANKS = re.compile(r"\s*")
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
}
_GROUP_PARTS = re.compile(r'\\.|"(?:[^"\\]|\\.)*"|[()]', re.DOTALL)


class Scanner:
    """Goes through *text* up to *end*; `at` is how far it has come."""

    def __init__(self, text: str, end: int) -> None:
        self.text = text
        self.at = 0
        self.end = end
        self.gave_up = False

    @property
    def is_done(self) -> bool:
        return self.at >= self.end

    def peek(self) -> str:
        """Return the next character, nothing at the end."""
        return "" if self.is_done else self.text[self.at]

    def since(self, start: int) -> Span:
        return start, self.at - start

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return what *pattern* finds here, without going on."""
        return pattern.match(self.text, self.at, self.end)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return what *pattern* finds here, and go past it."""
        if found := self.match(pattern):
            self.at = found.end()
        return found

    def give_up(self) -> None:
        """Go to the end: that nothing else is closed there goes without saying."""
        self.at = self.end
        self.gave_up = True

    def skip_blanks(self) -> None:
        self.take(_BLANKS)

    def bare(self, stops: str = "", *, dots: bool = False) -> str:
        """Read up to a blank, one of *stops*, a parenthesis that closes nothing, or two *dots*."""
        read = []
        opened = 0
        while character := self.peek():
            if found := self.take(_PLAIN):
                read.append(found[0])
                continue
            if character.isspace() or character in stops:
                break
            if character == ")":
                if not opened:
                    break
                opened -= 1
            elif character == "(":
                opened += 1
            elif dots and self.text.startswith("..", self.at, self.end):
                break
            elif character == "\\" and self.at + 1 < self.end:
                self.at += 1
                character = self.text[self.at]
            read.append(character)
            self.at += 1
        return "".join(read)

    def quoted(self) -> str | None:
        """Read what stands in quotes; return nothing, and go nowhere, where they are not closed."""
        quote = self.peek()
        found = self.take(_QUOTED[quote])
        return None if found is None else re.sub(rf"\\([{quote}\\])", r"\1", found[1])

    def skip_group(self) -> None:
        """Go past the parenthesis that closes the one here, or to the end."""
        opened = 0
        for part in _GROUP_PARTS.finditer(self.text, self.at, self.end):
            opened += {"(": 1, ")": -1}.get(part[0], 0)
            if not opened:
                self.at = part.end()
                return
        self.at = self.end
