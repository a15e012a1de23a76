"""Looks at the program itself: its Python, its files, and as whom it runs."""

from __future__ import annotations

import json
import os
import platform
import zoneinfo
from collections.abc import Iterator
from importlib.metadata import version

from ponytracker.operations.findings import Finding, warning, well, wrong
from ponytracker.operations.site import Site
from ponytracker.operations.uwsgi import find_risk
from ponytracker.web.static import MANIFEST


def check_program(site: Site) -> Iterator[Finding]:
    yield well(
        f"Program: PonyTracker {version('ponytracker')}, Python {platform.python_version()}."
    )
    yield _user()
    yield _assets()
    yield _time_zones()
    if risk := find_risk(site.ini):
        yield wrong(f"uwsgi: {risk}")


def _user() -> Finding:
    if os.geteuid() == 0:
        return warning(
            "User: this is root. Run the tracker, and this command, as a user of its own, whom a"
            " mistake in the tracker lets do less."
        )
    return well(f"User: not root (uid {os.geteuid()}).")


def _assets() -> Finding:
    build = "Build them: make assets"
    try:
        names = json.loads(MANIFEST.read_text()).values()
    except (OSError, ValueError):
        return wrong(f"Web assets: {MANIFEST} cannot be read. {build}")
    missing = [name for name in names if not (MANIFEST.parent / name).is_file()]
    if missing:
        return wrong(f"Web assets: {', '.join(missing)} is not in {MANIFEST.parent}. {build}")
    return well(f"Web assets: all {len(names)} are there.")


def _time_zones() -> Finding:
    count = len(zoneinfo.available_timezones())
    if count < 100:
        return wrong(f"Time zones: only {count} are known. Install them: apt-get install tzdata")
    return well(f"Time zones: {count} are known.")
