"""Talks to the mail server: with the line ends that SMTP asks for, and to the right server.

What smtplib and repoze.sendmail leave open: a mail reaches smtplib as octets with bare LF, which a
strict server takes for one long line; and TLS would be spoken without looking at the certificate.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from typing import Any

from repoze.sendmail.mailer import SMTPMailer

from ponytracker.settings import Settings

_LINE_END = re.compile(rb"\r\n?|\n")


class CheckedSMTP(smtplib.SMTP):
    def data(self, msg: Any) -> tuple[int, bytes]:
        return super().data(crlf(msg))

    def starttls(self, *args: Any, **kw: Any) -> tuple[int, bytes]:
        return super().starttls(context=ssl.create_default_context())


class CheckedSMTPOverTLS(smtplib.SMTP_SSL):
    def __init__(self, host: str, port: str, *, timeout: float) -> None:
        super().__init__(host, int(port), timeout=timeout, context=ssl.create_default_context())

    def data(self, msg: Any) -> tuple[int, bytes]:
        return super().data(crlf(msg))


class CheckedSMTPMailer(SMTPMailer):
    smtp = CheckedSMTP
    smtp_ssl = CheckedSMTPOverTLS


def crlf(message: str | bytes) -> bytes:
    """Return *message* with every line ended by CRLF."""
    octets = message.encode("ascii") if isinstance(message, str) else message
    return _LINE_END.sub(b"\r\n", octets)


def make_smtp_mailer(settings: Settings) -> CheckedSMTPMailer:
    """Return what sends by the mail server of *settings*."""
    return CheckedSMTPMailer(
        hostname=settings.mail_host,
        port=settings.mail_port,
        username=settings.mail_username or None,
        password=settings.mail_password or None,
        force_tls=settings.mail_tls,
        no_tls=not settings.mail_tls,
        ssl=settings.mail_ssl,
    )
