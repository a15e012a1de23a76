"""The log of requests: a line for each, by the logger ``ponytracker.access``.

It has no query string and no body, for both may hold what is secret, and no name but an id.
"""

from __future__ import annotations

import logging
from typing import Any

from ponytracker import logs
from ponytracker.operations.answered import OBSERVERS, Answered
from ponytracker.resources import HealthResource, MetricsResource

log = logging.getLogger("ponytracker.access")

WATCHERS = (HealthResource, MetricsResource)
"""What programs ask every few seconds: to be seen at level DEBUG only, while all is well."""


def write(request: Any, answered: Answered) -> None:
    """Write the line about *request*."""
    is_watcher = isinstance(getattr(request, "context", None), WATCHERS) and answered.status < 400
    fields = {
        "method": request.method,
        "path": logs.readable_path(request.environ.get("PATH_INFO", "")),
        "status": answered.status,
        "ms": round(answered.seconds * 1000, 1),
        "queries": answered.queries,
        "query_ms": round(answered.query_seconds * 1000, 1),
        "view": answered.view,
        "address": request.remote_addr or "",
    }
    log.log(logging.DEBUG if is_watcher else logging.INFO, "answered", extra={logs.FIELDS: fields})


def includeme(config: Any) -> None:
    config.registry[OBSERVERS].append(write)
