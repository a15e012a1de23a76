"""A real mail server for the tests, which keeps what it is given."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from pyramid_mailer.mailer import DummyMailer
from pyramid_mailer.message import Message

from tests.servers import free_port

USERNAME, PASSWORD = "tracker", "the mail server's password"


class KeepingMailer(DummyMailer):  # type: ignore[misc]  # pyramid_mailer has no types
    """Keeps in `outbox` what would be sent; each message has its `envelope_sender`."""

    def send_from(self, sender: str, message: Message) -> None:
        message.to_message()  # which finds out what no mail server would take
        message.envelope_sender = sender
        self.outbox.append(message)

    @contextmanager
    def one_connection(self) -> Iterator[KeepingMailer]:
        yield self


class Keeper:
    """Takes every mail, but for those to ``refused@…``."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


class MailServer:
    """What came to the mail server at `port`."""

    def __init__(self, controller: Controller, keeper: Keeper) -> None:
        self.port: int = controller.port
        self.stop = controller.stop
        self._keeper = keeper

    @property
    def envelopes(self) -> list[Envelope]:
        return self._keeper.envelopes

    def wait_for(self, count: int, seconds: float = 60) -> list[Envelope]:
        """Return the mails that have come once there are *count*."""
        deadline = time.monotonic() + seconds
        while len(self.envelopes) < count:
            assert time.monotonic() < deadline, f"{len(self.envelopes)} of {count} mails have come"
            time.sleep(0.02)
        return self.envelopes


@contextmanager
def serve_mail(
    *, tls: ssl.SSLContext | None = None, auth: bool = False, **kw: Any
) -> Iterator[MailServer]:
    """Run a mail server until the block ends; with *tls* it has STARTTLS, and asks for it."""
    keeper = Keeper()

    def authenticate(
        _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        fits = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=fits, handled=False)  # that it says so itself where not

    controller = Controller(
        keeper,
        hostname="127.0.0.1",
        port=free_port(),
        server_hostname="relay.example",  # else it asks the resolver at each connection
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=authenticate if auth else None,
        auth_required=auth,
        auth_require_tls=tls is not None,
        **kw,
    )
    controller.start()
    try:
        yield MailServer(controller, keeper)
    finally:
        if controller.server is not None:
            controller.stop()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server that takes what comes."""
    with serve_mail() as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], tuple[Path, ssl.SSLContext]]:
    """Return a function that makes a certificate for a host, and the context to serve it."""

    def make(host: str) -> tuple[Path, ssl.SSLContext]:
        key, certificate = tmp_path / f"{host}.key", tmp_path / f"{host}.pem"
        kind = "DNS" if any(letter.isalpha() for letter in host) else "IP"
        names = ["-subj", f"/CN={host}", "-addext", f"subjectAltName={kind}:{host}"]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
        files = ["-keyout", key, "-out", certificate]
        subprocess.run([*request, *files], check=True, capture_output=True)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        return certificate, context

    return make
