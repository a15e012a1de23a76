"""``ponytracker refresh-html``: brings stored HTML up to the renderer of this version."""

from __future__ import annotations

from pathlib import Path

import click

from ponytracker.cli.site import ini_option, open_site
from ponytracker.issues.service import refresh_html

BATCH = 200
"""Texts rendered in one transaction, so that a running site is never kept waiting for long."""


@click.command("refresh-html")
@ini_option
def refresh(ini: Path) -> None:
    """Render again the texts that an older version of PonyTracker has rendered.

    Pages show what is stored, so after an upgrade that renders better this shows it everywhere. It
    may run beside the tracker, and be stopped and run again.
    """
    site = open_site(ini)
    last_id, total = 0, 0
    while True:
        with site.database.session(write=True) as session, session.begin():
            refreshed = refresh_html(session, after_id=last_id, limit=BATCH)
            if not refreshed:
                break
            last_id = refreshed[-1]
            total += len(refreshed)
    click.echo(f"{total} texts rendered again.")
