"""How much may be sent: what is larger is refused while it is read, before any of it is stored.

Whatever the server, Pyramid finds a body that is whole, can be read again, and has a length. That
is a layer before Pyramid, since ``pyramid_retry`` copies all of a body before the first tween runs.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import SEEK_END, BytesIO
from tempfile import SpooledTemporaryFile, gettempdir
from threading import Event, Thread
from time import monotonic
from typing import IO, Any, Self

from pyramid.httpexceptions import (
    HTTPBadRequest,
    HTTPException,
    HTTPLengthRequired,
    HTTPRequestEntityTooLarge,
    HTTPRequestTimeout,
    HTTPServiceUnavailable,
)

from ponytracker.i18n import _

log = logging.getLogger(__name__)

NO_ROOM = _(
    "The server has no room for what you sent at the moment. Please try again in a few minutes."
)

MAX_BODY = 4 * 1024 * 1024
"""Octets of a form: a text of the greatest length, each character sent as %XX four times over."""

MULTIPART = "multipart/form-data"

REFUSED = "ponytracker.refused_body"
"""The key in the environ of the error to be answered, where the body was not taken."""

IN_MEMORY = 512 * 1024
"""Octets of a body that are kept in memory; what is longer goes into a file without a name."""

DISCARDED = 16 * 1024 * 1024
"""Octets that are still read, and thrown away, after too many: a client that is hung up on while it
is sending may never see the answer."""

MAX_DIGITS = 18
"""Digits of the length of a body; what has more is larger than any limit."""

PATIENCE = 20.0
"""Seconds that a body may take, and one more for each `MIN_RATE` octets that have come."""

MIN_RATE = 32 * 1024

_CHUNK = 64 * 1024
_LARGER = "ponytracker.larger_bodies"
_LEFT = "ponytracker.left_bodies"


def accept_larger(config: Any, path: str, octets: int) -> None:
    """Let a form with files, posted to an address like *path*, have so many octets beside its text.

    *path* is a regular expression for all of the address within the site.
    """
    config.registry.setdefault(_LARGER, []).append((re.compile(path), MAX_BODY + octets))


def leave_body(config: Any, path: str, octets: int) -> None:
    """Leave what is posted to *path*, *octets* at most, to the view there, which reads it itself.

    The view also answers what is too large: it finds `REFUSED` in the environ.
    """
    config.registry.setdefault(_LEFT, {})[path] = octets


def is_left(environ: dict[str, Any], registry: Any) -> bool:
    """Return whether the body is left to a view."""
    path = environ.get("PATH_INFO", "")
    return environ["REQUEST_METHOD"] == "POST" and path in registry.get(_LEFT, {})


def find_limit(environ: dict[str, Any], registry: Any) -> int:
    """Return how many octets this request may have in its body."""
    path = environ.get("PATH_INFO", "")
    if is_left(environ, registry):
        limit: int = registry[_LEFT][path]
        return limit
    # As WebOb reads it: what that would not parse as a form with files is none here either.
    if environ.get("CONTENT_TYPE", "").partition(";")[0] != MULTIPART:
        return MAX_BODY
    larger = registry.get(_LARGER, ())
    return max((octets for pattern, octets in larger if pattern.fullmatch(path)), default=MAX_BODY)


def find_greatest_limit(registry: Any) -> int:
    """Return how many octets the body of any request may have."""
    larger = (octets for _pattern, octets in registry.get(_LARGER, ()))
    return max([MAX_BODY, *larger, *registry.get(_LEFT, {}).values()])


def too_large(limit: int) -> HTTPException:
    size = {"max": limit // 1024 // 1024}
    return HTTPRequestEntityTooLarge(_("What you sent is larger than ${max} MiB.", mapping=size))


class BoundedBodies:
    """The WSGI application *app*, which finds each body read, or what to answer instead of it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.registry = app.registry
        self.max_body = find_greatest_limit(app.registry)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with _spooled() as kept:
            body: IO[bytes] = kept
            try:
                _fill(body, environ, find_limit(environ, self.registry))
            except HTTPException as error:
                environ[REFUSED] = error
                body = BytesIO()
            environ["CONTENT_LENGTH"] = str(body.seek(0, SEEK_END))
            body.seek(0)
            environ["wsgi.input"] = body
            environ["webob.is_body_seekable"] = True
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


