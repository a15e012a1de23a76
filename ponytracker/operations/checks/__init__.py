"""What ``ponytracker doctor`` looks at: a module a subject, each with a check or more.

A check takes the `Site` and yields a `Finding` for each thing it has looked at, which says the fix
where something is wrong. It changes nothing, shows no secret, and answers within seconds whatever
is away. To add one, write it into the module of its subject and name it in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy.exc import DBAPIError

from ponytracker.operations.checks import (
    address,
    clock,
    database,
    directory,
    files,
    mail,
    mail_domain,
    program,
    secrets,
    workers,
)
from ponytracker.operations.findings import Finding, wrong
from ponytracker.operations.site import Site

CHECKS: tuple[Callable[[Site], Iterable[Finding]], ...] = (
    program.check_program,
    secrets.check_secrets,
    database.check_migrations,
    clock.check_clock,
    files.check_files,
    address.check_address,
    mail.check_mail_server,
    mail_domain.check_mail_domain,
    workers.check_workers,
    directory.check_directory,
    mail.check_outbox,
    mail.check_mail_in,
    files.check_attachments,
)
"""In the order in which they are told: what others rest on comes first."""


def examine(site: Site) -> Iterator[Finding]:
    """Yield what there is to be said of *site*."""
    for check in CHECKS:
        try:
            yield from check(site)
        except DBAPIError as error:
            subject = check.__name__.removeprefix("check_").replace("_", " ").capitalize()
            why = str(error.orig).strip().splitlines()[0]
            yield wrong(f"{subject}: could not be looked at, since the database failed: {why}")
