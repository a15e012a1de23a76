"""Header fields as people meant them: RFC 2047 words, RFC 2231 parameters, RFC 5322 addresses."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from ponytracker.inbound.reading import charsets
from ponytracker.text import clean_line

MAX_FIELD = 20_000
"""Characters of a header field that are read: the longest that mean something list people."""

MAX_ADDRESSES = 500
"""How many addresses of a field are read."""

_WORD = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Address:
    """Who is named in an address field: the name as shown, and the address as it was written."""

    name: str
    address: str


def decode_field(raw: bytes) -> str:
    """Return the field *raw* as one clean line, its encoded words decoded (RFC 2047)."""
    return _as_line(_decode_words(raw[:MAX_FIELD]))


def _as_line(text: str) -> str:
    return _BLANKS.sub(" ", clean_line(charsets.clean(text))).strip()


def _decode_words(raw: bytes) -> str:
    pieces: list[str] = []
    pending: list[bytes] = []
    charset = ""
    end = 0

    def flush() -> None:
        if pending:
            pieces.append(charsets.decode(b"".join(pending), charset))
            pending.clear()

    for word in _WORD.finditer(raw):
        between = raw[end : word.start()]
        # Blanks between two encoded words are not meant (RFC 2047 6.2); a letter may be cut in two.
        if not (end and between.isspace()) and between:
            flush()
            pieces.append(_plain(between))
        declared = word[1].decode("ascii", "replace").partition("*")[0]
        if declared.lower() != charset:
            flush()
            charset = declared.lower()
        pending.append(_word_octets(word[2], word[3]))
        end = word.end()
    flush()
    pieces.append(_plain(raw[end:]))
    return "".join(pieces)


def _plain(raw: bytes) -> str:
    return charsets.decode(raw, "iso-2022-jp" if b"\x1b$" in raw else None)


def _word_octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"bB":
        return from_base64(text)
    return binascii.a2b_qp(text, header=True)


def from_base64(text: bytes | memoryview) -> bytes:
    """Return what *text* encodes, as far as it goes: what is no base64 in it is passed over."""
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", bytes(text))
        return binascii.a2b_base64(letters[: len(letters) // 4 * 4] + _rest(letters))


def _rest(letters: bytes) -> bytes:
    rest = letters[len(letters) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


_PARAMETER = re.compile(
    r"""([^\s=;"*]{1,60})(?:\*(\d{1,3}))?(\*)?\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))"""
)


def parse_parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """Return the value and the parameters of a field such as ``Content-Type`` (RFC 2045, 2231)."""
    text = raw[:MAX_FIELD].decode("utf-8", "surrogateescape")
    value, _, rest = text.partition(";")
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(rest):
        name, number, star, quoted, bare = match.groups()
        content = re.sub(r'\\(["\\])', r"\1", quoted) if quoted is not None else bare.strip()
        pieces.setdefault(name.lower(), {}).setdefault(int(number or 0), (content, bool(star)))
    return value.strip().lower(), {name: _parameter(numbered) for name, numbered in pieces.items()}


def _parameter(numbered: dict[int, tuple[str, bool]]) -> str:
    """Return the value of a parameter whose pieces are *numbered* (RFC 2231 3 and 4)."""
    charset = None
    octets: list[bytes] = []
    for number in sorted(numbered):
        content, is_encoded = numbered[number]
        if is_encoded:
            if number == 0 and content.count("'") >= 2:
                charset, _, content = content.split("'", 2)
            octets.append(unquote_to_bytes(content.encode("utf-8", "surrogateescape")))
        else:
            octets.append(content.encode("utf-8", "surrogateescape"))
    whole = b"".join(octets)
    if charset is not None:
        return _as_line(charsets.decode(whole, charset))
    return decode_field(whole)


_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*"?) | (?P<angle><[^>]*>?) | (?P<open>\() | (?P<mark>[,;:])
    | (?P<blank>\s+) | (?P<atom>[^\s",;:<(]+)""",
    re.VERBOSE,
)


def parse_addresses(raw: bytes) -> Iterator[Address]:
    """Yield the addresses of a field (RFC 5322 3.4).

    Commas in quotes, comments and groups are understood, and encoded words are decoded only after
    the field was taken apart, so that a name cannot smuggle in an address.
    """
    text = raw[:MAX_FIELD].decode("utf-8", "surrogateescape")
    words: list[str] = []
    comments: list[str] = []
    angle: str | None = None
    found = 0
    position = 0
    while position < len(text) and found < MAX_ADDRESSES:
        match = _TOKEN.match(text, position)
        if match is None:
            position += 1
            continue
        position = match.end()
        part = match[0]
        if match.lastgroup == "open":
            comment, position = _comment(text, position)
            comments.append(comment)
        elif match.lastgroup == "quoted":
            words.append(re.sub(r"\\(.)", r"\1", part.strip('"')))
        elif match.lastgroup == "angle":
            # The first counts, as it does for what delivers mails.
            angle = part.strip("<>").strip() if angle is None else angle
        elif part == ":":
            # The name of a group; or the blank form "mailto:", which some clients write.
            words.clear()
        elif match.lastgroup == "mark":
            if address := _address(words, comments, angle):
                found += 1
                yield address
            words, comments, angle = [], [], None
        else:
            words.append(" " if part.isspace() else part)
    if found < MAX_ADDRESSES and (address := _address(words, comments, angle)):
        yield address


def _comment(text: str, position: int) -> tuple[str, int]:
    """Return the comment that opens before *position*, and where it ends; comments may nest."""
    depth = 1
    start = position
    while position < len(text) and depth:
        character = text[position]
        depth += (character == "(") - (character == ")")
        position += 2 if character == "\\" else 1
    return text[start : max(start, position - 1)], position


def _address(words: list[str], comments: list[str], angle: str | None) -> Address | None:
    text = "".join(words).strip()
    if angle is not None:
        address, name = angle, text
    else:
        # Without angle brackets the address is what holds the @, and a name stands in a comment.
        address = next((word for word in text.split() if "@" in word), "")
        name = ""
    # A route before the address is long out of use (RFC 5322 4.4).
    address = address.removeprefix("mailto:").rpartition(":")[2] if "@" in address else ""
    address = _as_line(address.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    if not address or " " in address or address.startswith("@") or address.endswith("@"):
        return None
    name = name or (comments[0] if comments else "")
    return Address(decode_field(name.encode("utf-8", "surrogateescape")), address)
