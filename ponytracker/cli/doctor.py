"""``ponytracker doctor``: whether all that the tracker needs is there, and what to do where not."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import smtplib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import alembic.config
import alembic.script
import click
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.orm import Session

from ponytracker.cli.site import Site, ini_option, open_site
from ponytracker.mail import why
from ponytracker.mail.smtp import NoConnection, hang_up, make_smtp_mailer
from ponytracker.models import MailState
from ponytracker.models.base import now
from ponytracker.notifications import outbox
from ponytracker.settings import Settings

LATE = dt.timedelta(minutes=5)
"""What has been due for longer than this nobody sees to: somebody sweeps each minute."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing, in one line."""

    mark: str
    text: str


def _well(text: str) -> Finding:
    return Finding("ok", text)


def _off(text: str) -> Finding:
    return Finding("off", text)


def _wrong(text: str) -> Finding:
    return Finding("WRONG", text)


@click.command()
@ini_option
def doctor(ini: Path) -> None:
    """Look whether all that the tracker needs is there: one line for each thing.

    Ends with 1 where something is WRONG; what is off is not set up. Nothing is changed, no mail is
    sent, and no password is shown.
    """
    site = open_site(ini)
    has_faults = False
    for finding in examine(site):
        click.echo(f"{finding.mark:5}  {finding.text}")
        has_faults |= finding.mark == "WRONG"
    if has_faults:
        raise click.exceptions.Exit(1)


def examine(site: Site) -> Iterator[Finding]:
    """Yield what there is to be said of *site*."""
    with site.database.session(write=False) as session:
        yield _database(site.ini, session)
    yield _mail_server(site.settings)
    if site.settings.celery_enabled:
        yield _workers(site)
    with site.database.session(write=False) as session:
        yield from _outbox(site, session)
    yield _mail_in(site.settings)
    yield _attachments(site.settings)


def _database(ini: Path, session: Session) -> Finding:
    there = set(MigrationContext.configure(session.connection()).get_current_heads())
    try:
        scripts = alembic.script.ScriptDirectory.from_config(alembic.config.Config(str(ini)))
    except CommandError:
        return _wrong(
            f"Database: the migrations are not where {ini} says: see script_location in its section"
            " [alembic]."
        )
    wanted = scripts.get_heads()
    if there != set(wanted):
        return _wrong(
            f"Database: it is at {', '.join(sorted(there)) or 'nothing'}, this version needs"
            f" {', '.join(wanted)}. Bring it up to date: alembic -c {ini} upgrade head"
        )
    return _well(f"Database: {session.get_bind().dialect.name}, at its newest ({wanted[0]}).")


def _mail_server(settings: Settings) -> Finding:
    if not settings.mail_default_sender:
        return _off("Mail out: none is sent. Set mail.default_sender to who it is from.")
    place = f"{settings.mail_host}:{settings.mail_port}"
    try:
        hang_up(make_smtp_mailer(settings).connect())
    except NoConnection as error:
        cause = error.__cause__
        return _wrong(f"Mail server: {place}, {why(cause)}. {_advice(cause)}")
    by = "TLS" if settings.mail_tls or settings.mail_ssl else "no TLS"
    signed_in = f", signed in as {settings.mail_username}" if settings.mail_username else ""
    return _well(f"Mail server: {place} answers, {by}{signed_in}.")


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


def _workers(site: Site) -> Finding:
    # Here, since it takes long to load and most sites have none.
    from ponytracker.celery import FAILURES, count_workers

    try:
        count = count_workers(site.settings)
    except FAILURES as error:
        return _wrong(
            f"Workers: the broker does not answer ({type(error).__name__}). Is Redis running, and"
            " is celery.broker_url right? Mail is delivered once both are."
        )
    if not count:
        return _wrong(f"Workers: none answers. Start one: tools/worker.sh {site.ini}")
    return _well(f"Workers: {count} {'answers' if count == 1 else 'answer'}.")


def _outbox(site: Site, session: Session) -> Iterator[Finding]:
    counts = outbox.count_by_state(session)
    owed, failed = counts[MailState.OWED], counts[MailState.FAILED]
    errors = "; ".join(f"{count:,} {error}" for error, count in outbox.list_errors(session))
    said = f" Last errors: {errors}." if errors else ""
    late = outbox.count_late(session, now() - LATE)
    if late and site.settings.mail_default_sender:
        oldest = f"{late:,} should have been tried more than {LATE.seconds // 60} minutes ago"
        yield _wrong(
            f"Owed mail: {owed:,}, of which {oldest}. Is the tracker, a worker or a cron job"
            f" running? To send them now: ponytracker deliver-mail --ini {site.ini}{said}"
        )
    else:
        yield _well(f"Owed mail: {owed:,}.{said}")
    if failed:
        yield _wrong(
            f"Failed mail: {failed:,} were given up after three days. Once it can work, try them"
            f" again at {site.settings.base_url}/admin/outbox/?state=failed"
        )


def _mail_in(settings: Settings) -> Finding:
    if settings.takes_mail:
        return _well(f"Mail in: answers come to {settings.reply_email}.")
    missing = [
        name
        for name, value in (
            ("ponytracker.reply_email", settings.reply_email),
            ("ponytracker.email_key", settings.email_key),
        )
        if not value
    ]
    text = f"Mail in: nobody can answer by mail. Set {' and '.join(missing)}."
    return _off(text) if len(missing) == 2 else _wrong(text)


def _attachments(settings: Settings) -> Finding:
    folder = settings.attachments_dir
    if folder is None:
        return _off("Attachments: none are taken. Set ponytracker.attachments_dir to a folder.")
    if not folder.is_dir():
        there = next(parent for parent in folder.parents if parent.exists())
        if _can_write(there):
            return _well(f"Attachments: {folder} will be made for the first of them.")
        return _wrong(
            f"Attachments: there is no folder {folder}. Make it, for the user as whom the tracker"
            " runs."
        )
    if not _can_write(folder):
        return _wrong(
            f"Attachments: {folder} cannot be written to by this user. As whom the tracker runs,"
            " it must be able to."
        )
    return _well(f"Attachments: {folder} can be written to.")


def _can_write(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)
