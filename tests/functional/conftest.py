"""One application for all tests of pages: each test puts its own database under it."""

from __future__ import annotations

from typing import Any

import pytest

from ponytracker import make_app
from ponytracker.db import Database, make_engine
from ponytracker.settings import Settings


@pytest.fixture(scope="session")
def one_app(settings: Settings) -> Any:
    return make_app(settings, Database(make_engine(settings.database_url)))


@pytest.fixture
def app(one_app: Any, database: Database) -> Any:
    one_app.registry["ponytracker.database"] = database
    return one_app
