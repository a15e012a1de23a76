"""``ponytracker doctor``: whether all that the tracker needs is there, and what to do where not."""

from __future__ import annotations

from pathlib import Path

import click

from ponytracker.cli.lines import tell
from ponytracker.cli.site import ini_option, read_site
from ponytracker.operations.checks import examine
from ponytracker.operations.findings import Mark


@click.command()
@ini_option
def doctor(ini: Path) -> None:
    """Look whether all that the tracker needs is there: one line for each thing.

    Ends with 1 where something is WRONG. What is off is not set up, what could not be found out
    has a ?, and warn is about what works and should be otherwise. Nothing is changed, no mail is
    sent, and no password is shown. Run it as the user as whom the tracker runs.
    """
    has_faults = False
    for finding in examine(read_site(ini)):
        tell(f"{finding.mark:5}  {finding.text}")
        has_faults |= finding.mark is Mark.WRONG
    if has_faults:
        raise click.exceptions.Exit(1)
