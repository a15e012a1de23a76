"""Addresses that say what a mail to them is about and who may send it: ``reply+8.3.TOKEN@…``.

The token is a MAC over the purpose, what the address is about and whose it is, 80 bits of it in
base32: whoever knows the address may use it, nobody can make one up (MAIL.md §2). Gateways turn
addresses into small letters, so case is no part of them. At most 64 characters stand before the @
(RFC 5321 §4.5.3.1.1): ids have ten digits at most, so that no table of short names is needed.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import re
from enum import StrEnum
from typing import Any

from ponytracker.models import Event, Issue, PersonalAddress, Project, User
from ponytracker.settings import Settings

MAX_LOCAL_PART = 64

_TOKEN_BITS = 80
_ID = r"[1-9][0-9]{0,9}"
_SHOWN = r"[a-z0-9_-]+"


class Purpose(StrEnum):
    """What a mail to an address does, each with a token of its own."""

    REPLY = "reply"
    NEW_ISSUE = "new"
    BOUNCE = "bounce"
    LEAVE_ISSUE = "leave-issue"
    LEAVE_PROJECT = "leave-project"


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """What an address claims: *ids* are rows that may not be there, *token* may be forged."""

    purpose: Purpose
    ids: tuple[int, ...]
    token: str = dataclasses.field(repr=False)


class Addresses:
    """Makes and reads the addresses of a site."""

    def __init__(self, settings: Settings) -> None:
        local, _at, self._domain = settings.reply_email.partition("@")
        self._names = {
            Purpose.REPLY: local,
            Purpose.NEW_ISSUE: "new",
            Purpose.BOUNCE: "bounce",
            Purpose.LEAVE_ISSUE: "leave-issue",
            Purpose.LEAVE_PROJECT: "leave-project",
        }
        self._patterns = {
            purpose: re.compile(rf"{name}\+{_BODIES[purpose]}\.([a-z2-7]{{16}})", re.ASCII)
            for purpose, name in self._names.items()
        }
        # A key of its own: what signs cookies signs nothing that is mailed around.
        derived = hmac.digest(settings.secret.encode(), b"ponytracker mail addresses", "sha256")
        self._keys = [key.encode() for key in settings.reply_keys] or [derived]

    def for_reply(self, event: Event, user: User) -> str:
        """Return where *user* answers to *event*."""
        return self._address(Purpose.REPLY, (event.id, user.id), _of_reply(event, user))

    def for_new_issue(self, address: PersonalAddress) -> str:
        """Return where its owner mails new issues to; the name of the project is for the eye."""
        return self._address(
            Purpose.NEW_ISSUE, (address.id,), _of_new_issue(address), address.project.name.lower()
        )

    def for_bounce(self, user: User) -> str:
        """Return where a mail to *user* is from, so that its return says whom it did not reach."""
        return self._address(Purpose.BOUNCE, (user.id,), [user.id])

    def for_leaving(self, place: Issue | Project, user: User) -> str:
        """Return where *user* mails to so as to hear no more of *place*."""
        purpose = _purpose_of_leaving(place)
        return self._address(purpose, (place.id, user.id), _of_leaving(place, user))

    def token_for_leaving(self, place: Issue | Project, user: User) -> str:
        """Return what proves in a link that *user* was mailed it (RFC 8058)."""
        return self._token(self._keys[0], _purpose_of_leaving(place), _of_leaving(place, user))

    def read(self, address: str) -> Address | None:
        """Return what *address* claims, nothing where it is none of ours."""
        local, _at, domain = address.lower().rpartition("@")
        if not self._domain or domain != self._domain or len(local) > MAX_LOCAL_PART:
            return None
        for purpose, pattern in self._patterns.items():
            if found := pattern.fullmatch(local):
                ids = tuple(int(number) for number in found[1].split("."))
                return Address(purpose, ids, found[2])
        return None

    def is_reply(self, token: str, event: Event, user: User) -> bool:
        """Return whether *user* was given *token* for answering to *event*."""
        return self._is_token(token, Purpose.REPLY, _of_reply(event, user))

    def is_new_issue(self, token: str, address: PersonalAddress) -> bool:
        return self._is_token(token, Purpose.NEW_ISSUE, _of_new_issue(address))

    def is_bounce(self, token: str, user: User) -> bool:
        return self._is_token(token, Purpose.BOUNCE, [user.id])

    def is_leaving(self, token: str, place: Issue | Project, user: User) -> bool:
        return self._is_token(token, _purpose_of_leaving(place), _of_leaving(place, user))

    def _address(
        self, purpose: Purpose, ids: tuple[int, ...], fields: list[Any], decoration: str = ""
    ) -> str:
        token = self._token(self._keys[0], purpose, fields)
        body = ".".join([*map(str, ids), token])
        name = self._names[purpose]
        space = MAX_LOCAL_PART - len(name) - len(body) - 2
        shown = f"{decoration[:space]}." if decoration and space > 0 else ""
        return f"{name}+{shown}{body}@{self._domain}"

    def _is_token(self, token: str, purpose: Purpose, fields: list[Any]) -> bool:
        given = token.lower().encode("ascii", "replace")
        fits = [
            hmac.compare_digest(given, self._token(key, purpose, fields).encode())
            for key in self._keys
        ]
        return any(fits)

    def _token(self, key: bytes, purpose: Purpose, fields: list[Any]) -> str:
        # With its length before each, no two lists of fields are the same octets.
        parts = [str(field).encode() for field in (purpose, *fields)]
        data = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        mac = hmac.new(key, data, hashlib.sha256).digest()
        return base64.b32encode(mac[: _TOKEN_BITS // 8]).decode().lower()


_BODIES = {
    Purpose.REPLY: rf"({_ID}\.{_ID})",
    Purpose.NEW_ISSUE: rf"(?:{_SHOWN}\.)?({_ID})",
    Purpose.BOUNCE: rf"({_ID})",
    Purpose.LEAVE_ISSUE: rf"({_ID}\.{_ID})",
    Purpose.LEAVE_PROJECT: rf"({_ID}\.{_ID})",
}
"""What stands between the name and the token; the project of a new issue is only shown."""


def _of_reply(event: Event, user: User) -> list[Any]:
    return [event.project_id, event.issue_id, event.id, user.id, user.mail_key_version]


def _of_new_issue(address: PersonalAddress) -> list[Any]:
    user = address.user
    return [address.project_id, address.id, user.id, user.mail_key_version]


def _of_leaving(place: Issue | Project, user: User) -> list[Any]:
    # Without the version of the keys: the links of old mails go on working (RFC 8058 §3.1).
    return [place.id, user.id]


def _purpose_of_leaving(place: Issue | Project) -> Purpose:
    return Purpose.LEAVE_ISSUE if isinstance(place, Issue) else Purpose.LEAVE_PROJECT
