"""The way to a server: a socket of our own, which is shut where somebody would wait without end.

libldap knows no time-out while TLS is agreed on, nor in the middle of a message. So it is given a
socket that is connected already, and whatever it waits for there has an end.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

PORTS = {"ldap": 389, "ldaps": 636}

STARTED = bytes.fromhex("300c 020101 7807 0a0100 0400 0400")
"""The answer that StartTLS, which was asked as the first message, may begin (RFC 4511 §4.14.2)."""


class Transport:
    """A connection to the server of one address; raise `OSError` where it is not reached.

    Where TLS is spoken there from the start, it is libldap's to speak, but after a StartTLS that
    is answered here: on a socket that it was given, libldap begins TLS in no other way.
    """

    def __init__(self, uri: str, seconds: float) -> None:
        try:
            found = _connect(uri, seconds)
        except OSError as error:
            raise OSError(f"cannot be reached: {error.strerror or error}") from None
        found.settimeout(None)
        if urlsplit(uri).scheme == "ldaps":
            found = _after_starttls(found)
        self._socket = found

    def fileno_for_library(self) -> int:
        """Return a descriptor of the socket for libldap, which closes it."""
        return self._socket.dup().detach()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Shut the socket after *seconds*; raise `TimeoutError` for what fails by that."""
        is_late = threading.Event()

        def shut() -> None:
            is_late.set()
            _shut(self._socket)

        timer = threading.Timer(seconds, shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            if is_late.is_set():
                raise TimeoutError(f"no answer within {seconds:g} seconds") from None
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        _shut(self._socket)
        self._socket.close()


def _connect(uri: str, seconds: float) -> socket.socket:
    parts = urlsplit(uri)
    if parts.scheme != "ldapi":
        port = parts.port or PORTS[parts.scheme]
        found = socket.create_connection((parts.hostname or "", port), seconds)
        # Requests are small, and each is waited for.
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found
    found = socket.socket(socket.AF_UNIX)
    try:
        found.settimeout(seconds)
        found.connect(unquote(parts.netloc))
    except OSError:
        found.close()
        raise
    return found


def _after_starttls(server: socket.socket) -> socket.socket:
    """Return a socket on which StartTLS succeeds, and all that follows it goes to *server*."""
    ours, theirs = socket.socketpair()
    ours.sendall(STARTED)
    threading.Thread(target=_pass_on, args=(ours, server), daemon=True).start()
    return theirs


def _pass_on(ours: socket.socket, server: socket.socket) -> None:
    """Pass on what either end says, until one of them ends."""
    with ours, server, selectors.DefaultSelector() as ready, suppress(OSError):
        _tag, length = ours.recv(2, socket.MSG_WAITALL)
        ours.recv(length, socket.MSG_WAITALL)
        ready.register(ours, selectors.EVENT_READ, server)
        ready.register(server, selectors.EVENT_READ, ours)
        while True:
            for key, _events in ready.select():
                data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                if not data:
                    return
                key.data.sendall(data)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
