"""Work that a request leaves to be done after it: on threads of this process.

It begins once the request's changes are committed, so it never delays the answer, nor tells by the
time of the answer what there was to do. It is for what may be asked for again, or is written down
elsewhere: when the process dies, it is lost.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import Any
from weakref import WeakSet

log = logging.getLogger(__name__)

THREADS = 2
MAX_WAITING = 100
"""Jobs that may wait for a thread; where a mail server hangs, more than that are dropped."""

SETTLED = 2.0
"""Seconds until anything is done by itself after a start: a server that forks has done so then."""


class Background:
    """Runs functions on a few threads, which start when the first is there to be run.

    Threads do not outlast a fork. A process that is forked has its own, and repeats what the old
    one did; that one only sees to the others from then on, and repeats nothing any more.
    """

    def __init__(self) -> None:
        self._repeated: dict[Callable[..., object], tuple[float, tuple[Any, ...]]] = {}
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="background")
        self._places = BoundedSemaphore(MAX_WAITING)
        self._is_over = Event()
        self._lock = Lock()

    def run(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Have *function* run; return whether there is room for it."""
        if not self._places.acquire(blocking=False):
            log.error("%s was dropped: too much is waiting to be done", function.__name__)
            return False
        # In the context of the request, whose id its lines of the log carry.
        self._threads.submit(copy_context().run, self._run, function, arguments)
        return True

    def run_every(self, seconds: float, function: Callable[..., object], *arguments: Any) -> None:
        """Have *function* run soon and again after so long, until the process ends.

        It has a thread of its own. To ask once more for the same changes nothing.
        """
        with self._lock:
            if function in self._repeated:
                return
            self._repeated[function] = seconds, arguments
        self._start(function)

    def _start(self, function: Callable[..., object]) -> None:
        repeat = (self._is_over, function, *self._repeated[function])
        Thread(target=_repeat, args=repeat, name=function.__name__, daemon=True).start()

    def leave(self) -> None:
        """Repeat nothing any more: the process that was forked from this one does."""
        self._is_over.set()

    def renew(self) -> None:
        """Begin anew in a process that was forked."""
        self._begin()
        for function in self._repeated:
            self._start(function)

    def _run(self, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        try:
            _run(function, arguments)
        finally:
            self._places.release()


def _repeat(
    is_over: Event, function: Callable[..., object], seconds: float, arguments: tuple[Any, ...]
) -> None:
    pause = SETTLED
    while not is_over.wait(pause):
        _run(function, arguments)
        pause = seconds


def _run(function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    try:
        function(*arguments)
    except Exception as error:  # noqa: BLE001 - there is nobody above to catch it
        # Neither its text nor its traceback, which may hold what was secret in the arguments.
        log.error("%s failed: %s", function.__name__, type(error).__name__)


_all: WeakSet[Background] = WeakSet()


def _leave_all() -> None:
    for background in _all:
        background.leave()


def _renew_all() -> None:
    for background in _all:
        background.renew()


os.register_at_fork(after_in_parent=_leave_all, after_in_child=_renew_all)


def _after_commit(request: Any, function: Callable[..., object], *arguments: Any) -> None:
    """Run *function* in the background, once what *request* has changed is committed."""

    def run(committed: bool) -> None:
        if committed:
            request.registry["ponytracker.background"].run(function, *arguments)

    request.tm.get().addAfterCommitHook(run)


def includeme(config: Any) -> None:
    config.registry["ponytracker.background"] = Background()
    config.add_request_method(_after_commit, "after_commit")
