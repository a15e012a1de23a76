"""Markdown rendered on every core, ahead of the writing: it takes most of an import's time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

from markupsafe import Markup

from ponytracker import markup

_Item = TypeVar("_Item")

AHEAD = 2
"""How many items wait for each core, so that none is idle and not all of an archive in memory."""


MAX_WORKERS = 8
"""How many processes one that writes can keep busy."""


def render_ahead(
    items: Iterable[_Item], texts: Callable[[_Item], list[str]]
) -> Generator[tuple[_Item, list[Markup]]]:
    """Yield each item, in order, with what `markup.render` makes of its *texts*."""
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    # "spawn": a fork would share the connection to the database.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker) as pool:
        waiting: deque[tuple[_Item, Future[list[Markup]]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(_render, texts(item))))
                if len(waiting) > AHEAD * workers:
                    first, html = waiting.popleft()
                    yield first, html.result()
            while waiting:
                first, html = waiting.popleft()
                yield first, html.result()
        finally:
            pool.shutdown(cancel_futures=True)


def render_here(
    items: Iterable[_Item], texts: Callable[[_Item], list[str]]
) -> Generator[tuple[_Item, list[Markup]]]:
    """Do what `render_ahead` does, without the second that starting processes takes."""
    return ((item, _render(texts(item))) for item in items)


def _render(texts: list[str]) -> list[Markup]:
    return [markup.render(text) for text in texts]


def _start_worker() -> None:
    # Ctrl-C reaches all processes of a terminal; the importing one tells the others to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the importing one was killed, and can tell nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
