"""A mail as octets that every server takes: ASCII, short lines, and each header one header.

pyramid_mailer writes headers in the order of the alphabet, under names of its own spelling, and
three characters for each blank of a text. This message writes them as they were given. What a
header says is one line of words, encoded only here (RFC 2047), also where it just looks encoded.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from email.charset import BASE64, QP, Charset
from email.headerregistry import Address
from email.message import Message as Mail
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from itertools import groupby
from typing import Any

from pyramid_mailer.message import Message

COLUMNS = 76
"""Characters of a line in a header, as far as no word of it is longer (RFC 5322 §2.1.1)."""

_ATOM = re.compile(r"[A-Za-z0-9'-]+")
_PIECE = re.compile(r"\S+\s*|\s+")


class IssueMessage(Message):
    """A mail from *author* with a text, and with the same as HTML."""

    def __init__(self, author: Address, **kw: Any) -> None:
        super().__init__(sender=str(author), **kw)
        self.author = author

    def to_message(self) -> Mail:
        self.validate()
        mail = _Folded("alternative")
        headers = {
            "From": encode_mailbox(self.author),
            "To": ", ".join(self.recipients),
            "Subject": encode_line("Subject", self.subject),
            **{name: encode_line(name, value) for name, value in self.extra_headers.items()},
        }
        for name, value in headers.items():
            mail[name] = fold(name, value)
        mail.attach(_encode_part(self.body, "plain"))
        mail.attach(_encode_part(self.html, "html"))
        return mail


class _Folded(MIMEMultipart):
    """Has its headers as they are sent.

    repoze.sendmail would fold them anew, and a long word, such as an address of the web, not onto
    the line of the header's name: some programs take that for the end of it.
    """

    def replace_header(self, _name: str, _value: Any) -> None:
        pass


def fold(name: str, value: str) -> str:
    """Return what the header *name* says in lines that are no longer than its words ask for."""
    first, *words = value.split(" ")
    lines, room = [first], COLUMNS - len(f"{name}: {first}")
    for word in words:
        room -= len(word) + 1
        if room >= 0:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
            room = COLUMNS - len(lines[-1])
    return "\n".join(lines)


def encode_line(name: str, line: str) -> str:
    """Return what the header *name* says as ASCII."""
    if line.isascii() and "=?" not in line:
        return line
    return " ".join(_encode_words(name, line))


def encode_mailbox(mailbox: Address) -> str:
    """Return *mailbox* as ASCII, for a header such as From.

    Only the words that need it are encoded, and divided at their blanks: some programs, Python's
    email among them, show a blank wherever one encoded word follows another.
    """
    name = mailbox.display_name
    if name.isascii() and "=?" not in name:
        return str(mailbox)
    phrase: list[str] = []
    for is_plain, run in groupby(name.split(" "), lambda word: bool(_ATOM.fullmatch(word))):
        words = list(run)
        phrase += words if is_plain else _encode_words("From", " ".join(words))
    return f"{' '.join(phrase)} <{mailbox.addr_spec}>"


def _encode_words(name: str, text: str) -> Iterator[str]:
    """Yield *text* as encoded words, each fitting into the first line of the header *name*."""
    room = (COLUMNS - len(f"{name}: =?utf-8?b??=")) // 4 * 3
    part = ""
    for piece in _PIECE.findall(text):
        for unit in [piece] if len(piece.encode()) <= room else piece:
            if len((part + unit).encode()) > room:
                yield _encode_word(part)
                part = ""
            part += unit
    yield _encode_word(part)


def _encode_word(text: str) -> str:
    return f"=?utf-8?b?{b64encode(text.encode()).decode()}?="


def _encode_part(text: str, subtype: str) -> MIMEText:
    """Return *text* as a part of a mail, readable as it is sent while it is mostly ASCII."""
    charset = Charset("utf-8")
    octets = len(text.encode())
    charset.body_encoding = QP if octets - len(text) < octets // 6 else BASE64
    return MIMEText(text, subtype, charset)  # type: ignore[arg-type]  # the stubs know names only
