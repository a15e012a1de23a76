"""Long lists, page by page."""

from __future__ import annotations

import dataclasses
import re

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """One page of a list of *total* items, *size* a page; pages count from 1."""

    number: int
    size: int
    total: int

    @classmethod
    def asked_for(cls, raw: str | None, *, size: int, total: int) -> Page:
        """Return the page that *raw* names: the first where it is no number, at most the last."""
        asked = int(raw) if raw and _NUMBER.fullmatch(raw) else 1
        return cls(min(max(asked, 1), cls(1, size, total).last), size, total)

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    @property
    def neighbours(self) -> list[int | None]:
        """The page numbers to link to, with `None` for a gap: both ends and what is near."""
        shown = sorted(
            {1, self.last, *range(max(1, self.number - 2), min(self.last, self.number + 2) + 1)}
        )
        numbers: list[int | None] = []
        for number in shown:
            if numbers and numbers[-1] is not None and number - numbers[-1] > 1:
                numbers.append(None)
            numbers.append(number)
        return numbers
