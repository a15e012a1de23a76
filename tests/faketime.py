"""A clock of the tests' own for programs, which can jump: libfaketime of Debian."""

from __future__ import annotations

from pathlib import Path

import pytest

LIBRARY = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


class Clock:
    """Starts right. Programs that run with `variables` have it; without libfaketime, skip."""

    def __init__(self, folder: Path) -> None:
        if not LIBRARY:
            pytest.skip("libfaketime is missing: apt-get install libfaketime")
        self._file = folder / "clock"
        self.jump(0)
        self.variables = {
            "LD_PRELOAD": str(LIBRARY[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            # Time-outs and pauses are by another clock, which never jumps.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, seconds: int) -> None:
        """From within a second on be *seconds* ahead, or behind where they are negative."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self._file)
