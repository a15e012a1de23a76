"""A clock of the tests' own for programs, which can jump."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


class Clock:
    """Starts right. Programs that run with `variables` have it; without a compiler, skip."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("gcc") is None:
            pytest.skip("gcc is missing: apt-get install gcc libc6-dev")
        library = folder / "clock.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O", "-o", library, SOURCE], check=True)
        self._file = folder / "clock"
        self._file.touch()
        self.jump(0)
        self.variables = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self._file)}

    def jump(self, seconds: int) -> None:
        """From now on be *seconds* ahead, or behind where they are negative."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", seconds))
