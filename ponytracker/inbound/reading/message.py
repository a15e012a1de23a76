"""A mail as it was received: its header, its body as text or Markdown, its files (MAIL.md §4)."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ponytracker.inbound.reading import charsets, from_html, headers
from ponytracker.inbound.reading.flowed import unflow
from ponytracker.inbound.reading.headers import Address
from ponytracker.inbound.reading.mime import Part, read_parts
from ponytracker.inbound.reading.words import FORWARD_SUBJECT

__all__ = ["Address", "ReceivedFile", "ReceivedMessage", "read_message"]

MAX_TEXT_OCTETS = 1024 * 1024
"""Octets of text that are read of one mail, in all its parts."""

MAX_FILENAME = 150
"""Characters that the name of a file may have; a file system takes 255 octets."""

MAX_FIELDS = 100
"""Header fields of one name that are read."""

_SIGNATURES = frozenset(
    """
    application/pgp-signature application/pkcs7-signature application/x-pkcs7-signature
    application/applefile
    """.split()
)
"""What a client adds that nobody attached: signatures, and the resource forks of old Macs."""

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")
_MENTIONS_HTML = re.compile(r"\bx?html\b", re.IGNORECASE)
_NOT_IN_A_NAME = re.compile(r'[<>:"|?*\x00-\x1f]')


@dataclass(frozen=True)
class ReceivedFile:
    """A file of a mail; an inline one is shown in the text, by its content id (RFC 2392)."""

    name: str
    content_type: str
    data: bytes
    content_id: str | None
    is_inline: bool


@dataclass(frozen=True)
class Body:
    """What a mail says: its text before anything quoted is cut from it as text, and its files."""

    text: str
    is_html: bool
    elided_html_text: str
    files: list[ReceivedFile]
    was_cut: bool


@dataclass(frozen=True)
class ReceivedMessage:
    """What a mail holds.

    Its body is read when it is first asked for: that of a mail which its header refuses costs
    nothing, whatever a stranger has put into it.
    """

    root: Part
    has_more_parts: bool

    @cached_property
    def body(self) -> Body:
        reader = _BodyReader(is_forward=FORWARD_SUBJECT.match(self.subject) is not None)
        reader.add(self.root)
        text, elided = reader.text()
        was_cut = self.has_more_parts or reader.was_cut
        return Body(text, reader.is_html, elided, _named(reader.files), was_cut)

    def forget_body(self) -> None:
        """Let the room that the body takes be used for something else; it can be read again."""
        self.__dict__.pop("body", None)

    def headers(self, name: str) -> list[str]:
        """Return each field *name*, decoded, as one clean line."""
        return [headers.decode_field(raw) for raw in self._raw(name)]

    def header(self, name: str) -> str | None:
        """Return the first field *name*, or None."""
        return next((headers.decode_field(raw) for raw in self._raw(name)), None)

    def addresses(self, name: str) -> list[Address]:
        """Return the addresses of all fields *name*, in order."""
        return [found for raw in self._raw(name) for found in headers.parse_addresses(raw)]

    def _raw(self, name: str) -> list[bytes]:
        wanted = name.lower()
        return [value for key, value in self.root.fields if key == wanted][:MAX_FIELDS]

    @cached_property
    def message_id(self) -> str | None:
        """The Message-ID with its angle brackets; None where there is none that could be found."""
        value = self.header("message-id") or ""
        if match := _MESSAGE_ID.search(value):
            return match[0]
        bare = re.fullmatch(r"[^<>\s]{1,300}@[^<>\s]{1,300}", value)
        return f"<{value}>" if bare else None

    @cached_property
    def subject(self) -> str:
        """The subject, which may be empty."""
        return self.header("subject") or ""


def read_message(raw: bytes) -> ReceivedMessage:
    """Return what the mail *raw* holds; whatever octets it is made of, it raises nothing."""
    return ReceivedMessage(*read_parts(raw))


class _BodyReader:
    """Sorts the parts of a mail into its text and its files."""

    def __init__(self, *, is_forward: bool) -> None:
        self.is_forward = is_forward
        self.texts: list[tuple[str, str]] = []
        self.files: list[ReceivedFile] = []
        self.is_html = False
        self.was_cut = False
        self._left = MAX_TEXT_OCTETS

    def text(self) -> tuple[str, str]:
        """Return the texts one below the other, and what was left out of them as quoted."""
        kept = [text.strip("\n") for text, _ in self.texts]
        return (
            "\n\n".join(text for text in kept if text.strip()),
            "\n\n".join(elided for _, elided in self.texts if elided.strip()),
        )

    def add(self, part: Part) -> None:
        """Take in *part* and what it holds, as a reader would see it."""
        kind = part.content_type
        if kind == "multipart/alternative" and part.parts:
            self._add_alternative(part)
        elif part.parts:
            for inner in part.parts:
                self.add(inner)
        elif kind in _SIGNATURES:
            return
        elif self._is_text(part):
            self._add_text(part)
        elif kind == "message/delivery-status" or not kind.startswith("multipart/"):
            self._add_file(part)
        else:
            # Called multipart, but without a part: what it holds is read as text.
            self._add_text(part)

    def _is_text(self, part: Part) -> bool:
        if part.content_type not in ("text/plain", "text/html"):
            return False
        # A text that has a name is a file, unless it is all the mail says.
        return part.disposition != "attachment" and not (part.filename and self.texts)

    def _add_text(self, part: Part) -> None:
        is_html = part.content_type == "text/html"
        text, elided = self._html(part) if is_html else (self._plain(part), "")
        self.is_html = self.is_html or is_html
        self.texts.append((text, elided))

    def _plain(self, part: Part) -> str:
        text = self._decoded(part)
        if part.parameters.get("format", "").lower() == "flowed":
            delete_space = part.parameters.get("delsp", "").lower() == "yes"
            text = unflow(text, delete_space=delete_space)
        return text

    def _html(self, part: Part) -> tuple[str, str]:
        made = from_html.to_markdown(self._decoded(part), keep_quotes=self.is_forward)
        self.was_cut = self.was_cut or made.was_cut
        return made.text, made.elided

    def _decoded(self, part: Part) -> str:
        octets = part.octets()
        if len(octets) > self._left:
            self.was_cut = True
            octets = octets[: self._left]
        self._left -= len(octets)
        return charsets.decode(octets, part.parameters.get("charset"))

    def _add_alternative(self, part: Part) -> None:
        """Take the plain text, or the HTML where the plain text is empty or only points to it."""
        plain = _texts_of(part, "text/plain")
        html = _texts_of(part, "text/html")
        chosen = plain or html
        if plain and html and self._is_stub(plain, html):
            chosen = html
        for inner in part.walk():
            if inner.parts or inner.content_type.startswith("multipart/"):
                continue
            if inner in chosen:
                self._add_text(inner)
            elif inner not in plain and inner not in html and inner.content_type not in _SIGNATURES:
                self._add_file(inner)
        if not chosen and not self.files:
            self._add_text(part)

    def _is_stub(self, plain: list[Part], html: list[Part]) -> bool:
        """Whether *plain* says nothing, or only that the mail is HTML (RFC 2046 5.1.4)."""
        octets = b"".join(bytes(part.octets()[:2_000]) for part in plain)
        if not octets.strip():
            return True
        text = octets.decode("utf-8", "replace")
        size = sum(len(part.body) for part in html)
        return len(octets) < 400 < size and _MENTIONS_HTML.search(text) is not None

    def _add_file(self, part: Part) -> None:
        content_id = headers.decode_field(part.raw("content-id")).strip("<> ") or None
        is_inline = content_id is not None and part.disposition != "attachment"
        kind = part.content_type
        data = part.octets()
        self.files.append(ReceivedFile(_file_name(part), kind, bytes(data), content_id, is_inline))


def _texts_of(part: Part, kind: str) -> list[Part]:
    return [
        inner
        for inner in part.walk()
        if inner.content_type == kind and not inner.parts and inner.disposition != "attachment"
    ]


def _file_name(part: Part) -> str:
    """Return what to call the file: its own name without any folder, or one of its subject."""
    name = _basename(part.filename)
    if not name and part.content_type == "message/rfc822":
        inner, _ = read_parts(bytes(part.body[:20_000]))
        name = _basename(headers.decode_field(inner.raw("subject")).replace("/", "-"))
        name = f"{name or 'message'}.eml"
    return name


def _basename(name: str) -> str:
    last = re.split(r"[/\\]", name.rstrip("/\\ "))[-1]
    last = _NOT_IN_A_NAME.sub("", last).strip(". ")
    if len(last) > MAX_FILENAME:
        stem, dot, ending = last.rpartition(".")
        ending = dot + ending if stem and len(ending) < 10 else ""
        last = last[: MAX_FILENAME - len(ending)] + ending
    while len(last.encode()) > 240:
        last = last[1:]
    return last


def _named(files: list[ReceivedFile]) -> list[ReceivedFile]:
    """Return *files*, where those without a name are numbered."""
    return [
        file if file.name else _with_name(file, number)
        for number, file in enumerate(files, start=1)
    ]


def _with_name(file: ReceivedFile, number: int) -> ReceivedFile:
    ending = mimetypes.guess_extension(file.content_type) or ""
    return ReceivedFile(
        f"file-{number}{ending}", file.content_type, file.data, file.content_id, file.is_inline
    )


def text_parts(message: ReceivedMessage, kind: str) -> Iterator[str]:
    """Yield the parts of *kind* of *message* as text, such as its message/delivery-status."""
    for part in message.root.walk():
        if part.content_type == kind and not part.parts:
            yield charsets.decode(bytes(part.octets()[:100_000]), part.parameters.get("charset"))
