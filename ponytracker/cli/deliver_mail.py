"""``ponytracker deliver-mail``: sends what is owed, for cron or by hand."""

from __future__ import annotations

from pathlib import Path

import click

from ponytracker.cli.site import ini_option, open_site
from ponytracker.models import MailState
from ponytracker.notifications import make_registry
from ponytracker.notifications.delivery import sweep
from ponytracker.notifications.outbox import count_by_state


@click.command("deliver-mail")
@ini_option
def deliver_mail(ini: Path) -> None:
    """Send the mails that are owed and due; end with 1 where one could not be sent.

    The tracker sends them itself, or a worker does; this is for the mails that they leave, say each
    minute by cron. It may run beside them, and several times at once.
    """
    site = open_site(ini)
    if not site.settings.mail_default_sender:
        raise click.ClickException(
            f"{ini}: no mail is sent, since 'mail.default_sender' does not say who it is from."
        )
    delivered = sweep(make_registry(site.settings, site.database))
    with site.database.session(write=False) as session:
        counts = count_by_state(session)
    click.echo(
        f"{delivered.sent:,} sent, {delivered.dropped:,} dropped,"
        f" {counts[MailState.OWED]:,} still owed, {counts[MailState.FAILED]:,} failed."
    )
    if delivered.no_server:
        raise click.ClickException(
            f"The mail server {site.settings.mail_host}:{site.settings.mail_port} cannot be spoken"
            f" to ({delivered.no_server}). `ponytracker doctor --ini {ini}` says more."
        )
    if delivered.postponed:
        raise click.ClickException(
            f"{delivered.postponed:,} could not be sent, and will be tried again."
        )
