"""Looks at the clocks: that of this machine, and that of the database, which may be elsewhere."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Iterator

from sqlalchemy import text

from ponytracker.models.base import now
from ponytracker.operations.findings import Finding, unknown, warning, well, wrong
from ponytracker.operations.site import Site

SLIGHTLY = dt.timedelta(seconds=2)
BADLY = dt.timedelta(seconds=60)
"""Sessions, tokens and the waits between tries go by the clock; so much they do not bear."""

_NTP = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
_SECONDS = 5


def check_clock(site: Site) -> Iterator[Finding]:
    yield _own_clock()
    with site.database.session(write=False) as session:
        if session.get_bind().dialect.name == "postgresql":
            before = now()
            there = session.scalar(text("SELECT clock_timestamp()"))
            middle = before + (now() - before) / 2
            yield judge(there - middle)


def judge(difference: dt.timedelta) -> Finding:
    """Say how far the clock of the database is ahead."""
    off_by = f"{abs(difference.total_seconds()):,.1f} s"
    where = "ahead of" if difference > dt.timedelta() else "behind"
    if abs(difference) < SLIGHTLY:
        return well("Clock of the database: the same as here.")
    said = f"Clock of the database: {off_by} {where} that of this machine."
    advice = "Let both keep time by NTP: apt-get install systemd-timesyncd, or chrony."
    return (wrong if abs(difference) >= BADLY else warning)(f"{said} {advice}")


def _own_clock() -> Finding:
    try:
        asked = subprocess.run(  # noqa: S603 - the arguments are ours
            _NTP, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        said = asked.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    if said == "yes":
        return well("Clock: kept by NTP.")
    if said == "no":
        return warning(
            "Clock: not kept by NTP, as far as this machine knows. Let it keep time:"
            " apt-get install systemd-timesyncd, or chrony."
        )
    return unknown("Clock: whether it is kept by NTP could not be asked (timedatectl).")
