"""``ponytracker audit``: whether the audit log is whole."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ponytracker.cli.site import ini_option, open_site
from ponytracker.security.audit import Broken, verify

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@click.group()
def audit() -> None:
    """Check the audit log."""


def _parse_hash(
    _context: click.Context, _parameter: click.Parameter, typed: str | None
) -> str | None:
    if typed is None:
        return None
    noted = typed.strip().lower()
    if not _HASH.fullmatch(noted):
        raise click.BadParameter("expected the 64 hexadecimal digits that this command prints.")
    return noted


@audit.command("verify")
@ini_option
@click.option(
    "--noted",
    metavar="HASH",
    callback=_parse_hash,
    help="A hash that this command once printed; it must still be in the log.",
)
def verify_log(ini: Path, noted: str | None) -> None:
    """Check that no entry was changed, removed or put in between; end with 1 where one was.

    Note the hash that it prints elsewhere, and give it next time: then it shows too where the end
    of the log was cut off, or all of it was written anew.
    """
    site = open_site(ini)
    with site.database.session(write=False) as session:
        try:
            count, last_hash = verify(session, noted=noted)
        except Broken as error:
            raise click.ClickException(str(error)) from None
    entries = f"{count:,} entry" if count == 1 else f"{count:,} entries"
    click.echo(f"The audit log is whole: {entries}.")
    if last_hash:
        click.echo(f"The last hash is {last_hash}")
