"""Work that a request leaves to be done after it: on threads of this process.

It begins once the request's changes are committed, so it never delays the answer, nor tells by the
time of the answer what there was to do. It is for what may be asked for again, or is written down
elsewhere: when the process dies, it is lost.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, Lock, Thread
from typing import Any

log = logging.getLogger(__name__)

THREADS = 2
MAX_WAITING = 100
"""Jobs that may wait for a thread; where a mail server hangs, more than that are dropped."""


class Background:
    """Runs functions on a few threads, which start when the first is there to be run."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="background")
        self._places = BoundedSemaphore(MAX_WAITING)
        self._repeated: set[tuple[int, Callable[..., object]]] = set()
        self._repeated_lock = Lock()

    def run(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Have *function* run; return whether there is room for it."""
        if not self._places.acquire(blocking=False):
            log.error("%s was dropped: too much is waiting to be done", function.__name__)
            return False
        self._threads.submit(self._run, function, arguments)
        return True

    def run_every(self, seconds: float, function: Callable[..., object], *arguments: Any) -> None:
        """Have *function* run now and again after so long, until the process ends.

        It has a thread of its own. To ask once more for the same changes nothing, but after a fork:
        the new process has none of the threads of the old one.
        """
        with self._repeated_lock:
            if (os.getpid(), function) in self._repeated:
                return
            self._repeated.add((os.getpid(), function))
        name = function.__name__
        Thread(
            target=self._repeat, args=(seconds, function, arguments), name=name, daemon=True
        ).start()

    def _repeat(
        self, seconds: float, function: Callable[..., object], arguments: tuple[Any, ...]
    ) -> None:
        while True:
            _run(function, arguments)
            time.sleep(seconds)

    def _run(self, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        try:
            _run(function, arguments)
        finally:
            self._places.release()


def _run(function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    try:
        function(*arguments)
    except Exception as error:  # noqa: BLE001 - there is nobody above to catch it
        # Neither its text nor its traceback, which may hold what was secret in the arguments.
        log.error("%s failed: %s", function.__name__, type(error).__name__)


def _after_commit(request: Any, function: Callable[..., object], *arguments: Any) -> None:
    """Run *function* in the background, once what *request* has changed is committed."""

    def run(committed: bool) -> None:
        if committed:
            request.registry["ponytracker.background"].run(function, *arguments)

    request.tm.get().addAfterCommitHook(run)


def includeme(config: Any) -> None:
    config.registry["ponytracker.background"] = Background()
    config.add_request_method(_after_commit, "after_commit")
