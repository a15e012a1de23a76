"""Lines of commands in which stands what others wrote: a directory, a name server, an audit log."""

from __future__ import annotations

import click

from ponytracker.logs import escaped


def tell(line: str) -> None:
    """Print one line: nothing in it ends it, or moves the cursor of a terminal."""
    click.echo(escaped(line))
