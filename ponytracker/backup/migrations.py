"""The migrations of this program: which there are, and running them on a connection."""

from __future__ import annotations

from pathlib import Path

import alembic.command
import alembic.config
import alembic.script
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection

from ponytracker.errors import DomainError


class NoMigrations(DomainError):
    """They are not where the ini file says, or a database is at none of them."""


class Migrations:
    """The migrations that *ini* names in its section ``[alembic]``."""

    def __init__(self, ini: Path) -> None:
        self._config = alembic.config.Config(str(ini))
        try:
            scripts = alembic.script.ScriptDirectory.from_config(self._config)
        except CommandError:
            raise NoMigrations(
                f"The migrations are not where {ini} says: see script_location in its section"
                " [alembic]."
            ) from None
        self.revisions = frozenset(script.revision for script in scripts.walk_revisions())
        self.head = scripts.get_current_head() or ""

    def find_revision(self, connection: Connection) -> str:
        """Return the revision of a database; raise `NoMigrations` where it has none of these."""
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision not in self.revisions:
            raise NoMigrations(
                f"The database is at {revision or 'no revision'}, which this version does not know:"
                " use the version of PonyTracker that it belongs to."
            )
        return revision

    def upgrade(self, connection: Connection, revision: str) -> None:
        """Bring a database to *revision*, in the transaction of *connection*."""
        self._config.attributes["connection"] = connection
        alembic.command.upgrade(self._config, revision)
