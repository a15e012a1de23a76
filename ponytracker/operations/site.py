"""A tracker as whoever runs it has it before them: its ini file, and what that file says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ponytracker.db import Database
from ponytracker.settings import Settings


@dataclasses.dataclass(frozen=True)
class Site:
    """A tracker, as its ini file describes it."""

    ini: Path
    settings: Settings
    database: Database
