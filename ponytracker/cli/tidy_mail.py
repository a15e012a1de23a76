"""``ponytracker tidy-mail``: forgets received mails that are older than they are to be kept."""

from __future__ import annotations

from pathlib import Path

import click

from ponytracker.cli.site import ini_option, open_site
from ponytracker.inbound.log import tidy

BATCH = 100
"""Mails that are forgotten in one transaction."""


@click.command("tidy-mail")
@ini_option
def tidy_mail(ini: Path) -> None:
    """Forget received mails that are older than ponytracker.mail_retention_days.

    Their lines in the log stay. A few also go whenever a mail comes in; this is for a site to which
    little comes.
    """
    site = open_site(ini)
    total = 0
    while True:
        with site.database.session(write=True) as session, session.begin():
            forgotten = tidy(session, site.settings.mail_retention_days, BATCH)
        total += forgotten
        if forgotten < BATCH:
            break
    click.echo(f"{total} received mails forgotten.")
