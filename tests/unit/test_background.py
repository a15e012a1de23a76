from __future__ import annotations

import logging
import subprocess
import sys
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
    monkeypatch.setattr("ponytracker.background.SETTLED", 0)
    done, times, never = Event(), [], Event()

    def fail(argument):
        times.append(argument)
        if len(times) == 3:
            done.set()
            never.wait()
        raise ValueError

    background = Background()
    for _ in range(3):
        background.run_every(0, fail, "a")
    assert done.wait(SECONDS)
    assert times == ["a"] * 3
    assert len([thread for thread in threading.enumerate() if thread.name == "fail"]) == 1


FORKING = """
import os, threading
from ponytracker import background as module
module.SETTLED = 0

def tell(pipe=os.pipe()):
    os.write(pipe[1], b"%d\\n" % os.getpid())
    repeated.set()

def told():
    return int(lines.readline())

lines = os.fdopen(tell.__defaults__[0][0], "rb", 0)
repeated = threading.Event()
background = module.Background()
background.run(repeated.wait)  # its threads are there, and stay behind
background.run_every(0.01, tell)
assert told() == os.getpid()
child = os.fork()
if not child:
    done = threading.Event()
    background.run(done.set)
    assert done.wait(30)
    os._exit(0)
while told() != child:
    pass
assert os.waitpid(child, 0)[1] == 0
assert background._is_over.is_set()
"""


def test_a_forked_process_repeats_what_the_old_one_did_and_that_one_no_more():
    script = [sys.executable, "-c", FORKING]
    done = subprocess.run(script, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
