"""A proxy in front of an LDAP server that spoils what it answers, message by message.

It knows as much of BER as it takes to find where a message ends and which operation it is of
(RFC 4511 §4.1.1): ``30 LENGTH 02 LENGTH id OPERATION LENGTH …``.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

BIND_RESPONSE, ENTRY, DONE, REFERENCE = 0x61, 0x64, 0x65, 0x73

TIME_LIMIT_EXCEEDED, SIZE_LIMIT_EXCEEDED, REFERRAL, BUSY, UNAVAILABLE = 3, 4, 10, 51, 52
CONSTRAINT_VIOLATION = 19
INVALID_CREDENTIALS, INSUFFICIENT_ACCESS, OPERATIONS_ERROR = 49, 50, 1

Fault = Callable[["Message"], "bytes | None"]
"""Takes a message of the server; returns what is sent on, or nothing to end the connection."""


class Message:
    """One LDAPMessage of the server; *number* counts those of its kind on this connection."""

    def __init__(self, octets: bytes, number: int) -> None:
        self.octets = octets
        self.number = number
        self.id, self.kind = parse(octets)


def parse(octets: bytes) -> tuple[bytes, int]:
    """Return the encoded message id and the tag of the operation."""
    _length, start = length_of(octets, 1)
    end = start + 2 + octets[start + 1]
    return octets[start:end], octets[end]


def length_of(octets: bytes, at: int) -> tuple[int, int]:
    """Return the length that stands at *at*, and where what has that length begins."""
    first = octets[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    return int.from_bytes(octets[at + 1 : at + 1 + count]), at + 1 + count


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 0x80 else b"\x82" + length.to_bytes(2)
    return bytes([tag]) + size + content


def result(message: Message, code: int, kind: int | None = None) -> bytes:
    """Return the answer to the same request that ends it with *code*."""
    body = tlv(0x0A, bytes([code])) + tlv(0x04, b"") + tlv(0x04, b"spoilt by the proxy")
    if code == REFERRAL:
        body += tlv(0xA3, tlv(0x04, b"ldap://elsewhere.example.org/"))
    return tlv(0x30, message.id + tlv(kind or message.kind, body))


def reference(message: Message) -> bytes:
    """Return a continuation reference, which says that a part of the tree is elsewhere."""
    return tlv(0x30, message.id + tlv(REFERENCE, tlv(0x04, b"ldap://elsewhere.example.org/dc=x")))


class Proxy:
    """Passes on what *server* answers, spoilt by `fault`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.fault: Fault = lambda message: message.octets
        self.refuses = False
        self.ended = threading.Event()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.uri = f"ldap://127.0.0.1:{self.server.server_address[1]}"

    def serve(self, client: socket.socket) -> None:
        if self.refuses:
            return
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
            counts: dict[int, int] = {}
            for octets in _messages(server):
                _id, kind = parse(octets)
                counts[kind] = counts.get(kind, 0) + 1
                answer = self.fault(Message(octets, counts[kind]))
                if answer is None:
                    break
                try:
                    client.sendall(answer)
                except OSError:
                    break
            _close(client)
            _close(server)

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65_536):
                server.sendall(data)
        except OSError:
            pass
        _close(server)

    def silence(self, _message: Message) -> bytes:
        """Answer nothing more until the test is over."""
        self.ended.wait(60)
        return b""


def _messages(server: socket.socket) -> Iterator[bytes]:
    buffer = b""
    while True:
        while len(buffer) >= 6:
            length, start = length_of(buffer, 1)
            if len(buffer) < start + length:
                break
            yield buffer[: start + length]
            buffer = buffer[start + length :]
        try:
            data = server.recv(65_536)
        except OSError:
            return
        if not data:
            return
        buffer += data


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def silence(answer: bytes = b"") -> Iterator[int]:
    """Listen on a port, give *answer* to the first that somebody says, and nothing more."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(65_536)
                self.request.sendall(answer)
                while self.request.recv(65_536):
                    pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@contextmanager
def proxy(port: int) -> Iterator[Any]:
    """Run a proxy in front of the server on *port*."""
    running = Proxy(port)
    thread = threading.Thread(target=running.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.ended.set()
        running.server.shutdown()
        running.server.server_close()
