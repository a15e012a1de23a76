"""Passwords: hashed with argon2id (RFC 9106), compared in constant time."""

from __future__ import annotations

from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ponytracker.settings import Settings

MIN_PASSWORD = 10
"""Characters a new password must have."""

MAX_PASSWORD = 1024
"""Characters a password may have: more would only cost the hash its time."""


class Passwords:
    """Hashes and checks passwords at the cost that the settings ask for."""

    def __init__(self, memory_kib: int, rounds: int) -> None:
        self._hasher = PasswordHasher(memory_cost=memory_kib, time_cost=rounds)
        self._nobodys_hash = self._hasher.hash("")

    @classmethod
    def from_settings(cls, settings: Settings) -> Passwords:
        return cls(settings.argon2_memory_kib, settings.argon2_rounds)

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def check(self, password_hash: str | None, password: str) -> bool:
        """Return whether *password* is right; without a hash it takes as long and is not.

        So the time of the answer does not tell whether an account exists or has a password.
        """
        if len(password) > MAX_PASSWORD:
            password, password_hash = "", None
        try:
            self._hasher.verify(password_hash or self._nobodys_hash, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False
        return bool(password_hash)

    def needs_rehash(self, password_hash: str) -> bool:
        """Return whether the hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(password_hash)


def includeme(config: Any) -> None:
    passwords = Passwords.from_settings(config.registry["ponytracker.settings"])
    config.add_request_method(lambda request: passwords, "passwords", reify=True)
