"""Looks at the database: whether it is as this version needs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import alembic.config
import alembic.script
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ponytracker.operations.findings import Finding, well, wrong
from ponytracker.operations.site import Site


def check_migrations(site: Site) -> Iterator[Finding]:
    try:
        with site.database.session(write=False) as session:
            yield _migrations(site.ini, session)
    except DBAPIError as error:
        why = str(error.orig).strip().splitlines()[0]
        yield wrong(
            f"Database: it cannot be read ({why}). Is it there and running, and is sqlalchemy.url"
            " right?"
        )


def _migrations(ini: Path, session: Session) -> Finding:
    there = set(MigrationContext.configure(session.connection()).get_current_heads())
    try:
        scripts = alembic.script.ScriptDirectory.from_config(alembic.config.Config(str(ini)))
    except CommandError:
        return wrong(
            f"Database: the migrations are not where {ini} says: see script_location in its section"
            " [alembic]."
        )
    wanted = scripts.get_heads()
    if there != set(wanted):
        return wrong(
            f"Database: it is at {', '.join(sorted(there)) or 'nothing'}, this version needs"
            f" {', '.join(wanted)}. Bring it up to date: alembic -c {ini} upgrade head"
        )
    return well(f"Database: {session.get_bind().dialect.name}, at its newest ({wanted[0]}).")
