"""The filter of dovecot's sieve, against servers that answer well, badly, or not at all."""

from __future__ import annotations

import json
import resource
import socket
import stat
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.servers import ROOT, free_port

FILTER = ROOT / "tools/ponytracker-sieve-filter"
KEY = "a-key-for-the-gate"
MAIL = b"From: alice@people.example\r\nSubject: \xff\x00\r\n\r\nHello\r\n.\r\nwithout a line end"


class Gate:
    """Answers as it is told, and keeps what it was posted."""

    def __init__(self, url):
        self.url = url
        self.status = 200
        self.kind = "application/json"
        self.body = json.dumps({"verdict": "commented", "detail": ""}).encode()
        self.delay = 0.0
        self.bodies = []
        self.headers = []


@contextmanager
def gate():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            found.headers.append(dict(self.headers))
            found.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(found.delay)
            self.send_response(found.status)
            if found.kind:
                self.send_header("Content-Type", found.kind)
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    found = Gate(f"http://127.0.0.1:{server.server_port}/api/email/recv/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server():
    with gate() as found:
        yield found


def run(argument, mail=MAIL, **environment):
    """Return how the filter ended, as dovecot starts it: with almost no environment."""
    return subprocess.run(
        [FILTER, argument],
        input=mail,
        env={"HOME": "/", "USER": "x", "HOST": "h", **environment},
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_it_runs_on_a_plain_debian():
    first = FILTER.read_text().splitlines()[0]
    assert first == "#!/usr/bin/python3"
    assert FILTER.stat().st_mode & stat.S_IXUSR


def test_the_mail_goes_through_untouched(server):
    done = run(f"{KEY}@{server.url}")
    assert (done.returncode, done.stdout, done.stderr) == (0, MAIL, b"")
    (body,) = server.bodies
    assert b'name="key"\r\n\r\n' + KEY.encode() + b"\r\n" in body
    assert b'name="email"; filename="email"' in body
    assert b"\r\n\r\n" + MAIL + b"\r\n--" in body
    assert b'name="sender"' not in body


def test_the_envelope_is_posted_along(server):
    run(f"{KEY}@{server.url}", SENDER="a@b.example", RECIPIENT="reply", ORIG_RECIPIENT="reply+1@x")
    run(f"{KEY}@{server.url}", SENDER="", RECIPIENT="reply\r\n--evil")
    first, second = server.bodies
    assert b'name="sender"\r\n\r\na@b.example\r\n' in first
    assert b'name="recipient"\r\n\r\nreply\r\n' in first
    assert b'name="recipient"\r\n\r\nreply+1@x\r\n' in first
    assert b'name="sender"\r\n\r\n\r\n' in second
    assert b'name="recipient"\r\n\r\nreply--evil\r\n' in second


def test_the_key_from_a_file(server, tmp_path):
    whole, key = tmp_path / "whole", tmp_path / "key"
    whole.write_text(f"{KEY}@{server.url}\n")
    key.write_text(f"{KEY}\n")
    assert run(f"@{whole}").returncode == 0
    assert run(f"@{key}@{server.url}").returncode == 0
    assert all(b"\r\n\r\n" + KEY.encode() + b"\r\n" in body for body in server.bodies)


TAKEN = [
    (200, "commented"),
    (200, "duplicate"),
    (200, "bounce"),
    (200, "empty"),
    (400, "malformed"),
    (403, "forged"),
    (403, "disabled"),
    (403, "other_sender"),
    (404, "not_found"),
    (413, "too_large"),
]
KEPT = [
    (403, "wrong_key"),
    (429, "too_many"),
    (500, "failed"),
    (501, "off"),
    (503, "not_available"),
    (301, ""),
    (302, ""),
    (401, ""),
    (405, ""),
    (502, ""),
]


@pytest.mark.parametrize(
    ("status", "verdict", "expected"),
    [(*case, 0) for case in TAKEN] + [(*case, 75) for case in KEPT],
)
def test_exit_statuses(server, status, verdict, expected):
    server.status, server.body = status, json.dumps({"verdict": verdict}).encode()
    done = run(f"{KEY}@{server.url}")
    assert (done.returncode, done.stdout) == (expected, MAIL)
    assert KEY.encode() not in done.stderr


@pytest.mark.parametrize("status", [200, 403, 404, 413])
def test_a_page_of_another_server_is_no_decision(server, status):
    server.status, server.kind, server.body = status, "text/html; charset=utf-8", b"<html>"
    assert run(f"{KEY}@{server.url}").returncode == 75


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"null", b'"x"'])
def test_a_refusal_without_a_reason_is_no_decision(server, body):
    server.status, server.body = 403, body
    assert run(f"{KEY}@{server.url}").returncode == 75


def test_nobody_listens():
    done = run(f"{KEY}@http://127.0.0.1:{free_port()}/")
    assert (done.returncode, done.stdout) == (75, MAIL)


def test_a_name_that_is_none():
    done = run(f"{KEY}@http://no-such-host.invalid/")
    assert (done.returncode, done.stdout) == (75, MAIL)


def test_a_server_that_does_not_answer(server):
    server.delay = 12
    started = time.monotonic()
    done = run(f"{KEY}@{server.url}")
    assert (done.returncode, done.stdout) == (75, MAIL)
    assert time.monotonic() - started < 9.9  # dovecot ends it after ten


@contextmanager
def answering(answer, pause=0.0):
    """A server that sends *answer* octet by octet, whatever it is asked."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve():
            connection, _address = listener.accept()
            with connection:
                connection.recv(100)
                for octet in answer:
                    try:
                        connection.sendall(bytes([octet]))
                    except OSError:
                        return
                    time.sleep(pause)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"", b"HTTP/1.1 2", b"\x00" * 100])
def test_a_server_that_speaks_something_else(answer):
    with answering(answer) as url:
        done = run(f"{KEY}@{url}")
    assert (done.returncode, done.stdout) == (75, MAIL)


def test_a_server_that_speaks_too_slowly():
    """Each octet comes in time, all of them do not."""
    with answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100, pause=0.5) as url:
        started = time.monotonic()
        done = run(f"{KEY}@{url}")
    assert (done.returncode, done.stdout) == (75, MAIL)
    assert time.monotonic() - started < 9.9


@pytest.mark.parametrize(
    "argument",
    ["", "no url", "@", "@/no/such/file", "key@ftp://x/", "key@http://", "key@http://x:y/"],
)
def test_an_argument_that_is_none(argument):
    done = run(argument)
    assert (done.returncode, done.stdout) == (75, MAIL)
    assert done.stderr.startswith(b"ponytracker-sieve-filter: ")
    assert b"Traceback" not in done.stderr


def test_a_large_mail_takes_little_memory(server):
    """With 64 MB of memory in all, a mail of 80 MB goes through."""
    mail = b"0123456789abcde\n" * (5 * 1024 * 1024)
    done = subprocess.run(
        [FILTER, f"{KEY}@{server.url}"],
        input=mail,
        env={"HOME": "/"},
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (64 << 20, 64 << 20)),
    )
    assert (done.returncode, done.stdout == mail) == (0, True)
