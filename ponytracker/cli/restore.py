"""``ponytracker restore``: a backup into an empty database."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.exc import DBAPIError

from ponytracker.attachments.opening import make_store
from ponytracker.backup.migrations import Migrations
from ponytracker.backup.restore import check, describe, restore
from ponytracker.cli.interrupts import sigterm_interrupts
from ponytracker.cli.progress import progress
from ponytracker.cli.site import ini_option, read_settings
from ponytracker.db import analyze, make_database
from ponytracker.errors import DomainError

UNCHANGED = "Nothing was changed."


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@ini_option
def restore_file(file: Path, ini: Path) -> None:
    """Bring the backup FILE into the database that the ini file names, which must be empty.

    Either kind of database will do, whichever FILE is from. All of FILE is checked before anything
    is written; where something is wrong, nothing is changed.
    """
    settings = read_settings(ini)
    store = make_store(settings)
    database = make_database(settings)
    size = file.stat().st_size
    try:
        migrations = Migrations(ini)
        with sigterm_interrupts(), file.open("rb") as octets:
            with progress("Checking", size, "octets") as show:
                checked = check(octets, migrations, store, show)
            with progress("Restoring", size, "octets") as show:
                restore(database, store, migrations, octets, checked, show)
    except DomainError as error:
        raise click.ClickException(f"{error.args[0]} {UNCHANGED}") from None
    except OSError as error:
        raise click.ClickException(f"{error}. {UNCHANGED}") from None
    except DBAPIError as error:
        raise click.ClickException(
            f"The database gave up ({describe(error)}). {UNCHANGED}"
        ) from None
    except KeyboardInterrupt:
        click.echo(f"\nInterrupted. {UNCHANGED}", err=True)
        raise click.Abort from None
    manifest = checked.manifest
    rows = sum(table.rows for table in manifest.tables.values())
    click.echo(
        f"Restored: {rows:,} rows of {len(manifest.tables)} tables, {manifest.files:,} attached"
        f" files, as they were at {checked.head.created_at}."
    )
    if checked.head.revision != migrations.head:
        click.echo(f"Its tables were of {checked.head.revision}, and are now of {migrations.head}.")
    if manifest.missing:
        click.echo(
            f"{len(manifest.missing):,} attached files were missing when it was made.", err=True
        )
    try:
        analyze(database)
    except DBAPIError as error:
        click.echo(
            f"PostgreSQL did not look at what it has ({describe(error)}), and is slow until then:"
            " run ANALYZE in it.",
            err=True,
        )
