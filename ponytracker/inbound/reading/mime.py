"""The parts of a mail: where each one's header and body lie in the octets (RFC 2045, 2046).

Nothing is copied but the headers. A mail of 25 MB is read where it lies, and a part's body is
decoded once, by whoever asks for it.
"""

from __future__ import annotations

import binascii
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from ponytracker.inbound.reading import headers

MAX_OCTETS = 25 * 1024 * 1024
MAX_DEPTH = 20
MAX_PARTS = 200
MAX_HEADER = 256 * 1024
"""Octets that the header of a mail or part may have."""

MAX_FIELDS = 1_000
"""Fields of one header that are read."""

MAX_LONGER = 1_000
"""Lines that are read which begin with a boundary, and are none since they go on."""

MAX_LINES = 500_000
"""Lines of a uuencoded file that are read: as many as the largest file has."""

_EMPTY_LINE = re.compile(rb"\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[ \t]*(.*)", re.DOTALL)
_BOUNDARY_END = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")
_BLANK_LINES = re.compile(rb"\s*\n(?=\S)")


@dataclass(eq=False)
class Part:
    """A part of a mail, or the whole of it: its header fields, in order, and its body or parts."""

    fields: list[tuple[str, bytes]]
    body: memoryview
    parts: list[Part] = field(default_factory=list)

    def raw(self, name: str) -> bytes:
        """Return the first field *name* as it stands in the mail, unfolded."""
        return next((value for key, value in self.fields if key == name), b"")

    @cached_property
    def _content_type(self) -> tuple[str, dict[str, str]]:
        return headers.parse_parameters(self.raw("content-type"))

    @property
    def content_type(self) -> str:
        """What kind of part it is, ``text/plain`` where it says nothing sensible (RFC 2045 5.2)."""
        value = self._content_type[0]
        return value if re.fullmatch(r"[!-.0-~]{1,100}/[!-.0-~]{1,100}", value) else "text/plain"

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the content type, by name in lower case."""
        return self._content_type[1]

    @cached_property
    def _disposition(self) -> tuple[str, dict[str, str]]:
        return headers.parse_parameters(self.raw("content-disposition"))

    @property
    def disposition(self) -> str:
        """``attachment``, ``inline`` or nothing (RFC 2183)."""
        return self._disposition[0]

    @property
    def filename(self) -> str:
        """What the sender calls the file, which may hold anything; empty where it has no name."""
        return self._disposition[1].get("filename") or self.parameters.get("name", "")

    def octets(self) -> bytes | memoryview:
        """Return the body, its transfer encoding undone."""
        match self.raw("content-transfer-encoding").strip().lower():
            case b"base64":
                return headers.from_base64(self.body)
            case b"quoted-printable":
                return binascii.a2b_qp(self.body)
            case b"x-uuencode" | b"uuencode" | b"x-uue":
                return _from_uuencode(self.body)
        return self.body

    def walk(self) -> Iterator[Part]:
        """Yield this part and those in it, in the order in which they stand."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.parts))


def read_parts(raw: bytes) -> tuple[Part, bool]:
    """Return the whole of the mail *raw*, and whether one of the limits left something out."""
    if b"\n" not in raw[:MAX_HEADER] and b"\r" in raw[:MAX_HEADER]:
        raw = raw[:MAX_OCTETS].replace(b"\r", b"\n")
    reader = _Reader(raw)
    blank = _BLANK_LINES.match(raw)
    root = reader.read(blank.end() if blank else 0, min(len(raw), MAX_OCTETS), depth=0)
    return root, reader.was_cut or len(raw) > MAX_OCTETS


