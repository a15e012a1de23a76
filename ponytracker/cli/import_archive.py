"""``ponytracker import``: bring in the issues of another tracker."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ponytracker.cli.site import ini_option, open_site
from ponytracker.errors import DomainError
from ponytracker.importers.github import open_archive
from ponytracker.importers.load import load
from ponytracker.importers.survey import Survey
from ponytracker.models import Access


@click.group("import")
def import_archive() -> None:
    """Bring in the issues of another tracker."""


@import_archive.command("github")
@click.argument("archive", type=click.Path(exists=True, path_type=Path))
@click.option("--project", required=True, metavar="NAME", help="The project they go into.")
@ini_option
@click.option("--pull-requests", is_flag=True)
@click.option("--access", type=click.Choice(list(Access)), default=Access.PRIVATE)
def github(archive: Path, project: str, ini: Path, pull_requests: bool, access: Access) -> None:
    site = open_site(ini)
    try:
        t = time.time()
        survey = Survey(open_archive(archive), pull_requests=pull_requests)
        for _ in survey.take():
            pass
        click.echo(f"survey {time.time() - t}")
        t = time.time()
        out = load(site.database, survey, project_name=project, access=access, on_progress=print)
        click.echo(f"load {time.time() - t} {out}")
    except DomainError as error:
        raise click.ClickException(str(error)) from None
