"""How much may be sent: what is larger is refused while it is read, before any of it is stored.

Whatever the server, Pyramid finds a body that is whole, can be read again, and has a length. That
is a layer before Pyramid, since ``pyramid_retry`` copies all of a body before the first tween runs.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import SEEK_END, BytesIO
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Any

from pyramid.httpexceptions import (
    HTTPBadRequest,
    HTTPException,
    HTTPLengthRequired,
    HTTPRequestEntityTooLarge,
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
    source = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        if not (length.isascii() and length.isdigit()):
            raise _cut_off()
        # Python takes a number of thousands of digits for none.
        rest = int(length) if len(length) <= MAX_DIGITS else 10**MAX_DIGITS
        if rest > limit:
            _discard(source.read, rest)
            raise too_large(limit)
        while rest and (chunk := _get(source.read, min(rest, _CHUNK))):
            _put(body, chunk)
            rest -= len(chunk)
        if rest:
            raise _cut_off()
    elif environ.get("wsgi.input_terminated"):
        while chunk := _get(source.read, _CHUNK):
            if body.tell() + len(chunk) > limit:
                _discard(source.read, DISCARDED)
                raise too_large(limit)
            _put(body, chunk)
    elif "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        # uwsgi would have it read in a way of its own; what is in front of it sends a length.
        raise HTTPLengthRequired(_("What you sent does not say how long it is (Content-Length)."))


def _get(read: Callable[[int], bytes], size: int) -> bytes:
    try:
        return read(size)
    except OSError as error:
        raise _cut_off() from error


def _put(body: IO[bytes], chunk: bytes) -> None:
    try:
        body.write(chunk)
        body.flush()
    except OSError as error:
        log.error("what was sent cannot be kept in %s: %s", gettempdir(), error.strerror)
        raise HTTPServiceUnavailable(NO_ROOM, headers={"Retry-After": "10"}) from error


def _discard(read: Callable[[int], bytes], size: int) -> None:
    rest = min(size, DISCARDED)
    while rest and (chunk := _get(read, min(rest, _CHUNK))):
        rest -= len(chunk)


def _cut_off() -> HTTPException:
    return HTTPBadRequest(_("What you sent was cut off on its way."))
