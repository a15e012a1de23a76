"""Octets in a charset that may be wrong, unknown or hostile, made into clean text (MAIL.md §4)."""

from __future__ import annotations

import codecs
import re

from ponytracker.text import clean_text

# What mails call a charset, and the superset that whoever wrote so uses in fact.
_ALIASES = {
    "ansix341968": "cp1252",
    "ansix341986": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gb231280": "gb18030",
    "gbk": "gb18030",
    "iso646us": "cp1252",
    "iso88591": "cp1252",
    "iso88598i": "iso8859-8",
    "iso88599": "cp1254",
    "isoir149": "cp949",
    "ksc5601": "cp949",
    "ksc56011987": "cp949",
    "ksc56011989": "cp949",
    "euckr": "cp949",
    "latin1": "cp1252",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "xsjis": "cp932",
    "tis620": "cp874",
    "unicode11utf7": "utf-7",
    "unicode11utf8": "utf-8",
    "usascii": "cp1252",
    "utf8mb4": "utf-8",
    "windows31j": "cp932",
    "xmacroman": "mac-roman",
    "macintosh": "mac-roman",
    "xunknown": "cp1252",
    "xeucjp": "euc_jp",
    "xgbk": "gb18030",
}

# Python's codecs include compressors and transformations of text, some of them quadratic: only
# those that mails are written in are asked.
_CHARSET = re.compile(
    r"big5|cp\d+|euc|gb18030|gbk|hz|iso2022|iso8859|johab|koi8|kz1048|mac|ptcp154|shift_jis|utf-?\d"
)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


def decode(octets: bytes | memoryview, declared: str | None = None) -> str:
    """Return *octets* as clean text: *declared* is a hint, and valid UTF-8 wins over it."""
    return clean(_decode(bytes(octets), _codec(declared)))


def clean(text: str) -> str:
    """Return *text* without control characters and those that reorder what is shown."""
    text = clean_text(text.removeprefix("\ufeff"))
    return _CONTROL.sub("", _BIDI.sub("", text.replace("\x85", "\n")))


def _decode(octets: bytes, codec: str | None) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if octets.startswith(mark):
            return octets.decode(encoding, "replace")
    if octets.isascii():
        # ASCII but for those that write other letters in it, by escapes or with NULs between.
        return octets.decode(codec if codec and _is_escaped(codec) else "ascii", "replace")
    if codec is None or not codec.startswith(("utf-16", "utf-32")):
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            pass
    if codec == "utf-8":
        # A few wrong octets in UTF-8 are damage; many say that it is no UTF-8 at all.
        text = octets.decode("utf-8", "replace")
        wrong = text.count("\ufffd")
        beyond_ascii = sum(character > "\x7f" for character in text)
        return text if wrong * 2 < beyond_ascii else octets.decode("cp1252", "replace")
    return octets.decode(codec or "cp1252", "replace")


def _is_escaped(codec: str) -> bool:
    return codec.startswith(("iso2022", "hz", "utf-7", "utf-16", "utf-32"))


def _codec(declared: str | None) -> str | None:
    """Return the name under which Python knows the charset that mails call *declared*."""
    if not declared or len(declared) > 40 or not declared.isascii():
        return None
    plain = re.sub(r"[^a-z0-9]", "", declared.lower())
    if plain.startswith("windows") and plain.removeprefix("windows").isdigit():
        plain = "cp" + plain.removeprefix("windows")
    try:
        name = codecs.lookup(_ALIASES.get(plain) or declared.strip()).name
    except (LookupError, ValueError):
        try:
            name = codecs.lookup(plain).name
        except (LookupError, ValueError):
            return None
    return name if _CHARSET.match(name) else None
