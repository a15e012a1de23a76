"""What Prometheus is answered: the counters, and what is looked up at that moment."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prometheus_client import (
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ponytracker.models import MailState, OwedMail, SignInSession
from ponytracker.models.base import now
from ponytracker.operations.metrics import METRICS, Metrics
from ponytracker.operations.patience import Asked
from ponytracker.operations.readiness import PATIENCE, READINESS, Readiness

COUNTED_STATES = (MailState.OWED, MailState.FAILED)
"""Those of which there are few: what was sent is not counted anew each time."""


class Scrape:
    """Answers Prometheus, for one process or, where they count together, for all of this host."""

    def __init__(self, registry: Any) -> None:
        self._metrics: Metrics = registry[METRICS]
        self._collectors: tuple[Collector, ...] = (
            Build(),
            Checks(registry[READINESS]),
            Mails(registry),
        )

    def answer(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        found = CollectorRegistry()
        for collector in self._collectors:
            found.register(collector)
        if self._metrics.folder is None:
            found.register(self._metrics.registry)
            # Of one process among several they would jump with each answer.
            for kind in (ProcessCollector, PlatformCollector, GCCollector):
                kind(registry=found)
        else:
            _forget_the_dead(self._metrics.folder)
            multiprocess.MultiProcessCollector(found, str(self._metrics.folder))  # type: ignore[no-untyped-call]
        return generate_latest(found)


class Build(Collector):
    """Which version this is."""

    def collect(self) -> Iterator[Any]:
        built = {"version": version("ponytracker"), "python": platform.python_version()}
        yield InfoMetricFamily("ponytracker_build", "What is running.", built)


class Checks(Collector):
    """What ``/health/ready`` says."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def collect(self) -> Iterator[Any]:
        family = GaugeMetricFamily(
            "ponytracker_check_ok", "Whether what the tracker needs is there.", labels=["check"]
        )
        for name, state in self._readiness.states().items():
            family.add_metric([name], float(state.is_ok))
        yield family


class Mails(Collector):
    """What is owed, has failed, and who is signed in; nothing while the database is away."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self._look_up = Asked(self._read)

    def collect(self) -> Iterator[Any]:
        try:
            found = self._look_up.ask(PATIENCE)
        except Exception:  # noqa: BLE001 - what is wrong is told by the checks
            return
        mails = GaugeMetricFamily(
            "ponytracker_mails", "Mails that are owed, or were given up.", labels=["state"]
        )
        for state in COUNTED_STATES:
            mails.add_metric([state], found[state])
        yield mails
        yield GaugeMetricFamily(
            "ponytracker_oldest_owed_mail_seconds",
            "Seconds since the oldest mail became owed that still is.",
            found["oldest"],
        )
        yield GaugeMetricFamily(
            "ponytracker_sessions", "Browsers that are signed in.", found["sessions"]
        )

    def _read(self) -> Mapping[str, float]:
        with self._registry["ponytracker.database"].session(write=False) as session:
            return _count(session)


def _count(session: Session) -> Mapping[str, float]:
    states: dict[str, float] = {
        state: session.scalars(
            select(func.count()).select_from(OwedMail).where(OwedMail.state == state)
        ).one()
        for state in COUNTED_STATES
    }
    oldest = session.scalar(
        select(func.min(OwedMail.created_at)).where(OwedMail.state == MailState.OWED)
    )
    going_on = SignInSession.expires_at > now()
    sessions = select(func.count()).select_from(SignInSession).where(going_on)
    return {
        **states,
        "oldest": max((now() - oldest).total_seconds(), 0.0) if oldest else 0.0,
        "sessions": session.scalars(sessions).one(),
    }


def _forget_the_dead(folder: Path) -> None:
    """Remove what ended processes have said of their present state; their counts stay."""
    for path in folder.glob("gauge_live*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:  # it lives, as another user
            continue
