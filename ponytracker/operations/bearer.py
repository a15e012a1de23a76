"""The key by which a program may read the metrics: a bearer token (RFC 6750 §2.1)."""

from __future__ import annotations

import hmac
from typing import Any


def has_metrics_key(request: Any) -> bool:
    """Return whether *request* carries ``ponytracker.metrics_key``, where there is one."""
    key = request.settings.metrics.bearer_key
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    if not key or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(token.strip().encode(), key.encode())
