"""Talks to the mail server: with the line ends that SMTP asks for, and to the right server.

What smtplib and repoze.sendmail leave open: a mail reaches smtplib as octets with bare LF, which a
strict server takes for one long line; TLS would be spoken without looking at the certificate; a
server that has taken a mail and then hangs up would count as one that has not; each mail would be
a connection, and before each the resolver would be asked what this machine is called.
"""

from __future__ import annotations

import ipaddress
import re
import smtplib
import ssl
from contextlib import suppress
from email.message import Message
from email.policy import SMTPUTF8
from typing import Any
from urllib.parse import urlsplit

from repoze.sendmail.encoding import encode_message
from repoze.sendmail.mailer import (
    EHLO_Error,
    ESMTP_NotSupported,
    NotAnEmailMessage,
    SMTPMailer,
    TLS_NotAvailable,
)

from ponytracker.settings import Settings

CONNECT_SECONDS = 10

ANSWER_SECONDS = 30
"""How long an answer to a command may take."""

TAKING_SECONDS = 300
"""How long the server may take over a mail it was given (RFC 5321 §4.5.3.2.6 has ten minutes).

One that was given up too early comes twice.
"""

GOODBYE_SECONDS = 5

_LINE_END = re.compile(rb"\r\n?|\n")


CAUSES = (OSError, smtplib.SMTPException, RuntimeError, UnicodeError)
"""What smtplib and repoze.sendmail raise: no answer, no TLS, a refusal, a name that is none."""


class NoConnection(Exception):
    """The mail server could not be reached, or did not let us in; its cause says why."""


class _Checked(smtplib.SMTP):
    def data(self, msg: Any) -> tuple[int, bytes]:
        _be_patient(self, TAKING_SECONDS)
        taken = super().data(crlf(msg))
        _be_patient(self, ANSWER_SECONDS)
        return taken


class CheckedSMTP(_Checked):
    def starttls(self, *args: Any, **kw: Any) -> tuple[int, bytes]:
        return super().starttls(context=ssl.create_default_context())


class CheckedSMTPOverTLS(_Checked, smtplib.SMTP_SSL):
    pass


class CheckedSMTPMailer(SMTPMailer):
    """Sends each mail by a connection of its own."""

    def __init__(self, *, own_name: str, **kw: Any) -> None:
        super().__init__(**kw)
        self.own_name = own_name

    def smtp_factory(self) -> smtplib.SMTP:
        place = self.hostname, self.port, self.own_name
        if not self.ssl:
            return CheckedSMTP(*place, timeout=CONNECT_SECONDS)
        context = ssl.create_default_context()
        return CheckedSMTPOverTLS(*place, timeout=CONNECT_SECONDS, context=context)

    def send(self, fromaddr: str, toaddrs: set[str], message: Message) -> None:
        connection = self.connect()
        try:
            self.send_over(connection, fromaddr, toaddrs, message)
        finally:
            hang_up(connection)

    def connect(self) -> smtplib.SMTP:
        """Return a connection to the mail server, with TLS and signed in where that was asked for.

        Raise `NoConnection`.
        """
        try:
            connection = self.smtp_factory()
        except CAUSES as error:
            raise NoConnection from error
        try:
            _be_patient(connection, ANSWER_SECONDS)
            _greet(connection)
            if self.force_tls:
                if not connection.has_extn("starttls"):
                    raise TLS_NotAvailable
                connection.starttls()
                _greet(connection)
            if self.username and not connection.does_esmtp:
                raise ESMTP_NotSupported
            if self.username:
                connection.login(self.username, self.password)
        except CAUSES as error:
            connection.close()
            raise NoConnection from error
        return connection

    def send_over(
        self, connection: smtplib.SMTP, fromaddr: str, toaddrs: set[str], message: Message
    ) -> None:
        """Hand over *message*; when this returns, the server has taken it."""
        if not isinstance(message, Message):
            raise NotAnEmailMessage
        if all(address.isascii() for address in (fromaddr, *toaddrs)):
            connection.sendmail(fromaddr, list(toaddrs), encode_message(message))
            return
        # RFC 6531: the addresses are in it as they are. Folded anew, long words would be encoded.
        octets = message.as_bytes(policy=SMTPUTF8.clone(refold_source="none"))
        connection.sendmail(fromaddr, list(toaddrs), octets, ["SMTPUTF8", "BODY=8BITMIME"])


class KeptSMTPMailer(CheckedSMTPMailer):
    """Sends many mails by one connection: the first opens it, and a failure too ends it."""

    _kept: smtplib.SMTP | None = None

    def send(self, fromaddr: str, toaddrs: set[str], message: Message) -> None:
        if self._kept is None:
            self._kept = self.connect()
        try:
            self.send_over(self._kept, fromaddr, toaddrs, message)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            hang_up(kept)


def hang_up(connection: smtplib.SMTP) -> None:
    """End *connection*; how it ends changes nothing for the mails that were taken."""
    with suppress(smtplib.SMTPException, OSError):
        _be_patient(connection, GOODBYE_SECONDS)
        connection.quit()
    connection.close()


def _be_patient(connection: smtplib.SMTP, seconds: float) -> None:
    """Wait for answers so long from now on; a connection that has ended needs no patience."""
    if connection.sock is not None:
        connection.sock.settimeout(seconds)


def _greet(connection: smtplib.SMTP) -> None:
    code, response = connection.ehlo()
    if not 200 <= code < 300:
        code, response = connection.helo()
    if not 200 <= code < 300:
        raise EHLO_Error(code, response)


def crlf(message: str | bytes) -> bytes:
    """Return *message* with every line ended by CRLF."""
    octets = message.encode("ascii") if isinstance(message, str) else message
    return _LINE_END.sub(b"\r\n", octets)


def make_smtp_mailer(
    settings: Settings, kind: type[CheckedSMTPMailer] = CheckedSMTPMailer
) -> CheckedSMTPMailer:
    """Return what sends by the mail server of *settings*."""
    return kind(
        own_name=own_name(settings.base_url),
        hostname=settings.mail_host,
        port=settings.mail_port,
        username=settings.mail_username or None,
        password=settings.mail_password or None,
        force_tls=settings.mail_tls,
        no_tls=not settings.mail_tls,
        ssl=settings.mail_ssl,
    )


def own_name(base_url: str) -> str:
    """Return what a tracker at *base_url* calls itself to mail servers (RFC 5321 §4.1.3)."""
    host = urlsplit(base_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.encode("idna").decode()
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
