"""What every command begins with: the ini file it is told, and the database that file names."""

from __future__ import annotations

import configparser
import logging
from pathlib import Path

import click
import plaster
from sqlalchemy.exc import OperationalError, ProgrammingError

from ponytracker.db import make_database
from ponytracker.operations.site import Site
from ponytracker.settings import SettingError, Settings


def open_site(ini: Path, variables: tuple[str, ...] = ()) -> Site:
    """Read *ini*, with ``KEY=VALUE`` *variables* over it, and open its database.

    Raise `click.ClickException`, which ends the command with its text, when a key is wrong or the
    database has no tables yet.
    """
    site = read_site(ini, variables)
    try:
        with site.database.session(write=False) as session:
            session.connection().exec_driver_sql("SELECT 1 FROM site_settings")
    except (OperationalError, ProgrammingError) as error:
        why = str(error.orig).splitlines()[0]  # what follows repeats the statement, or asks back
        raise click.ClickException(
            f"The database cannot be read ({why}). Is it there, and brought up to date by"
            f" `alembic -c {ini} upgrade head`?"
        ) from None
    return site


def read_site(ini: Path, variables: tuple[str, ...] = ()) -> Site:
    """Read *ini*, with ``KEY=VALUE`` *variables* over it; its database is not asked yet.

    Raise `click.ClickException`, which ends the command with its text, when a key is wrong.
    """
    settings = read_settings(ini, variables)
    _log_as_the_ini_says(ini)
    return Site(ini, settings, make_database(settings))


def read_settings(ini: Path, variables: tuple[str, ...] = ()) -> Settings:
    """Read *ini* alone, with ``KEY=VALUE`` *variables* over it.

    Raise `click.ClickException`, which ends the command with its text, when a key is wrong.
    """
    values = {}
    for variable in variables:
        key, equals, value = variable.partition("=")
        if not equals:
            raise click.UsageError(f"'{variable}': expected KEY=VALUE, such as http_port=8080.")
        values[key] = value
    try:
        return Settings.from_ini(plaster.get_settings(str(ini), "app:main"), values)
    except (SettingError, plaster.PlasterError, configparser.Error, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())  # configparser's take several lines
        raise click.ClickException(f"{ini}: {why}") from None


def _log_as_the_ini_says(ini: Path) -> None:
    if logging.getLogger().handlers:  # somebody has seen to it, as tests do
        return
    try:
        plaster.setup_logging(str(ini))
    except Exception as error:  # noqa: BLE001 - whatever Python's logging makes of a mistake there
        why = f"the sections about logging cannot be used: {error!r}"
        raise click.ClickException(f"{ini}: {why}") from None


ini_argument = click.argument("ini", type=click.Path(exists=True, dir_okay=False, path_type=Path))
ini_option = click.option(
    "--ini",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The ini file of the tracker.",
)
