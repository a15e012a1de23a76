"""Whether a mail comes from whom it says: its From, and what our own mail server found out.

A From proves nothing, as anyone can write it. Where the administrator names their mail server, its
header Authentication-Results is read (RFC 8601): the topmost one of that name, as what is below may
have come with the mail. See docs/decisions/mail_in.rst.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ponytracker.inbound.reading.message import ReceivedMessage
from ponytracker.models import User

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|\\.|[^"\\]', re.DOTALL)
_WORD = re.compile(r'\s*([a-z0-9.-]+)\s*=\s*((?:"(?:[^"\\]|\\.)*"|[^\s;"])+)', re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_LIKE_AN_ADDRESS = re.compile(r'[^\s<>,;:"()]+@[^\s<>,;:"()]+')

MAX_RESULTS = 8_000
"""Characters of the header that are read."""


def find_author(message: ReceivedMessage) -> str:
    """Return the one address that *message* is from, in small letters; empty where it has more.

    Programs read `<alice@…> <eve@…>` in different ways: what looks like another address counts,
    unless it is in quotes.
    """
    fields, addresses = message.headers("From"), message.addresses("From")
    if len(fields) != 1 or len(addresses) != 1:
        return ""
    author = addresses[0].address.strip().lower()
    named = _LIKE_AN_ADDRESS.findall(_QUOTED.sub(" ", fields[0]))
    others = {address.lower() for address in named} - {author}
    return "" if others else author


def find_account(session: Session, author: str) -> User | None:
    """Return the account with the address *author*, if it is the only one."""
    found = session.scalars(select(User).where(func.lower(User.email) == author).limit(2)).all()
    return found[0] if len(found) == 1 else None


def is_proven(message: ReceivedMessage, author: str, authserv_id: str) -> bool:
    """Return whether the mail server *authserv_id* found that *message* is from *author*.

    By DMARC; where it has no say, by DKIM or SPF for the domain of *author* (RFC 7489 §3.1).
    """
    results = _find_results(message.headers("Authentication-Results"), authserv_id)
    domain = author.rpartition("@")[2]
    if not domain or any(_method(result) == ("dmarc", "fail") for result in results):
        return False
    return any(_is_pass(result, domain) for result in results)


def _find_results(headers: Iterable[str], authserv_id: str) -> Sequence[dict[str, str]]:
    """Return what the topmost of *headers* with *authserv_id* says, a mapping for each method."""
    for header in headers:
        first, *results = _split(header[:MAX_RESULTS])
        name = first.split()
        if name and name[0].lower() == authserv_id.lower():
            return [_read_result(result) for result in results]
    return []


def _read_result(result: str) -> dict[str, str]:
    """Return what *result* says; what it says twice is what it says first."""
    found: dict[str, str] = {}
    for word, value in _WORD.findall(result):
        found.setdefault(word.lower(), _unquoted(value).lower())
    return found


def _split(header: str) -> list[str]:
    """Return the parts of *header* between its semicolons, without comments.

    What stands in quotes or in comments may come from whoever sent the mail, semicolons included.
    A bracket right behind a word stays: the domain ``example.org(.evil.example`` is not the first.
    """
    parts, depth = [""], 0
    for piece in _PIECE.findall(header):
        if depth and piece[0] == '"':
            # In a comment a quote is a character like any other, and brackets in it count.
            depth += piece.count("(") - piece.count(")")
            depth = max(depth, 0)
        elif piece == "(":
            depth += 1
            parts[-1] += piece if parts[-1][-1:].strip() else ""
        elif depth:
            depth -= piece == ")"
        elif piece == ";":
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _unquoted(value: str) -> str:
    found = _QUOTED.fullmatch(value)
    return found[1] if found else value


def _method(result: dict[str, str]) -> tuple[str, str]:
    """Return the method of *result*, which comes first, and what it found."""
    return next(iter(result.items()), ("", ""))


def _is_pass(result: dict[str, str], domain: str) -> bool:
    match _method(result):
        case ("dmarc", "pass"):
            return result.get("header.from") == domain
        case ("dkim", "pass"):
            by = result.get("header.d") or result.get("header.i", "").rpartition("@")[2]
            return _is_aligned(by, domain)
        case ("spf", "pass"):
            return _is_aligned(result.get("smtp.mailfrom", "").rpartition("@")[2], domain)
    return False


def _is_aligned(by: str, domain: str) -> bool:
    """Return whether *by* may speak for *domain*: it is the same, or what that is a part of.

    Not the other way round, as DMARC lets it be: the parts of a domain may be let to anyone.
    """
    return bool(by) and "." in by and (domain == by or domain.endswith(f".{by}"))
