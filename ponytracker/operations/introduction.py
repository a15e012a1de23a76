"""How ``ponytracker doctor`` proves to a running tracker that it has the same ini file.

It asks the tracker what became of its request on the way, which is nobody else's business; and by
the answer it knows that it asked this tracker and no other.
"""

from __future__ import annotations

import hmac
import time

HEADER = "X-PonyTracker-Doctor"
GOOD_FOR = 300
"""Seconds that a proof is good for, either way: two clocks may differ."""


def introduce(secret: str) -> str:
    """Return what is sent in `HEADER`."""
    moment = str(int(time.time()))
    return f"{moment}.{_sign(secret, 'asks', moment)}"


def is_introduced(secret: str, said: str) -> bool:
    """Return whether whoever *said* this knows *secret*."""
    moment, _dot, signature = said.partition(".")
    if not moment.isascii() or not moment.isdigit() or len(moment) > 12:
        return False
    is_recent = abs(time.time() - int(moment)) <= GOOD_FOR
    return is_recent and _is_same(signature, _sign(secret, "asks", moment))


def acknowledge(secret: str, said: str) -> str:
    """Return what proves to whoever *said* this that *secret* is known here too."""
    return _sign(secret, "answers", said)


def is_acknowledged(secret: str, said: str, answered: str) -> bool:
    return _is_same(answered, acknowledge(secret, said))


def _sign(secret: str, role: str, text: str) -> str:
    return hmac.new(secret.encode(), f"doctor:{role}:{text}".encode(), "sha256").hexdigest()


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
