"""Whether this process can do its work now: what it needs is asked, and the answer kept a while.

Nobody can load anything by asking: each thing is asked once in `KEPT_SECONDS`, for `PATIENCE`
seconds, on a thread of its own, and one that hangs is not asked anew.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import make_url

from ponytracker.attachments.opening import make_store
from ponytracker.attachments.store import Store
from ponytracker.db import Database
from ponytracker.models.base import REVISION
from ponytracker.operations.patience import Asked
from ponytracker.settings import Settings

log = logging.getLogger(__name__)

PATIENCE = 2.0
KEPT_SECONDS = 5.0

LEAST_FREE_MB = 100
"""With less of it free a disk counts as full: SQLite needs room beside what it keeps."""

READINESS = "ponytracker.readiness"


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """How it is about one thing: *why* it is not well, which is not for strangers."""

    is_needed: bool
    why: str

    @property
    def is_ok(self) -> bool:
        return not self.why


Check = Callable[[], Mapping[str, str]]
"""Returns why each thing it has looked at is not well, with nothing where it is."""


class Readiness:
    """Asks the checks of one process, each about the things that it is told by."""

    def __init__(self) -> None:
        self._checks: list[tuple[Asked, tuple[str, ...], bool]] = []
        self._lock = threading.Lock()
        self._states: Mapping[str, State] = {}
        self._asked_at = -KEPT_SECONDS

    def add(self, check: Check, *names: str, is_needed: bool = True) -> None:
        """Ask *check* about *names*; whether pages can be served rests on what *is_needed*."""
        self._checks.append((Asked(check), names, is_needed))

    def states(self) -> Mapping[str, State]:
        """Return how it is about each thing, as of a few seconds ago at most."""
        with self._lock:
            if time.monotonic() - self._asked_at >= KEPT_SECONDS:
                states = self._ask()
                self._tell_changes(states)
                self._states, self._asked_at = states, time.monotonic()
            return self._states

    def _ask(self) -> dict[str, State]:
        deadline = time.monotonic() + PATIENCE
        under_way = [asked.start() for asked, _names, _is_needed in self._checks]
        states = {}
        for run, (_asked, names, is_needed) in zip(under_way, self._checks, strict=True):
            try:
                faults = run.wait(deadline - time.monotonic())
            except TimeoutError:
                faults = dict.fromkeys(names, f"no answer within {PATIENCE:g} s")
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is not well
                # Its kind alone: the text may have the address of what was asked, and a password.
                faults = dict.fromkeys(names, type(error).__name__)
            for name in names:
                states[name] = State(is_needed, faults.get(name, ""))
        return states

    def _tell_changes(self, states: Mapping[str, State]) -> None:
        """Say in the log what is no longer well, and what is well again, once each."""
        for name, state in states.items():
            was_ok = name not in self._states or self._states[name].is_ok
            if was_ok and not state.is_ok:
                log.error("not ready: %s: %s", name, state.why)
            elif state.is_ok and not was_ok:
                log.warning("ready again: %s", name)


def make_readiness(settings: Settings, get_database: Callable[[], Database]) -> Readiness:
    """Return what a tracker with *settings* needs."""
    readiness = Readiness()
    readiness.add(lambda: look_at_database(get_database()), "database", "migrations")
    folders = {"attachments": settings.attachments_dir, "sqlite": sqlite_folder(settings)}
    for name, folder in folders.items():
        if folder is not None:
            readiness.add(partial(look_at_disk, f"disk_{name}", folder), f"disk_{name}")
    if settings.s3.place is not None:
        store = make_store(settings)
        readiness.add(partial(_look_at_store, store), "attachments", is_needed=False)
    if settings.celery_enabled:
        # Pages answer without it, and what is owed stays owed: it must not take all hosts away.
        readiness.add(partial(_look_at_broker, settings), "broker", is_needed=False)
    return readiness


def look_at_database(database: Database) -> dict[str, str]:
    """Raise where it does not answer; return what is wrong with its tables."""
    with database.session(write=False) as session:
        heads = MigrationContext.configure(session.connection()).get_current_heads()
    if tuple(heads) == (REVISION,):
        return {}
    there = ", ".join(heads) or "nothing"
    return {"migrations": f"it is at {there}, this version needs {REVISION}"}


def look_at_disk(name: str, folder: Path) -> dict[str, str]:
    """Return whether something can be written to *folder*, or to where it will be made."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return {name: f"{there} cannot be written to"}
    free = shutil.disk_usage(there).free // 1024 // 1024
    if free < LEAST_FREE_MB:
        return {name: f"{there} has {free} MB free, less than {LEAST_FREE_MB} MB"}
    return {}


def _look_at_store(store: Store | None) -> dict[str, str]:
    if store is not None:
        store.check()
    return {}


def _look_at_broker(settings: Settings) -> dict[str, str]:
    # Here, since most sites have none and need not load it.
    from ponytracker.celery import reach_broker

    reach_broker(settings)
    return {}


def sqlite_folder(settings: Settings) -> Path | None:
    """Return the folder of the database, where it is a file."""
    url = make_url(settings.database_url)
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)).absolute().parent if is_file else None


def includeme(config: Any) -> None:
    registry = config.registry
    settings = registry["ponytracker.settings"]
    registry[READINESS] = make_readiness(settings, lambda: registry["ponytracker.database"])
