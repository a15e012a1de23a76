from __future__ import annotations

import logging
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
        for _ in range(MAX_WAITING):
            background.run(go_on.wait, SECONDS)
        background.run(last.set)
    assert "was dropped" in caplog.text
    go_on.set()
    assert not last.is_set()
