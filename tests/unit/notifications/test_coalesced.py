from __future__ import annotations

import threading

import pytest

from ponytracker.notifications.delivery import Coalesced

SECONDS = 30


class Threads:
    """Runs each function on a thread of its own, or has no room for any."""

    def __init__(self):
        self.has_room = True
        self.runs = []
        self.failures = []

    def run(self, function):
        if self.has_room:
            self.runs.append(threading.Thread(target=self._run, args=(function,)))
            self.runs[-1].start()
        return self.has_room

    def _run(self, function):
        try:
            function()
        except ValueError as error:
            self.failures.append(error)

    def join(self):
        for thread in self.runs:
            thread.join(SECONDS)


@pytest.fixture
def threads():
    return Threads()


@pytest.fixture
def registry(threads):
    return {"ponytracker.background": threads}


def test_many_who_ask_meanwhile_are_one_more_time(registry, threads):
    times, begun, go_on = [], threading.Event(), threading.Event()

    def work(registry):
        times.append(registry)
        begun.set()
        assert go_on.wait(SECONDS)

    coalesced = Coalesced(registry, work)
    coalesced.ask()
    assert begun.wait(SECONDS)
    for _ in range(10):
        coalesced.ask()
    go_on.set()
    threads.join()
    assert times == [registry] * 2
    assert len(threads.runs) == 1
    coalesced.ask()
    threads.join()
    assert len(times) == 3


def test_after_a_failure_or_without_room_it_can_be_asked_again(registry, threads):
    times = []

    def fail(registry):
        times.append(registry)
        raise ValueError

    coalesced = Coalesced(registry, fail)
    threads.has_room = False
    coalesced.ask()
    assert times == []
    threads.has_room = True
    for count in (1, 2):
        coalesced.ask()
        threads.join()
        assert len(times) == len(threads.failures) == count
