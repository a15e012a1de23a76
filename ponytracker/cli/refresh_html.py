"""``ponytracker refresh-html``: brings stored HTML up to the renderer of this version."""

from __future__ import annotations

from pathlib import Path

import click

from ponytracker.cli.site import ini_option, open_site
from ponytracker.issues.recording import find_outdated, refresh_html
from ponytracker.markup import render

BATCH = 100
"""Texts that are stored in one transaction."""


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
        with site.database.session(write=False) as session:
            outdated = find_outdated(session, after_id=last_id, limit=BATCH)
        if not outdated:
            break
        # Rendered with nothing locked, which takes long; then stored, which does not.
        rendered = [(event_id, text, render(text)) for event_id, text in outdated]
        with site.database.session(write=True) as session, session.begin():
            for event_id, text, html in rendered:
                refresh_html(session, event_id, text, html)
        last_id = outdated[-1][0]
        total += len(outdated)
    click.echo(f"{total} texts rendered again.")
