"""``ponytracker backup``: everything in one file, while the tracker runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from sqlalchemy.exc import DBAPIError

from ponytracker.attachments.opening import make_store
from ponytracker.backup.format import Manifest
from ponytracker.backup.migrations import Migrations
from ponytracker.backup.new_file import new_file
from ponytracker.backup.save import save
from ponytracker.cli.interrupts import sigterm_interrupts
from ponytracker.cli.progress import steps
from ponytracker.cli.site import ini_option, open_site
from ponytracker.errors import DomainError

FILES_MISSING = 3
"""The exit status where the store did not have all files: none of the older backups is to go."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@ini_option
def backup(file: Path, ini: Path) -> None:
    """Write everything into FILE: what is in the database, and the attached files.

    It may run beside the tracker: what is in FILE is all of one moment. FILE must not be there yet,
    and appears once it is whole; nobody else can read it. With - it goes to standard output. The
    ini file and its secrets are not in it.

    It ends with 3 where attached files were missing: FILE is there, with all but those.
    """
    site = open_site(ini)
    try:
        with sigterm_interrupts(), _opened(file) as out, steps() as show:
            store = make_store(site.settings)
            manifest = save(site.database, store, Migrations(ini), out, show)
    except (DomainError, OSError) as error:
        raise click.ClickException(f"No backup was made: {_why(error)}.") from None
    except DBAPIError as error:
        why = str(error.orig).splitlines()[0]
        raise click.ClickException(f"No backup was made: the database gave up ({why}).") from None
    except KeyboardInterrupt:
        click.echo("\nInterrupted: no backup was made.", err=True)
        raise click.Abort from None
    click.echo(_summary(file, manifest), err=str(file) == "-")
    if manifest.missing:
        click.echo(
            f"Of {len(manifest.missing):,} attached files the store has nothing, and neither has"
            " the backup; the manifest in it names them. Is the folder of attachments mounted?"
            " Keep older backups.",
            err=True,
        )
        sys.exit(FILES_MISSING)


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    if str(file) != "-":
        with new_file(file) as out:
            yield out
        return
    if sys.stdout.isatty():
        raise click.UsageError("A backup is not for a terminal: lead it into a file or a pipe.")
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _why(error: Exception) -> str:
    return str(error.args[0] if isinstance(error, DomainError) else error).rstrip(".")


def _summary(file: Path, manifest: Manifest) -> str:
    rows = sum(table.rows for table in manifest.tables.values())
    return (
        f"{file}: {rows:,} rows of {len(manifest.tables)} tables,"
        f" {manifest.files:,} attached files ({manifest.octets / 1_000_000:,.1f} MB)."
    )
