"""Looks at the broker and the workers behind it, where they deliver the mail."""

from __future__ import annotations

from collections.abc import Iterator

from ponytracker.operations.findings import Finding, well, wrong
from ponytracker.operations.site import Site


def check_workers(site: Site) -> Iterator[Finding]:
    if site.settings.celery_enabled:
        yield _workers(site)


def _workers(site: Site) -> Finding:
    # Here, since it takes long to load and most sites have none.
    from ponytracker.celery import FAILURES, count_workers

    try:
        count = count_workers(site.settings)
    except FAILURES as error:
        return wrong(
            f"Workers: the broker does not answer ({type(error).__name__}). Is Redis running, and"
            " is celery.broker_url right? Mail is delivered once both are."
        )
    if not count:
        return wrong(f"Workers: none answers. Start one: tools/worker.sh {site.ini}")
    return well(f"Workers: {count} {'answers' if count == 1 else 'answer'}.")
