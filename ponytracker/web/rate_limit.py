"""How much one account, and one network, may send within a minute: what is more is a 429.

That is asked before any view, of whatever could change something. Each account and each network has
a bucket of tokens in the memory of this process. See docs/decisions/rate-limits.rst.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

from pyramid.httpexceptions import HTTPTooManyRequests

from ponytracker.db import SAFE_METHODS
from ponytracker.security.principals import Identity
from ponytracker.security.throttling import network
from ponytracker.web.bodies import is_left

RATE_LIMIT = "ponytracker.rate_limit"

OF_A_NETWORK = 10
"""How many times as much as one account all of a network together may send: it may be an office."""

MINUTE = 60 * 10**9
"""In nanoseconds, as the clock counts: of fractions of a second, some would be lost."""


class TokenBuckets:
    """A bucket for each key, with *size* tokens when it is full; from empty that takes a minute."""

    def __init__(self, size: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._each = MINUTE // size
        # Of a bucket it is enough to know when it will be full: the "generic cell rate algorithm".
        self._full_at: dict[Hashable, int] = {}
        self._swept_at = 1000
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> int:
        """Take a token for *key* and return 0; or the seconds until there will be one."""
        with self._lock:
            wait = self._wait(key)
            if not wait:
                self._full_at[key] = max(self._full_at.get(key, 0), self._clock()) + self._each
                self._sweep()
        return wait

    def wait(self, key: Hashable) -> int:
        """Return the seconds until there is a token for *key*, 0 where there is one."""
        with self._lock:
            return self._wait(key)

    def _wait(self, key: Hashable) -> int:
        too_early = self._full_at.get(key, 0) - self._clock() + self._each - MINUTE
        return max(0, math.ceil(too_early / 10**9))

    def _sweep(self) -> None:
        """Forget the buckets that are full again: so there are as many as were used in a minute."""
        if len(self._full_at) < self._swept_at:
            return
        moment = self._clock()
        self._full_at = {key: at for key, at in self._full_at.items() if at > moment}
        self._swept_at = max(1000, 2 * len(self._full_at))


class RateLimit:
    """What may be sent: so much *a_minute* by one account, and tenfold from one network.

    Nobody uses up what is others'. What an account is refused its network is not charged for, and
    whoever is nobody has a bucket apart from those of that network who are signed in. Superusers
    are free: a limit protects nothing from whoever may delete all of it.
    """

    def __init__(self, a_minute: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._of_accounts = TokenBuckets(a_minute, clock)
        self._of_networks = TokenBuckets(OF_A_NETWORK * a_minute, clock)

    def take(self, identity: Identity) -> int:
        """Count what *identity* sends and return 0; or the seconds it comes too early."""
        if identity.is_superuser:
            return 0
        if identity.is_signed_in and (wait := self._of_accounts.take(identity.user_id)):
            return wait
        if not identity.address:  # the server knows no addresses: all the world would be one
            return 0
        return self._of_networks.take((network(identity.address), identity.is_signed_in))


def rate_limit_tween_factory(handler: Callable[..., Any], _registry: Any) -> Any:
    """Raise `HTTPTooManyRequests` for what comes too soon after too much."""

    def rate_limit_tween(request: Any) -> Any:
        if _is_counted(request):
            seconds = request.registry[RATE_LIMIT].take(request.identity)
            if seconds:
                raise HTTPTooManyRequests(headers={"Retry-After": str(seconds)})
        return handler(request)

    return rate_limit_tween


def _is_counted(request: Any) -> bool:
    """Return whether *request* may change something, and no view counts it by itself."""
    if request.method in SAFE_METHODS or is_left(request.environ, request.registry):
        return False
    is_first_try: bool = not request.environ.get("retry.attempt")
    return is_first_try


def includeme(config: Any) -> None:
    config.registry[RATE_LIMIT] = RateLimit(
        config.registry["ponytracker.settings"].posts_per_minute
    )
    config.add_tween(
        "ponytracker.web.rate_limit.rate_limit_tween_factory",
        under="ponytracker.db.fresh_transaction_tween_factory",
    )