class _Reader:
    """Reads parts within parts of *raw*, counting them."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.octets = memoryview(raw)
        self.count = 0
        self.was_cut = False

    def read(self, start: int, end: int, *, depth: int, kind: str = "text/plain") -> Part:
        self.count += 1
        fields, size = _split_header(self.raw[start : min(end, start + MAX_HEADER)])
        start = min(start + size, end)
        part = Part(fields, self.octets[start:end])
        if not part.raw("content-type") and kind != "text/plain":
            part.fields.append(("content-type", kind.encode()))
        boundary = part.parameters.get("boundary", "")
        if not part.content_type.startswith("multipart/"):
            return part
        if depth >= MAX_DEPTH:
            self.was_cut = True
        elif boundary:
            # Parts of a digest are mails where they do not say otherwise (RFC 2046 5.1.5).
            inner = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
            for first, last in self._split(start, end, boundary.encode("utf-8", "replace")):
                part.parts.append(self.read(first, last, depth=depth + 1, kind=inner))
        return part

    def _split(self, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
        """Yield where each part lies between the lines of *boundary*; the last may be open."""
        begin: int | None = None
        for line in self._boundary_lines(start, end, boundary):
            if begin is not None:
                if self.count >= MAX_PARTS:
                    self.was_cut = True
                    return
                # The line's end before a boundary belongs to it (RFC 2046 5.1.1).
                yield begin, max(begin, self._before_line_end(line.start))
            if line.is_last:
                return
            begin = line.end
        if begin is not None and begin < end:
            if self.count >= MAX_PARTS:
                self.was_cut = True
            else:
                yield begin, end

    def _boundary_lines(self, start: int, end: int, boundary: bytes) -> Iterator[_BoundaryLine]:
        mark = b"--" + boundary
        is_first = self.raw.startswith(mark, start, end)
        found = start if is_first else self._find_line(mark, start, end)
        longer = 0
        while found >= 0:
            after = found + len(mark)
            match = _BOUNDARY_END.match(self.raw, after, end)
            if match:
                yield _BoundaryLine(found, match.end(), is_last=match[1] is not None)
                after = match.end()
            elif (longer := longer + 1) > MAX_LONGER:
                self.was_cut = True
                return
            found = self._find_line(mark, after, end)

    def _find_line(self, mark: bytes, position: int, end: int) -> int:
        """Return where the next line from *position* on begins that begins with *mark*, or -1."""
        found = self.raw.find(b"\n" + mark, max(position - 1, 0), end)
        return found + 1 if found >= 0 else -1

    def _before_line_end(self, position: int) -> int:
        return position - 2 if self.raw[position - 2 : position] == b"\r\n" else position - 1


class _BoundaryLine(NamedTuple):
    start: int
    end: int
    is_last: bool


def _split_header(head: bytes) -> tuple[list[tuple[str, bytes]], int]:
    """Return the fields of *head*, unfolded, and how far they reach with the empty line."""
    fields: list[tuple[str, bytes]] = []
    folded: list[bytes] = []
    position = 0
    while position < len(head):
        end = head.find(b"\n", position) + 1 or len(head)
        line = head[position:end].rstrip(b"\r\n")
        if not line:
            position = end
            break
        if line[:1] in b" \t" and folded:
            folded.append(line.strip())
        elif len(fields) >= MAX_FIELDS:
            blank = _EMPTY_LINE.search(head, position)
            position = blank.end() if blank else len(head)
            break
        elif _FIELD.match(line):
            _unfold(folded, fields)
            folded.append(line)
        elif position or not line.startswith((b"From ", b">From ")):
            # No field, nor the first line of a mailbox: the header ended without an empty line.
            break
        position = end
    _unfold(folded, fields)
    return fields, position


def _unfold(folded: list[bytes], fields: list[tuple[str, bytes]]) -> None:
    if folded and (match := _FIELD.match(b" ".join(folded))):
        fields.append((match[1].decode("ascii").lower(), match[2].strip()))
    folded.clear()


def _from_uuencode(body: memoryview) -> bytes:
    octets = bytearray()
    for ended in islice(io.BytesIO(body), MAX_LINES):
        line = ended.rstrip(b"\r\n")
        if line.startswith(b"begin ") or not line.strip() or line == b"end":
            continue
        try:
            octets += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return bytes(octets)
