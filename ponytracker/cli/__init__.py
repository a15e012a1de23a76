"""The commands of ``ponytracker``, one module each."""

from __future__ import annotations

import click

from ponytracker.cli.create_superuser import create_superuser
from ponytracker.cli.generate_secret import generate_secret
from ponytracker.cli.import_archive import import_archive
from ponytracker.cli.refresh_html import refresh


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ponytracker")
def main() -> None:
    """PonyTracker: a small, easy to use issue tracker."""


main.add_command(create_superuser)
main.add_command(generate_secret)
main.add_command(import_archive)
main.add_command(refresh)
