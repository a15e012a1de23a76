"""Mail that goes out: composed from a template, sent by pyramid_mailer.

A template begins with a line ``Subject: …`` and a blank one; the rest is the text. Its name ends in
``.txt``: nothing in it is escaped for HTML.
"""

from __future__ import annotations

import smtplib
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

from ponytracker.mail.smtp import make_smtp_mailer

FAILURES = (OSError, smtplib.SMTPException, RuntimeError, UnicodeError, BadHeaders, InvalidMessage)
"""What sending may raise: no answer, a refusal, no TLS, an address that cannot be written."""


class NotSent(Exception):
    """A mail could not be handed to the mail server; the text says why, and nothing of the mail."""


def send(registry: Any, recipient: str, template: str, **values: Any) -> None:
    """Compose *template* with *values* and hand it to the mail server; raise `NotSent`.

    This takes as long as the mail server takes: not to be called while a request is answered.
    """
    message = compose(registry, recipient, template, **values)
    try:
        get_mailer(registry).send_immediately(message)
    except FAILURES as error:
        raise NotSent(_why(error)) from None


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


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    return type(error).__name__


def includeme(config: Any) -> None:
    settings = config.registry["ponytracker.settings"]
    mailer = Mailer(
        smtp_mailer=make_smtp_mailer(settings), default_sender=settings.mail_default_sender
    )
    config.registry.registerUtility(mailer, IMailer)
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
