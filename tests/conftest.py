"""What all tests share: databases that are rolled back, the real application, the missing said.

A test that needs what the machine lacks is skipped, naming it. With ``CI=true`` such a skip is a
failure, but for tests over the shared data, which a clone may lack.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ponytracker.settings import DEVELOPMENT_SECRET, Settings

ROOT = Path(__file__).parent.parent

_OF_TESTS = ("PONYTRACKER_SHARED_DATA", "PONYTRACKER_FAULTS_CLIENTS", "PONYTRACKER_FAULTS_SECONDS")

pytest_plugins = ["tests.servers", "tests.mail", "tests.databases", "tests.site", "tests.s3"]


def pytest_configure(config: pytest.Config) -> None:
    # What is configured on this machine must not change what is tested.
    for name in [name for name in os.environ if name.startswith("PONYTRACKER_")]:
        if name not in _OF_TESTS:
            del os.environ[name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    excused = item.get_closest_marker("shared_data") is not None or hasattr(report, "wasxfail")
    if report.skipped and os.environ.get("CI") == "true" and not excused:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings as of development.ini, with passwords at the least cost, for tests in a hurry."""
    return Settings(
        database_url="sqlite://",
        base_url="http://localhost",
        secret=DEVELOPMENT_SECRET,
        argon2_memory_kib=32,
        argon2_rounds=1,
        posts_per_minute=1_000_000,
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real archives; tests that use it carry the mark ``shared_data``."""
    folder = Path(os.environ.get("PONYTRACKER_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the shared data folder is absent: name it in PONYTRACKER_SHARED_DATA")
    return folder
