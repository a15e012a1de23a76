"""How far a long command is: a bar on a terminal, else a line now and then on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_EVERY = 10.0
"""Seconds between two lines."""


@contextmanager
def progress(
    task: str, total: int | None = None, unit: str = ""
) -> Iterator[Callable[[int], None]]:
    """Give a function that is told how much of *total* is done, in *unit* (such as ``issues``)."""
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
            bar = bars.add_task(task, total=total)
            yield lambda done: bars.update(bar, completed=done)
        return
    last_line = time.monotonic()

    def show(done: int) -> None:
        nonlocal last_line
        if time.monotonic() - last_line >= LINE_EVERY:
            last_line = time.monotonic()
            of_total = f" of {total:,}" if total else ""
            click.echo(f"{task}: {done:,}{of_total} {unit}".rstrip(), err=True)

    yield show


@contextmanager
def steps() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that is told what is being done, how much of it is done, and of how much."""
    with ExitStack() as stack:
        now_showing = ""
        show: Callable[[int], None] | None = None

        def step(task: str, done: int, total: int) -> None:
            nonlocal now_showing, show
            if show is None or task != now_showing:
                stack.close()
                now_showing, show = task, stack.enter_context(progress(task, total))
            show(done)

        yield step
