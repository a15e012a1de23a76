"""Asks what may never answer, such as a database that is away, and waits only so long for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class StillRunning(TimeoutError):
    """It does not answer in time."""


class Asked:
    """A function that is run on a thread of its own, by one at a time, however long it takes.

    While it hangs, to ask again starts no second one: so what is away costs one thread.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def start(self) -> _Run:
        """Return the run that is under way, or a new one."""
        with self._lock:
            if self._run is None or self._run.done.is_set():
                self._run = _Run(self._function)
                threading.Thread(target=self._run.run, name="asked", daemon=True).start()
            return self._run

    def ask(self, seconds: float) -> Any:
        """Return what the function does; raise what it raises, or `StillRunning`."""
        return self.start().wait(seconds)


class _Run:
    def __init__(self, function: Callable[[], Any]) -> None:
        self.done = threading.Event()
        self._function = function
        self._result: Any = None
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._result = self._function()
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            self._error = error
        finally:
            self.done.set()

    def wait(self, seconds: float) -> Any:
        if not self.done.wait(max(seconds, 0)):
            raise StillRunning(f"no answer within {seconds:g} s")
        if self._error is not None:
            raise self._error
        return self._result
