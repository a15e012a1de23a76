"""What is counted for Prometheus: requests, queries, mails received, failed sign-ins.

Each process counts for itself, in memory; with ``ponytracker.metrics_dir`` the processes of one
host count into files there, and each answers with the sum. No label has a value that a visitor
chooses. See docs/decisions/metrics.rst.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ponytracker.accounts.events import SignInFailed
from ponytracker.inbound.events import MailReceived
from ponytracker.operations.answered import OBSERVERS, Answered
from ponytracker.settings import SettingError

METRICS = "ponytracker.metrics"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUERIES = (0, 1, 2, 5, 10, 15, 20, 30, 50, 100)

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus-client is told the folder; it looks once, when it is imported."""


class Metrics:
    """The counters of this process."""

    def __init__(self, folder: Path | None) -> None:
        """Raise `SettingError` where *folder* cannot be written to."""
        self.folder = folder
        if folder is not None:
            _make(folder)
            os.environ[_FOLDER] = str(folder)
        # Here, after the line above, and since most sites count nothing.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        self._requests = Counter(
            "ponytracker_requests",
            "Requests that were answered.",
            ("view", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "ponytracker_request_seconds",
            "Seconds that answering took.",
            ("view",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._queries = Histogram(
            "ponytracker_request_queries",
            "Queries that a request asked the database.",
            ("view",),
            buckets=QUERIES,
            registry=self.registry,
        )
        self._query_seconds = Counter(
            "ponytracker_query_seconds",
            "Seconds that queries took.",
            ("view",),
            registry=self.registry,
        )
        self._mails = Counter(
            "ponytracker_mails_received",
            "Mails that were posted to the gate, by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        self._sign_ins = Counter(
            "ponytracker_sign_in_failures",
            "Tries to sign in with a wrong name or password.",
            registry=self.registry,
        )
        self._connections = Gauge(
            "ponytracker_database_connections",
            "Connections to the database that are in use, as of the last request.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )

    def observe(self, request: Any, answered: Answered) -> None:
        """Count a request."""
        method = request.method if request.method in METHODS else "other"
        self._requests.labels(answered.view, method, str(answered.status)).inc()
        self._seconds.labels(answered.view).observe(answered.seconds)
        self._queries.labels(answered.view).observe(answered.queries)
        self._query_seconds.labels(answered.view).inc(answered.query_seconds)
        pool = getattr(request.registry["ponytracker.database"].bind, "pool", None)
        if pool is not None:  # in tests it is one connection
            self._connections.set(pool.checkedout())

    def count_mail(self, outcome: str) -> None:
        self._mails.labels(outcome).inc()

    def count_failed_sign_in(self) -> None:
        self._sign_ins.inc()


def _make(folder: Path) -> None:
    """Make *folder*; raise `SettingError`, which says what to do, where this user cannot."""
    why = "this user cannot write to it"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = str(error.strerror)
    else:
        if os.access(folder, os.W_OK | os.X_OK):
            return
    raise SettingError(
        f"key 'ponytracker.metrics_dir' names {folder}, which cannot be used: {why}. Make it for"
        f" the user as whom the tracker runs: install -d -o USER {folder}. Where it is in /run, it"
        " goes when the machine stops: `ponytracker deploy-files` renders what makes it anew."
    )


def includeme(config: Any) -> None:
    settings = config.registry["ponytracker.settings"]
    if not settings.metrics.enabled:
        return
    metrics = Metrics(settings.metrics.folder)
    config.registry[METRICS] = metrics
    config.registry[OBSERVERS].append(metrics.observe)
    config.add_subscriber(lambda event: metrics.count_mail(event.outcome), MailReceived)
    config.add_subscriber(lambda _event: metrics.count_failed_sign_in(), SignInFailed)
