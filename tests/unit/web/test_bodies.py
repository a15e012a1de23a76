from __future__ import annotations

import io
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from webob import Request

from ponytracker.web import bodies
from ponytracker.web.bodies import DISCARDED, MAX_BODY, REFUSED, BoundedBodies, find_greatest_limit

MIB = 1024 * 1024
MULTIPART = "multipart/form-data; boundary=x"


class Config:
    def __init__(self):
        self.registry = {}


class Reading:
    """Stands for the tracker: reads what it is given."""

    def __init__(self):
        config = Config()
        bodies.accept_larger(config, r"/files/[0-9]+", 2 * MIB)
        bodies.leave_body(config, "/gate", 10 * MIB)
        self.registry = config.registry

    def __call__(self, environ, start_response):
        self.refusal = environ.get(REFUSED)
        request = Request(environ)
        assert request.is_body_seekable
        self.body = request.body
        assert len(self.body) == request.content_length
        start_response("200 OK", [])
        return [b""]


class Source(io.RawIOBase):
    """A body of *size* octets, which is not in memory and counts what is read of it."""

    def __init__(self, size, *, breaks=False):
        self.size, self.taken, self.breaks = size, 0, breaks

    def read(self, size=-1):
        assert 0 < size <= MIB, "all of it at once"
        if self.breaks and self.taken >= self.size:
            raise OSError("the client has gone")
        size = min(size, self.size - self.taken)
        self.taken += size
        return b"x" * size


def send(source, path="/", content_type="application/x-www-form-urlencoded", **environ):
    reading = Reading()
    request = Request.blank(path, method="POST", content_type=content_type)
    request.environ.pop("CONTENT_LENGTH", None)
    request.environ.update({"wsgi.input": source, **environ})
    assert request.get_response(BoundedBodies(reading)).status_int == 200
    return reading


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


def test_what_fits_arrives_whole_with_a_length_and_can_be_read_again():
    for size in (0, 1, 100_000, MAX_BODY):
        for length in ({"CONTENT_LENGTH": str(size)}, CHUNKED):
            reading = send(Source(size), **length)
            assert (reading.refusal, len(reading.body)) == (None, size)


@pytest.mark.parametrize(
    ("path", "content_type", "limit"),
    [
        ("/", MULTIPART, MAX_BODY),
        ("/files/1", MULTIPART, MAX_BODY + 2 * MIB),
        ("/files/1", "text/plain", MAX_BODY),
        ("/files/1/x", MULTIPART, MAX_BODY),
        ("/gate", "text/plain", 10 * MIB),
    ],
)
def test_each_address_has_its_limit(path, content_type, limit):
    for size, status in ((limit, None), (limit + 1, 413)):
        for length in ({"CONTENT_LENGTH": str(size)}, CHUNKED):
            reading = send(Source(size), path, content_type, **length)
            assert (reading.refusal and reading.refusal.status_int) == status
            assert len(reading.body) == (0 if status else size)


def test_what_is_too_large_is_refused_while_it_is_read():
    """A little more is read and thrown away, so that who sends it may see the answer."""
    huge = 1 << 40
    for length in ({"CONTENT_LENGTH": str(huge)}, {"CONTENT_LENGTH": "9" * 5000}, CHUNKED):
        source = Source(huge)
        assert send(source, **length).refusal.status_int == 413
        assert source.taken <= MAX_BODY + DISCARDED + MIB


def test_a_server_that_gives_no_end_is_not_read():
    source = Source(100)
    reading = send(source, HTTP_TRANSFER_ENCODING="chunked")
    assert reading.refusal.status_int == 411
    assert source.taken == 0
    assert send(source).refusal is None
    assert source.taken == 0


@pytest.mark.parametrize("breaks", [True, False])
def test_a_body_that_is_cut_off_is_none(breaks):
    reading = send(Source(100, breaks=breaks), CONTENT_LENGTH="200")
    assert reading.refusal.status_int == 400
    assert reading.body == b""
    if breaks:
        assert send(Source(100, breaks=True), **CHUNKED).refusal.status_int == 400


@pytest.mark.parametrize("server", ["uwsgi", "gunicorn"])
def test_a_body_that_takes_too_long_is_ended(monkeypatch, server):
    """Whose octets never come, or as slowly as one likes: reads wait for all they are asked for."""
    monkeypatch.setattr(bodies, "PATIENCE", 0.2)
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as source:
        known = {"uwsgi.version": b"2"} if server == "uwsgi" else {"gunicorn.socket": ours}
        for size, status in ((10, None), (100, 408)):
            theirs.sendall(b"x" * 10)
            reading = send(source, CONTENT_LENGTH=str(size), **known)
            assert (reading.refusal and reading.refusal.status_int) == status
            assert len(reading.body) == (0 if status else size)
        ours.sendall(b"the answer")
        assert theirs.recv(100) == b"the answer"


def test_who_sends_fast_enough_has_more_time(monkeypatch):
    monkeypatch.setattr(bodies, "PATIENCE", 0.1)
    monkeypatch.setattr(bodies, "MIN_RATE", 1000)
    ours, theirs = socket.socketpair()

    def write() -> None:
        theirs.sendall(b"x" * 70_000)
        time.sleep(0.3)
        theirs.sendall(b"x" * 30_000)

    with ours, theirs, ours.makefile("rb") as source, ThreadPoolExecutor(1) as threads:
        threads.submit(write)
        reading = send(source, CONTENT_LENGTH="100000", **{"gunicorn.socket": ours})
    assert (reading.refusal, len(reading.body)) == (None, 100_000)


@pytest.mark.parametrize("length", ["-1", "1e3", "abc", "١", "1 1", "x" * 5000])
def test_a_length_that_is_none(length):
    assert send(Source(100), CONTENT_LENGTH=length).refusal.status_int == 400


def test_the_greatest_limit_is_what_a_server_may_be_told():
    assert find_greatest_limit(Reading().registry) == 10 * MIB
    assert find_greatest_limit({}) == MAX_BODY


@pytest.mark.parametrize("size", [10, 2 * MIB])
def test_a_disk_without_room_refuses_it(monkeypatch, size):
    full = Path("/dev/full")
    monkeypatch.setattr(bodies, "SpooledTemporaryFile", lambda _size: full.open("r+b"))
    reading = send(Source(size), CONTENT_LENGTH=str(size))
    assert reading.refusal.status_int == 503
    assert reading.refusal.headers["Retry-After"] == "10"
    assert reading.body == b""
