from __future__ import annotations

import logging
import threading
from threading import Event

from ponytracker.background import MAX_WAITING, THREADS, Background

SECONDS = 30


def test_what_is_left_for_later_is_done_on_another_thread():
    done = Event()
    Background().run(done.set)
    assert done.wait(SECONDS)


def test_what_fails_is_logged_without_what_it_was_given(caplog):
    failed, after = Event(), Event()

    def fail(secret):
        failed.set()
        raise ValueError(secret)

    background = Background()
    with caplog.at_level(logging.ERROR):
        for _ in range(THREADS):
            background.run(fail, "hunter2")
        assert failed.wait(SECONDS)
        background.run(after.set)
        assert after.wait(SECONDS)  # the threads live on
    assert "fail failed: ValueError" in caplog.text
    assert "hunter2" not in caplog.text


def test_what_is_too_much_is_dropped_and_logged(caplog):
    go_on, last = Event(), Event()
    background = Background()
    with caplog.at_level(logging.ERROR):
        assert all(background.run(go_on.wait, SECONDS) for _ in range(MAX_WAITING))
        assert not background.run(last.set)
    assert "was dropped" in caplog.text
    go_on.set()
    assert not last.is_set()


def test_what_is_repeated_has_one_thread_and_survives_its_failures(monkeypatch):
    done, times, pauses = Event(), [], []

    def fail(argument):
        times.append(argument)
        if len(times) == 3:
            done.set()
            never.wait()
        raise ValueError

    never = Event()
    monkeypatch.setattr("ponytracker.background.time.sleep", pauses.append)
    background = Background()
    for _ in range(3):
        background.run_every(60, fail, "a")
    assert done.wait(SECONDS)
    assert (times, pauses) == (["a"] * 3, [60] * 2)
    assert len([thread for thread in threading.enumerate() if thread.name == "fail"]) == 1


def test_after_a_fork_it_is_repeated_anew(monkeypatch):
    first, second = Event(), Event()
    calls = iter((first, second))
    never = Event()

    def tell():
        next(calls).set()
        never.wait()

    background = Background()
    background.run_every(60, tell)
    assert first.wait(SECONDS)
    monkeypatch.setattr("ponytracker.background.os.getpid", lambda: 0)
    background.run_every(60, tell)
    assert second.wait(SECONDS)
