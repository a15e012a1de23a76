"""``ponytracker import``: bring in the issues of another tracker."""

from __future__ import annotations

import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError

from ponytracker.cli.progress import progress
from ponytracker.cli.site import ini_option, open_site
from ponytracker.errors import DomainError
from ponytracker.importers.github import EXPECTED, open_archive
from ponytracker.importers.load import Outcome, load
from ponytracker.importers.survey import Survey
from ponytracker.models import Access

GO_ON = "What is in stays in; the same command, run again, goes on from there."


@click.group("import")
def import_archive() -> None:
    """Bring in the issues of another tracker."""


@import_archive.command(
    "github", help=f"Bring in the issues of a GitHub repository from ARCHIVE: {EXPECTED}."
)
@click.argument("archive", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--project",
    required=True,
    metavar="NAME",
    help="The project they go into. It is created where there is none of that name.",
)
@ini_option
@click.option(
    "--pull-requests",
    is_flag=True,
    help="Bring in the pull requests too, as issues with the label 'pull request'.",
)
@click.option(
    "--access",
    type=click.Choice([access.value for access in Access]),
    default=Access.PRIVATE.value,
    show_default=True,
    help="Who sees the project, where it is created: everyone, whoever is signed in, or only"
    " superusers and those who are granted a right on it.",
)
def github(archive: Path, project: str, ini: Path, pull_requests: bool, access: str) -> None:
    site = open_site(ini)
    started = time.monotonic()
    try:
        survey = Survey(open_archive(archive), pull_requests=pull_requests)
        with progress("Checking the archive", unit="issues") as show:
            for count, _ in enumerate(survey.take(), 1):
                show(count)
        with progress("Importing", len(survey.numbers), "issues") as show:
            outcome = load(
                site.database,
                survey,
                project_name=project,
                access=Access(access),
                on_progress=lambda outcome: show(outcome.present + outcome.issues),
            )
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{archive} cannot be read: {error}.") from None
    except OperationalError as error:
        raise click.ClickException(f"The database gave up: {error.orig}. {GO_ON}") from None
    except BrokenProcessPool:
        raise click.ClickException(
            f"A process that rendered Markdown was ended, perhaps for lack of memory. {GO_ON}"
        ) from None
    except KeyboardInterrupt:
        click.echo(f"\nInterrupted. {GO_ON}", err=True)
        raise click.Abort from None
    click.echo(_summary(outcome, survey, project, access, round(time.monotonic() - started)))


def _summary(outcome: Outcome, survey: Survey, project: str, access: str, seconds: int) -> str:
    counts = (
        _plural(outcome.issues, "issue"),
        _plural(outcome.comments, "comment"),
        _plural(outcome.events, "other event"),
    )
    minutes = f"{seconds // 60} min {seconds % 60} s"
    lines = [f"Imported into {project} in {minutes}: {', '.join(counts)}."]
    if outcome.present:
        lines.append(f"Here already, from an import before: {_plural(outcome.present, 'issue')}.")
    if survey.left_out:
        left_out = _plural(len(survey.left_out), "pull request")
        lines.append(f"Left out: {left_out}; --pull-requests brings them in.")
    if outcome.accounts_created:
        accounts = _plural(outcome.accounts_created, "account")
        lines.append(f"Created: {accounts}, to which nobody can sign in.")
    if outcome.project_created:
        lines.append(f"Created: the project {project}, seen by {_SEEN_BY[Access(access)]}.")
    return "\n".join(lines)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_SEEN_BY = {
    Access.PUBLIC: "everyone",
    Access.REGISTERED: "whoever is signed in",
    Access.PRIVATE: "superusers and those who are granted a right on it",
}
