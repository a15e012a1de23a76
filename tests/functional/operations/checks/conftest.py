"""A tracker as an ini file describes it, and what a check says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ponytracker.db import Database, make_database
from ponytracker.operations.site import Site
from ponytracker.settings import Settings

GOOD = "k7JQ2v9xLrTzB4nWcYpE1sHdFgAoMiUq"


@pytest.fixture
def said(settings: Settings, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that runs a check over some settings; its lines."""
    ini = tmp_path / "own.ini"
    ini.write_text("[app:main]\nuse = egg:ponytracker\n")
    ini.chmod(0o640)

    def said(check: Any, database: Database | None = None, **over: Any) -> list[str]:
        own = dataclasses.replace(settings, **{"secret": GOOD, **over})
        site = Site(ini, own, database or make_database(own))
        return [f"{finding.mark} {finding.text}" for finding in check(site)]

    return said


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    return tmp_path / "own.ini"
