"""``ponytracker tidy-attachments``: removes the files that nothing needs any more."""

from __future__ import annotations

from pathlib import Path

import click

from ponytracker.attachments.keeping import STORE
from ponytracker.attachments.opening import MISSING, make_store
from ponytracker.attachments.service import remove_expired, remove_orphans
from ponytracker.cli.site import ini_option, open_site


@click.command("tidy-attachments")
@ini_option
def tidy(ini: Path) -> None:
    """Remove files whose form was never sent, and what a killed process has left.

    The first after a day. It may run beside the tracker, from cron once a day.
    """
    site = open_site(ini)
    store = make_store(site.settings)
    if store is None:
        raise click.ClickException(f"{ini}: {MISSING}.")
    site.database.info[STORE] = store
    with site.database.session(write=True) as session, session.begin():
        expired = remove_expired(session)
    try:
        with site.database.session(write=False) as session:
            orphans = remove_orphans(session, store)
    except OSError as error:
        raise click.ClickException(f"{store.name}: {error}. Run it again later.") from None
    click.echo(f"{expired} files of forms never sent and {orphans} that nothing names removed.")
