"""The directory that people sign in with: whether its servers answer, and let us in."""

from __future__ import annotations

from collections.abc import Iterator

from ponytracker.directory.checking import examine
from ponytracker.operations.findings import Finding, off, warning, well, wrong
from ponytracker.operations.site import Site


def check_directory(site: Site) -> Iterator[Finding]:
    if not site.settings.ldap.is_on:
        yield off("Directory: nobody signs in with one. Set ldap.uri.")
    for step in examine(site.settings.ldap):
        text = f"Directory: {step.text}"
        mark = wrong if step.is_wrong else warning if step.is_risky else well
        yield mark(text)
