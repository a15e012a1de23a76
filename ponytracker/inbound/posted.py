"""What is posted to the gate: a form with a mail in it, of which no more is held than that mail.

The body lies in a file already. It is searched for the form's boundary piece by piece, so that
nothing but the mail itself comes into memory, once; and it is never parsed where it is too large.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import IO

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.text import clean_line

MAX_PARTS = 20
"""Fields that the form may have; it needs four."""

MAX_FIELD = 1_000
"""Octets of a field that is no mail: a key, or an address."""

MAX_HEAD = 4_000
"""Octets of the header of one field."""

MAX_BESIDE = 64 * 1024
"""Octets that the form may have beside the mail."""

MAX_LOOKED_AT = 256 * 1024
"""Octets of a body that is too large of which is looked at whose it is."""

_CHUNK = 64 * 1024
_BOUNDARY = re.compile(
    r"""multipart/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))""", re.IGNORECASE
)
_NAME = re.compile(
    rb"""^content-disposition:[^\r\n]*;\s*name=(?:"([^"\r\n]*)"|([^\s;]+))""",
    re.IGNORECASE | re.MULTILINE,
)


class Malformed(DomainError):
    """What was posted is no form with a mail in it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Posted:
    """The fields of the form. *mail* is only its beginning where the whole is too large.

    *sender* is empty for a mail that wants no answer, and nothing where it was not said.
    """

    key: str
    sender: str | None
    recipients: tuple[str, ...]
    mail: bytes = dataclasses.field(repr=False)
    is_whole: bool = True


def read_key(body: IO[bytes], content_type: str) -> str | None:
    """Return the key of the form *body*, if it is within the first `MAX_BESIDE` octets.

    So this costs little, whatever was sent. What is wrong with the form, `read_form` says.
    """
    with suppress(Malformed):
        delimiter = _find_delimiter(content_type)
        for start, stop in _parts(body, delimiter, MAX_BESIDE, is_whole=False):
            name, begins = _read_head(body, start, stop)
            if name == "key" and stop < MAX_BESIDE:  # else its end has not been seen
                return _text(_read(body, begins, min(stop, begins + MAX_FIELD)))
    return None


def read_form(body: IO[bytes], content_type: str, *, size: int, max_mail: int) -> Posted:
    """Return what the form *body* of *size* octets says; raise `Malformed`."""
    delimiter = _find_delimiter(content_type)
    is_whole = size <= max_mail + MAX_BESIDE
    end = size if is_whole else MAX_LOOKED_AT
    fields: dict[str, list[bytes]] = {}
    for start, stop in _parts(body, delimiter, end, is_whole=is_whole):
        name, begins = _read_head(body, start, stop)
        if name == "email" and name not in fields:
            is_whole = is_whole and stop - begins <= max_mail
            fields[name] = [_read(body, begins, stop if is_whole else min(stop, MAX_LOOKED_AT))]
        elif name in ("key", "sender", "recipient"):
            if stop - begins > MAX_FIELD:
                raise Malformed(_("A field of the form is too long."))
            fields.setdefault(name, []).append(_read(body, begins, stop))
    if "email" not in fields:
        raise Malformed(_("The form has no file 'email'."))
    return Posted(
        key=_text(fields.get("key", [b""])[0]),
        sender=_address(fields["sender"][0]) if "sender" in fields else None,
        recipients=tuple(filter(None, map(_address, fields.get("recipient", [])))),
        mail=fields["email"][0],
        is_whole=is_whole,
    )


def _find_delimiter(content_type: str) -> bytes:
    found = _BOUNDARY.match(content_type.strip())
    if not found:
        raise Malformed(_("This is no form with a file."))
    return b"\r\n--" + (found[1] or found[2]).encode("latin-1", "replace")


def _parts(
    body: IO[bytes], delimiter: bytes, end: int, *, is_whole: bool
) -> Iterator[tuple[int, int]]:
    """Yield where each part of the form begins and stops, the line of its boundary left out."""
    places = list(_find(body, delimiter, end))
    if not is_whole:
        places.append(end)
    for place, following in pairwise(places):
        start = place + len(delimiter)
        body.seek(start)
        line = body.read(_MAX_PADDING)
        if line.startswith(b"--"):
            return
        blank, line_end, _rest = line.partition(b"\r\n")
        if blank.strip(b" \t") or not line_end:
            raise Malformed(_("This is no form with a file."))
        yield start + len(blank) + 2, following
    if is_whole:
        body.seek(places[-1] + len(delimiter) if places else 0)
        if not places or body.read(2) != b"--":
            raise Malformed(_("The form was cut off."))


_MAX_PADDING = 80


def _find(body: IO[bytes], delimiter: bytes, end: int) -> Iterator[int]:
    """Yield each place of *delimiter* before *end*; the body begins as if after a line."""
    body.seek(0)
    window, at, count = b"\r\n", -2, 0
    position = 0
    while position < end and (chunk := body.read(min(_CHUNK, end - position))):
        position += len(chunk)
        window += chunk
        place = window.find(delimiter)
        while place >= 0:
            count += 1
            if count > MAX_PARTS:
                raise Malformed(_("The form has too many fields."))
            yield at + place
            place = window.find(delimiter, place + 1)
        kept = len(delimiter) - 1
        at += max(len(window) - kept, 0)
        window = window[-kept:]


def _read_head(body: IO[bytes], start: int, stop: int) -> tuple[str, int]:
    """Return the name of the part that begins at *start*, and where its content does."""
    head, blank, _content = b"\r\n" + _read(body, start, min(stop, start + MAX_HEAD)), b"", b""
    head, blank, _content = head.partition(b"\r\n\r\n")
    if not blank:
        raise Malformed(_("A field of the form has no name."))
    found = _NAME.search(head)
    name = (found[1] or found[2] or b"") if found else b""
    return name.decode("latin-1"), start + len(head) - 2 + len(blank)


def _read(body: IO[bytes], start: int, stop: int) -> bytes:
    body.seek(start)
    return body.read(max(stop - start, 0))


def _text(octets: bytes) -> str:
    return clean_line(octets.decode("utf-8", "replace"))


def _address(octets: bytes) -> str:
    """Return the address in a field, without the angle brackets that a mail server puts around."""
    return _text(octets).strip().removeprefix("<").removesuffix(">").strip()
