"""Looks at mail: the server that takes it, what is owed, and whether answers come in."""

from __future__ import annotations

import datetime as dt
import smtplib
import socket
import ssl
from collections.abc import Iterator

from sqlalchemy.orm import Session

from ponytracker.mail import why
from ponytracker.mail.smtp import NoConnection, hang_up, make_smtp_mailer
from ponytracker.models import MailState
from ponytracker.models.base import now
from ponytracker.notifications import outbox
from ponytracker.operations.findings import Finding, off, well, wrong
from ponytracker.operations.site import Site
from ponytracker.settings import Settings

LATE = dt.timedelta(minutes=5)
"""What has been due for longer than this nobody sees to: somebody sweeps each minute."""


def check_mail_server(site: Site) -> Iterator[Finding]:
    yield _mail_server(site.settings)


def _mail_server(settings: Settings) -> Finding:
    if not settings.mail_default_sender:
        return off("Mail out: none is sent. Set mail.default_sender to who it is from.")
    place = f"{settings.mail_host}:{settings.mail_port}"
    try:
        hang_up(make_smtp_mailer(settings).connect())
    except NoConnection as error:
        cause = error.__cause__
        return wrong(f"Mail server: {place}, {why(cause)}. {_advice(cause)}")
    by = "TLS" if settings.mail_tls or settings.mail_ssl else "no TLS"
    signed_in = f", signed in as {settings.mail_username}" if settings.mail_username else ""
    return well(f"Mail server: {place} answers, {by}{signed_in}.")


def _advice(cause: BaseException | None) -> str:
    match cause:
        case socket.gaierror():
            return "There is no machine of that name: see mail.host."
        case ssl.SSLCertVerificationError():
            return (
                "Its certificate is not trusted here, or is for another name: see mail.host, and"
                " SSL_CERT_FILE for an authority of your own."
            )
        case ssl.SSLError():
            return "It does not speak TLS like this: see mail.tls, mail.ssl and mail.port."
        case smtplib.SMTPAuthenticationError():
            return "It does not let us in: see mail.username and mail.password."
        case smtplib.SMTPNotSupportedError():
            return "It takes no sign-in, or only with TLS: see mail.tls and mail.username."
        case smtplib.SMTPServerDisconnected():
            return "It hung up: does it let this machine in, and mail.username?"
        case RuntimeError():
            return "It does not offer what is asked for: see mail.tls."
    return "Nobody answers there: is it running, and are mail.host and mail.port right?"


def check_outbox(site: Site) -> Iterator[Finding]:
    with site.database.session(write=False) as session:
        yield from _outbox(site, session)


def _outbox(site: Site, session: Session) -> Iterator[Finding]:
    counts = outbox.count_by_state(session)
    owed, failed = counts[MailState.OWED], counts[MailState.FAILED]
    errors = "; ".join(f"{count:,} {error}" for error, count in outbox.list_errors(session))
    said = f" Last errors: {errors}." if errors else ""
    late = outbox.count_late(session, now() - LATE)
    if late and site.settings.mail_default_sender:
        oldest = f"{late:,} should have been tried more than {LATE.seconds // 60} minutes ago"
        yield wrong(
            f"Owed mail: {owed:,}, of which {oldest}. Is the tracker, a worker or a cron job"
            f" running? To send them now: ponytracker deliver-mail --ini {site.ini}{said}"
        )
    else:
        yield well(f"Owed mail: {owed:,}.{said}")
    if failed:
        yield wrong(
            f"Failed mail: {failed:,} were given up after three days. Once it can work, try them"
            f" again at {site.settings.base_url}/admin/outbox/?state=failed"
        )


def check_mail_in(site: Site) -> Iterator[Finding]:
    yield _mail_in(site.settings)


def _mail_in(settings: Settings) -> Finding:
    if settings.takes_mail:
        return well(f"Mail in: answers come to {settings.reply_email}.")
    missing = [
        name
        for name, value in (
            ("ponytracker.reply_email", settings.reply_email),
            ("ponytracker.email_key", settings.email_key),
        )
        if not value
    ]
    text = f"Mail in: nobody can answer by mail. Set {' and '.join(missing)}."
    return off(text) if len(missing) == 2 else wrong(text)
