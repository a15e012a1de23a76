"""``ponytracker sync-ldap``: accounts and groups as the directory has them; taking that back."""

from __future__ import annotations

from pathlib import Path

import click

from ponytracker.cli.lines import tell
from ponytracker.cli.site import ini_option, open_site
from ponytracker.directory import applying
from ponytracker.directory.applying import SYNC, Left, list_runs, new_run, run_of, undo
from ponytracker.directory.errors import DirectoryError
from ponytracker.directory.library import require_library
from ponytracker.operations.site import Site
from ponytracker.security.principals import SHELL
from ponytracker.settings import SettingError


@click.command("sync-ldap")
@ini_option
@click.option("--dry-run", is_flag=True, help="Show each change, and do none.")
@click.option(
    "--allow-percent",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    help="This time, in the place of ldap.max_disable_percent.",
)
@click.option("--undo", "undone", metavar="RUN", help="Take back what that run has changed.")
@click.option("--runs", is_flag=True, help="List the last runs that changed anything.")
@click.option(
    "--link",
    "linked",
    metavar="USER",
    multiple=True,
    help="Give the account USER here to the entry of that name; its password here ends.",
)
@click.option(
    "--release-groups", is_flag=True, help="Let the mirrored groups be managed here from now on."
)
def sync_ldap(
    ini: Path,
    dry_run: bool,
    allow_percent: int | None,
    undone: str | None,
    runs: bool,
    linked: tuple[str, ...],
    release_groups: bool,
) -> None:
    """Bring accounts and groups to what the directory says, all of it or nothing.

    Accounts whose entry has gone are disabled, never deleted. Ends with 1 where nothing could be
    done; what the directory did not answer in full changes nothing.
    """
    site = open_site(ini)
    if runs:
        with site.database.session(write=False) as session:
            for kind, run in list_runs(session):
                click.echo(run if kind == SYNC else f"{run} ({kind})")
    elif undone is not None:
        _undo(site, undone)
    elif release_groups:
        _release_groups(site)
    elif linked:
        _require(site)
        for username in linked:
            _link(site, username)
    else:
        _require(site)
        _sync(site, dry_run, allow_percent)


def _require(site: Site) -> None:
    if not site.settings.ldap.is_on:
        raise click.ClickException(f"{site.ini}: there is no directory. Set ldap.uri.")
    try:
        require_library()
    except SettingError as error:
        raise click.ClickException(f"{site.ini}: {error}") from None


def _sync(site: Site, dry: bool, allow_percent: int | None) -> None:
    from ponytracker.directory.sync import sync

    try:
        outcome = sync(site.settings.ldap, site.database, dry=dry, allow_percent=allow_percent)
    except DirectoryError as error:
        raise click.ClickException(str(error)) from None
    for note in outcome.notes:
        tell(f"note: {note}")
    for change in outcome.changes:
        tell(str(change))
    count = len(outcome.changes)
    if dry:
        click.echo(f"{count:,} to change. Nothing was changed.")
    elif count:
        click.echo(f"{count:,} changed. To take it back: sync-ldap --undo {outcome.run}")
    else:
        click.echo("Nothing to change.")


def _undo(site: Site, run: str) -> None:
    actor = new_run()
    with site.database.session(write=True) as session, session.begin():
        done, notes = undo(session, actor, run)
    if not done and not notes:
        raise click.ClickException(f"There is no run {run} that changed anything. See --runs.")
    for note in notes:
        tell(f"note: {note}")
    for change in done:
        tell(str(change))
    click.echo(f"{len(done):,} taken back. To do it again: sync-ldap --undo {run_of(actor)}")


def _link(site: Site, username: str) -> None:
    from ponytracker.directory.sync import link_account

    try:
        linked = link_account(site.settings.ldap, site.database, username)
    except (DirectoryError, Left) as error:
        raise click.ClickException(str(error)) from None
    ended = " Its password here has ended." if linked.had_password else ""
    click.echo(f"{linked.username} signs in with the directory now.{ended}")


def _release_groups(site: Site) -> None:
    with site.database.session(write=True) as session, session.begin():
        count = applying.release_groups(session, SHELL)
    click.echo(f"{count:,} groups are managed here from now on.")
