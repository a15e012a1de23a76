"""Whether a password is right: by its hash here, or by whoever else has joined to say so.

A directory joins by `join`. All of this is slow, so nobody has a transaction open meanwhile.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from ponytracker.security.passwords import Passwords

KEY = "ponytracker.authenticators"


class Unavailable(Exception):
    """Whoever could tell cannot be asked at the moment."""


class Authenticator(Protocol):
    """Someone outside who knows passwords."""

    @property
    def is_first(self) -> bool:
        """Whether to ask before the password of an account of our own is looked at."""

    def vouch(self, username: str, password: str) -> int | None:
        """Return the id of the account to sign in to, made or brought up to date, or nothing.

        It has no password here. Raise `Unavailable` where nobody knows.
        """

    def vouch_in_vain(self) -> None:
        """Take the time that it takes to say no, and raise what that would raise."""


@dataclasses.dataclass(frozen=True, slots=True)
class Credentials:
    """What is here of a name: nothing of an account that is disabled, but that it *is_ours*.

    An account of our own is nobody else's, whatever name it has there.
    """

    user_id: int | None
    password_hash: str | None
    is_ours: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Proof:
    """Whose password was right, what it was checked against, and what to store for that.

    Both hashes are nothing where somebody else vouches for it.
    """

    user_id: int | None
    password_hash: str | None
    new_hash: str | None


def join(config: Any, authenticator: Authenticator) -> None:
    """Have *authenticator* asked when somebody signs in."""
    config.registry.setdefault(KEY, []).append(authenticator)


def authenticators(registry: Any) -> Sequence[Authenticator]:
    """Return who has joined."""
    found: Sequence[Authenticator] = registry.get(KEY, ())
    return found


def prove(
    outside: Sequence[Authenticator],
    passwords: Passwords,
    found: Credentials,
    username: str,
    password: str,
) -> Proof | None:
    """Return a proof that *password* is right for *username*, or nothing.

    It is the same work for a name that is unknown as for a wrong password. The password of an
    account of our own goes to nobody who is not to be asked first: they are asked in vain, so that
    the time does not tell. Raise `Unavailable` where one who might have said yes does not answer.
    """
    away: Unavailable | None = None
    for authenticator in outside:
        if authenticator.is_first:
            try:
                if user_id := authenticator.vouch(username, password):
                    return Proof(user_id, None, None)
            except Unavailable as error:
                away = error
    if passwords.check(found.password_hash, password) and found.password_hash:
        new_hash = passwords.renew(found.password_hash, password)
        return Proof(found.user_id, found.password_hash, new_hash)
    for authenticator in outside:
        if authenticator.is_first:
            continue
        try:
            if found.is_ours:
                authenticator.vouch_in_vain()
            elif user_id := authenticator.vouch(username, password):
                return Proof(user_id, None, None)
        except Unavailable as error:
            away = error
    if away is not None:
        raise away
    return None
