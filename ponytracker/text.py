"""Text from outside, made fit to be stored: line ends, control characters, surrogates."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT = 262_144
"""Characters that a description or comment may have. Of 262,318 real comments, none is longer."""

MAX_TITLE = 255
"""Characters that an issue's title may have. Two of 58,917 real titles are longer."""

MAX_USERNAME = 150
"""Characters that a username may have."""

_LINE_END = re.compile(r"\r\n?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def clean_text(raw: str) -> str:
    """Return *raw* with LF line ends and without what a database or browser cannot take.

    NUL is removed, since PostgreSQL refuses it; a lone surrogate, which UTF-8 cannot encode,
    becomes U+FFFD. Every other character stays as it was typed.
    """
    return _SURROGATE.sub("\ufffd", _LINE_END.sub("\n", raw).replace("\x00", ""))


def clean_line(raw: str) -> str:
    """Return *raw* on one line: what `clean_text` does, and control characters become a blank."""
    return _NOT_IN_A_LINE.sub(" ", clean_text(raw))


def fold(name: str) -> str:
    """Return the key under which two names that differ only in case are the same name.

    Unicode caseless matching (Unicode Standard 3.13, D145): SQLite's ``lower`` knows ASCII only,
    so the database compares stored keys instead.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())
