"""A mail relay as strict as they come, which can be told to refuse, and remembers what it took."""

from __future__ import annotations

import email
import email.policy
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope

from tests.servers import free_port


class Taken(NamedTuple):
    """A mail that the relay has answered 250 to."""

    message_id: str
    recipient: str
    event_id: int


class Relay:
    """Takes what is well formed, but for while it is told to `refuse`."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.faults: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.without_tls = 0
        self._answers: Iterator[tuple[str, str]] | None = None
        self._lock = threading.Lock()

    def refuse(self, *answers: tuple[str, str]) -> None:
        """From now on give *answers* in turn, each at its command: ``("RCPT", "451 later")``."""
        self._answers = cycle(answers)

    def take_all(self) -> None:
        self._answers = None

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how often each mail has come to each recipient."""
        with self._lock:
            return Counter((mail.message_id, mail.recipient) for mail in self.taken)

    def wait_for(self, is_so: Callable[[Relay], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not is_so(self):
            told = f"{what}: {len(self.taken)} taken, refused {dict(self.refusals)}"
            assert time.monotonic() < deadline, told
            time.sleep(0.05)

    # What follows has the names that aiosmtpd looks for.

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.without_tls += session.ssl is None
        session.refusal = next(self._answers) if self._answers else ("", "")
        envelope.mail_from = address
        return self._refused("MAIL", session) or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refused = self._refused("RCPT", session)
        if not refused:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if refused := self._refused("DATA", session):
            return refused
        octets = envelope.original_content or b""
        lines = octets.split(b"\r\n")
        if any(b"\n" in line or b"\r" in line for line in lines):
            self.faults.append("a line that does not end with CRLF")
        if max(map(len, lines)) > 998:
            self.faults.append("a line of more than 998 octets")
        if not octets.isascii():
            self.faults.append("more than ASCII")
        mail = email.message_from_bytes(octets, policy=email.policy.default)
        if mail.defects or any(part.defects for part in mail.walk()):
            self.faults.append(f"not well formed: {mail.defects}")
        with self._lock:
            for recipient in envelope.rcpt_tos:
                event_id = int(mail["X-PonyTracker-Event"])
                self.taken.append(Taken(mail["Message-ID"], recipient, event_id))
        return "250 OK"

    def _refused(self, command: str, session: Any) -> str:
        at, answer = session.refusal
        if at != command:
            return ""
        self.refusals[answer.split()[0]] += 1
        return str(answer)


@contextmanager
def serve_relay(context: ssl.SSLContext) -> Iterator[tuple[Relay, int]]:
    """Run a relay that takes no mail without STARTTLS, on a port of this machine."""
    relay, port = Relay(), free_port()
    controller = Controller(
        relay,
        hostname="127.0.0.1",
        port=port,
        server_hostname="relay.example",  # else it asks the resolver at each connection
        tls_context=context,
        require_starttls=True,
    )
    controller.start()
    try:
        yield relay, port
    finally:
        controller.stop()


def make_authority(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """Make an authority of certificates and one by it for *host*; return the authority's own."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl(
        "req", "-x509", *key, "-days", "2", "-subj", "/CN=Our own authority",
        "-keyout", "ca.key", "-out", "ca.pem",
    )  # fmt: skip
    openssl("req", *key, "-subj", f"/CN={host}", "-keyout", "relay.key", "-out", "relay.csr")
    (folder / "names").write_text(f"subjectAltName=DNS:{host}\n")
    openssl(
        "x509", "-req", "-in", "relay.csr", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-extfile", "names", "-out", "relay.pem",
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "relay.pem", folder / "relay.key")
    return folder / "ca.pem", context
