"""Passwords: hashed with argon2id (RFC 9106), compared in constant time; and which may be chosen.

Hashes of accounts that come from Django (pbkdf2_sha256) are taken too, until the next sign-in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ponytracker.i18n import _
from ponytracker.settings import Settings
from ponytracker.text import fold

MIN_PASSWORD = 10
"""Characters a new password must have."""

MAX_PASSWORD = 1024
"""Characters a password may have: more would only cost the hash its time."""

MAX_ITERATIONS = 2_000_000
"""Iterations of a hash that is taken over: Django has never asked for as many, and each costs."""

_DJANGOS = re.compile(r"pbkdf2_sha256\$([0-9]{1,7})\$([^$]{1,128})\$([A-Za-z0-9+/=]{44})", re.ASCII)


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

        So the time of the answer does not tell whether an account exists or has a password. One
        with Django's hash takes that hash's time as well.
        """
        if len(password) > MAX_PASSWORD:
            password, password_hash = "", None
        is_djangos = check_djangos(password_hash or "", password)
        try:
            self._hasher.verify(password_hash or self._nobodys_hash, password)
        except InvalidHashError:
            self._spend(password)
            return is_djangos
        except (VerificationError, UnicodeEncodeError):
            return False
        return bool(password_hash)

    def renew(self, password_hash: str, password: str) -> str:
        """Return what is to be stored for *password_hash*, of which *password* is known to be it.

        A hash made at another cost than today's, or by Django, is replaced, which takes its time.
        """
        return self.hash(password) if self.needs_rehash(password_hash) else password_hash

    def needs_rehash(self, password_hash: str) -> bool:
        """Return whether the hash was made at another cost than today's, or by Django."""
        try:
            return self._hasher.check_needs_rehash(password_hash)
        except InvalidHashError:
            return True

    def _spend(self, password: str) -> None:
        """Take the time that checking a hash of our own takes."""
        try:
            self._hasher.verify(self._nobodys_hash, password)
        except (VerificationError, UnicodeEncodeError):
            return


def check_djangos(password_hash: str, password: str) -> bool:
    """Return whether Django made *password_hash*, by PBKDF2 with SHA-256, of this *password*."""
    match = _DJANGOS.fullmatch(password_hash)
    if match is None or not 0 < int(match[1]) <= MAX_ITERATIONS:
        return False
    try:
        expected = base64.b64decode(match[3], validate=True)
        octets, salt = password.encode(), match[2].encode()
    except (binascii.Error, UnicodeEncodeError):
        return False
    derived = hashlib.pbkdf2_hmac("sha256", octets, salt, int(match[1]))
    return hmac.compare_digest(derived, expected)


def complaint(password: str, *, username: str, email: str | None) -> Any:
    """Return why *password* is none for the account of this name and address; `None` if it is one.

    The text is marked for translation; where there is no reader, ``.interpolate()`` fills it in.
    """
    if len(password) < MIN_PASSWORD:
        return _("A password has at least ${min} characters.", mapping={"min": MIN_PASSWORD})
    if len(password) > MAX_PASSWORD:
        return _("A password has at most ${max} characters.", mapping={"max": MAX_PASSWORD})
    if not _can_be_encoded(password):
        return _("This password has a character that cannot be stored.")
    if fold(password) in {fold(username), fold(email or "")}:
        return _("A password must not be the username or the email address.")
    if fold(password) in _common_passwords():
        return _("This is one of the passwords that are tried first. Choose another.")
    return None


def _can_be_encoded(password: str) -> bool:
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _common_passwords() -> frozenset[str]:
    """Return the common passwords that are long enough, folded."""
    # A twentieth of a second to import, for the few who choose a password.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    common = FREQUENCY_LISTS["passwords"]
    return frozenset(fold(word) for word in common if len(word) >= MIN_PASSWORD)


def _hash_password(request: Any, password: str) -> str:
    """Return the hash of *password*, which takes its time: *request* keeps nobody waiting.

    What it has not committed so far is undone.
    """
    request.release_database()
    hashed: str = request.passwords.hash(password)
    return hashed


def includeme(config: Any) -> None:
    passwords = Passwords.from_settings(config.registry["ponytracker.settings"])
    config.add_request_method(lambda request: passwords, "passwords", reify=True)
    config.add_request_method(_hash_password, "hash_password")
