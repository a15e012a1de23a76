"""Work that a request leaves to be done after it: on threads of this process.

It begins once the request's changes are committed, so it never delays the answer, nor tells by the
time of the answer what there was to do. It is for what may be asked for again: when the process
dies, it is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
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

    def run(self, function: Callable[..., None], *arguments: Any) -> None:
        if not self._places.acquire(blocking=False):
            log.error("%s was dropped: too much is waiting to be done", function.__name__)
            return
        self._threads.submit(self._run, function, arguments)

    def _run(self, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - there is nobody above to catch it
            # Neither its text nor its traceback, which may hold what was secret in the arguments.
            log.error("%s failed: %s", function.__name__, type(error).__name__)
        finally:
            self._places.release()


def _after_commit(request: Any, function: Callable[..., None], *arguments: Any) -> None:
    """Run *function* in the background, once what *request* has changed is committed."""

    def run(committed: bool) -> None:
        if committed:
            request.registry["ponytracker.background"].run(function, *arguments)

    request.tm.get().addAfterCommitHook(run)


def includeme(config: Any) -> None:
    config.registry["ponytracker.background"] = Background()
    config.add_request_method(_after_commit, "after_commit")
