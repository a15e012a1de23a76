"""Mail that goes out: composed from a template, sent by pyramid_mailer.

A template begins with a line ``Subject: …`` and a blank one; the rest is the text. Its name ends in
``.txt``: nothing in it is escaped for HTML.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any

from pyramid.renderers import render
from pyramid.request import Request
from pyramid.threadlocal import RequestContext
from pyramid_mailer import get_mailer
from pyramid_mailer.exceptions import BadHeaders, InvalidMessage
from pyramid_mailer.interfaces import IMailer
from pyramid_mailer.mailer import Mailer
from pyramid_mailer.message import Message

from ponytracker.mail.smtp import CheckedSMTPMailer, KeptSMTPMailer, NoConnection, make_smtp_mailer
from ponytracker.settings import Settings

FAILURES = (OSError, smtplib.SMTPException, RuntimeError, UnicodeError, BadHeaders, InvalidMessage)
"""What sending may raise: no answer, a refusal, an address that cannot be written."""


_ENHANCED_CODE = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")
"""What some servers say more exactly by (RFC 3463); what follows may repeat the mail."""


class NotSent(Exception):
    """A mail could not be handed to the mail server; the text says why, and nothing of the mail."""


class NoServer(NotSent):
    """Nor would another mail be: the server is not there, not the right one, or lets nobody in."""


class SiteMailer(Mailer):
    """pyramid_mailer's, which also sends from another address than the one the mail shows."""

    def __init__(self, settings: Settings, kind: type[CheckedSMTPMailer]) -> None:
        smtp_mailer = make_smtp_mailer(settings, kind)
        super().__init__(smtp_mailer=smtp_mailer, default_sender=settings.mail_default_sender)
        self.settings = settings

    def send_from(self, sender: str, message: Message) -> None:
        message.sender = message.sender or self.default_sender
        self.smtp_mailer.send(sender, message.send_to, message.to_message())

    @contextmanager
    def one_connection(self) -> Iterator[SiteMailer]:
        """Yield a mailer that keeps its connection until the block ends; it is for one thread."""
        mailer = SiteMailer(self.settings, KeptSMTPMailer)
        try:
            yield mailer
        finally:
            mailer.smtp_mailer.close()


def send(registry: Any, recipient: str, template: str, **values: Any) -> None:
    """Compose *template* with *values* and hand it to the mail server; raise `NotSent`.

    This takes as long as the mail server takes: not to be called while a request is answered.
    """
    message = compose(registry, recipient, template, **values)
    with _failures():
        get_mailer(registry).send_immediately(message)


def send_message(registry: Any, message: Message, *, sender: str) -> None:
    """Hand *message* to the mail server, its envelope from *sender*; raise `NotSent`.

    A *sender* that is empty gets no answer, not even that the mail did not arrive. This takes as
    long as the mail server takes.
    """
    with connection(registry) as relay:
        relay.send(message, sender=sender)


class Relay:
    """The way to the mail server; it is there once the first mail is sent."""

    def __init__(self, mailer: SiteMailer) -> None:
        self._mailer = mailer

    def send(self, message: Message, *, sender: str) -> None:
        """Hand over *message*, its envelope from *sender*; raise `NotSent`."""
        with _failures():
            self._mailer.send_from(sender, message)


@contextmanager
def connection(registry: Any) -> Iterator[Relay]:
    """Yield the way to the mail server, for many mails one after the other."""
    with get_mailer(registry).one_connection() as mailer:
        yield Relay(mailer)


def compose(registry: Any, recipient: str, template: str, **values: Any) -> Message:
    """Return the mail that *template* makes of *values*, which have `base_url` beside them."""
    settings = registry["ponytracker.settings"]
    # Templates translate by the request at hand; this one stands for the site.
    request = Request.blank("/", base_url=settings.base_url)
    request.registry = registry
    with RequestContext(request):
        raw = render(template, {**values, "base_url": settings.base_url}, request)
    head, _blank, text = raw.partition("\n\n")
    domain = parseaddr(settings.mail_default_sender)[1].rpartition("@")[2]
    return Message(
        subject=" ".join(head.removeprefix("Subject:").split()),
        sender=settings.mail_default_sender,
        recipients=[recipient],
        body=text,
        extra_headers={
            "Date": formatdate(usegmt=True),
            "Message-ID": make_msgid(domain=domain),
            # Nobody's holiday notice is to answer (RFC 3834).
            "Auto-Submitted": "auto-generated",
        },
    )


@contextmanager
def _failures() -> Iterator[None]:
    """Make of what sending may raise something that tells nothing of the mail."""
    try:
        yield
    except NoConnection as error:
        raise NoServer(why(error.__cause__)) from None
    except TimeoutError as error:
        raise NoServer(why(error)) from None
    except FAILURES as error:
        raise NotSent(why(error)) from None


def why(error: BaseException | None) -> str:
    """Return what *error* says of the mail server, and nothing that was in the mail."""
    name = type(error).__name__
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        # A mail of ours has one recipient.
        return " ".join([name, *(_codes(*answer) for answer in error.recipients.values())][:2])
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{name} {_codes(error.smtp_code, error.smtp_error)}"
    return name


def _codes(code: int, text: bytes | str) -> str:
    octets = text.encode() if isinstance(text, str) else text
    found = _ENHANCED_CODE.match(octets)
    return f"{code} {found[0].decode()}" if found else str(code)


def includeme(config: Any) -> None:
    settings = config.registry["ponytracker.settings"]
    config.registry.registerUtility(SiteMailer(settings, CheckedSMTPMailer), IMailer)
    # What is written into a mail is plain text, where HTML's escapes would be read as they are.
    config.add_settings({f"mail.{key}": value for key, value in TEMPLATES.items()})
    config.add_jinja2_renderer(".txt", settings_prefix="mail.jinja2.")


TEMPLATES = {
    "jinja2.autoescape": "false",
    "jinja2.i18n.domain": "ponytracker",
    "jinja2.trim_blocks": "true",
    "jinja2.lstrip_blocks": "true",
    "jinja2.newstyle": "true",
    "jinja2.undefined": "strict",
}