@contextmanager
def _spooled() -> Iterator[IO[bytes]]:
    body = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closing it may fail, see below
    try:
        yield body
    finally:
        with suppress(OSError):  # what is still to be written on a full disk
            body.close()


def _fill(body: IO[bytes], environ: dict[str, Any], limit: int) -> None:
    """Read what was sent into *body*; raise what is to be answered where it cannot be taken."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        if not (length.isascii() and length.isdigit()):
            raise _cut_off()
        # Python takes a number of thousands of digits for none.
        rest = int(length) if len(length) <= MAX_DIGITS else 10**MAX_DIGITS
        if rest:
            with _Source(environ) as source:
                _fill_by_length(body, source, rest, limit)
    elif environ.get("wsgi.input_terminated"):
        with _Source(environ) as source:
            _fill_to_the_end(body, source, limit)
    elif "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        # uwsgi would have it read in a way of its own; what is in front of it sends a length.
        raise HTTPLengthRequired(_("What you sent does not say how long it is (Content-Length)."))


def _fill_by_length(body: IO[bytes], source: _Source, rest: int, limit: int) -> None:
    if rest > limit:
        _discard(source, rest)
        raise too_large(limit)
    while rest and (chunk := source.read(min(rest, _CHUNK))):
        _put(body, chunk)
        rest -= len(chunk)
    if rest:
        raise source.cut_off()


def _fill_to_the_end(body: IO[bytes], source: _Source, limit: int) -> None:
    while chunk := source.read(_CHUNK):
        if body.tell() + len(chunk) > limit:
            _discard(source, DISCARDED)
            raise too_large(limit)
        _put(body, chunk)


class _Source:
    """A body as it comes in, whose sender is hung up on where it takes too long.

    Somebody else must look at the clock: to read from uwsgi or gunicorn is to wait until all that
    was asked for is there, however slowly it comes. Waitress has all of it before it calls.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self._input = environ["wsgi.input"]
        self._connection = _copy_connection(environ)
        self._due = monotonic() + PATIENCE
        self._is_over = False
        self._is_read = Event()
        self._clock = Thread(target=self._watch, args=[self._connection], daemon=True)

    def __enter__(self) -> Self:
        if self._connection:
            self._clock.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._connection:
            self._is_read.set()
            self._clock.join()  # or it might hang up on the next request
            self._connection.close()

    def read(self, size: int) -> bytes:
        """Return *size* octets, or fewer where no more come; raise where they broke off."""
        try:
            chunk: bytes = self._input.read(size)
        except Exception as error:  # of chunks that are none, gunicorn raises kinds of its own
            raise self.cut_off() from error
        self._due += len(chunk) / MIN_RATE
        return chunk

    def cut_off(self) -> HTTPException:
        """Return what is to be answered where there is less than there should be."""
        if self._is_over:
            return HTTPRequestTimeout(_("What you sent came too slowly. Please try again."))
        return _cut_off()

    def _watch(self, connection: socket.socket) -> None:
        while (rest := self._due - monotonic()) > 0:
            if self._is_read.wait(rest):
                return
        self._is_over = True
        with suppress(OSError):  # the sender has gone
            connection.shutdown(socket.SHUT_RD)


def _copy_connection(environ: dict[str, Any]) -> socket.socket | None:
    """Return the connection that a body is read from, where it is still to be read from one.

    It is a copy, since only the server must close its own.
    """
    if "uwsgi.version" in environ:
        number = environ["wsgi.input"].fileno()
    elif "gunicorn.socket" in environ:
        number = environ["gunicorn.socket"].fileno()
    else:
        return None
    return socket.socket(fileno=os.dup(number))


def _put(body: IO[bytes], chunk: bytes) -> None:
    try:
        body.write(chunk)
        body.flush()
    except OSError as error:
        log.error("what was sent cannot be kept in %s: %s", gettempdir(), error.strerror)
        raise HTTPServiceUnavailable(NO_ROOM, headers={"Retry-After": "10"}) from error


def _discard(source: _Source, size: int) -> None:
    rest = min(size, DISCARDED)
    while rest and (chunk := source.read(min(rest, _CHUNK))):
        rest -= len(chunk)


def _cut_off() -> HTTPException:
    return HTTPBadRequest(_("What you sent was cut off on its way."))
