"""What the value of a key may be: a function a kind, which raises `ValueError` for others."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ponytracker.settings.keys import Unfit

_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
_LOCAL_PART = re.compile(r"[a-z0-9_-]+", re.IGNORECASE)
_TAKEN = frozenset({"new", "bounce", "leave-issue", "leave-project"})
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.IGNORECASE)

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

PLACEHOLDERS = ("replace", "change", "secret", "<")


def database_url(raw: str) -> str:
    try:
        url = make_url(raw)
    except ArgumentError as error:
        raise ValueError from error
    if url.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError
    if "@" in (url.host or ""):  # with the rest of the password before it, which errors would name
        raise Unfit("its password has an @ in it: write it %40")
    # Where a program is started differs: by hand, by cron, by systemd.
    path = url.database or ":memory:"
    if url.drivername == "sqlite" and path != ":memory:" and not path.startswith("/"):
        raise Unfit("the path of the file is not a full one, as after four slashes")
    return raw


def base_url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    # Each raises ValueError: where it is no port number, and where no machine can be called that.
    _ = parts.port, parts.hostname.encode("idna")
    if "@" in parts.netloc:
        raise Unfit("it may not have a name or password in it")
    path = parts.path.rstrip("/")
    if not _PREFIX.fullmatch(path):
        raise Unfit("its path may have letters, digits and -._~ between single slashes only")
    return f"{parts.scheme}://{parts.netloc}{path}"


def secret(raw: str) -> str:
    if raw.lower().startswith(PLACEHOLDERS):
        raise Unfit("it is still the placeholder of the sample file")
    if len(raw) < 32:
        raise Unfit("it is too short")
    return raw


def networks(raw: str) -> Networks:
    if raw.lower() == "none":
        return ()
    found = tuple(ipaddress.ip_network(word) for word in raw.split())
    if any(network.prefixlen == 0 for network in found):
        raise Unfit("with all addresses, anybody could say that they come from any other")
    return found


def sender(raw: str) -> str:
    _name, address = parseaddr(raw)
    if not raw.isprintable() or address.count("@") != 1 or not all(address.split("@")):
        raise ValueError
    if not address.isascii():
        raise Unfit("its address may have ASCII characters only")
    return raw


def mailbox(raw: str) -> str:
    local, _at, domain = raw.partition("@")
    if not raw.isascii() or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise ValueError
    if local.lower() in _TAKEN:
        raise Unfit("PonyTracker uses this name before the @ for something else")
    # What is added to it has 39 characters at most, of 64 in all (RFC 5321 §4.5.3.1.1).
    if len(local) > 25:
        raise Unfit("before the @ it may have 25 characters at most")
    return raw.lower()


def shared_key(raw: str) -> str:
    if len(raw) < 16:
        raise Unfit("it is too short")
    if not raw.isascii() or not raw.isprintable() or "@" in raw or " " in raw:
        raise Unfit("it may have ASCII characters other than blanks and @ only")
    return raw


def keys(raw: str) -> tuple[str, ...]:
    return tuple(secret(key) for key in raw.split())


def folder(raw: str) -> Path:
    path = Path(raw)
    if not path.is_absolute():
        raise Unfit("it does not begin with /")
    return path


def broker_url(raw: str) -> str:
    if urlsplit(raw).scheme not in ("redis", "rediss", "redis+socket", "sentinel"):
        raise ValueError
    return raw


def one_word(raw: str) -> str:
    if not raw.isascii() or len(raw.split()) != 1 or ";" in raw:
        raise ValueError
    return raw


def count(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not raw.isascii() or not raw.isdigit() or not low <= int(raw) <= high:
            raise ValueError
        return int(raw)

    return parse


def switch(raw: str) -> bool:
    return {"true": True, "false": False}[raw.lower()]
