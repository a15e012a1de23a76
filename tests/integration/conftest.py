"""Real databases in files and servers of their own, and real daemons over them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.security.passwords import Passwords
from tests.databases import DATABASES, migrate
from tests.integration.client import PASSWORD, Client
from tests.relay import Relay, make_authority, serve_relay
from tests.servers import free_port, fresh_postgresql, site

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of this test alone, of each kind in turn, with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ponytracker.sqlite"
    else:
        server = request.getfixturevalue("postgresql_url")
        with fresh_postgresql(server, f"test_{secrets.token_hex(6)}") as url:
            yield url


@pytest.fixture
def empty_engine(empty_url: str) -> Iterator[Engine]:
    """An engine on `empty_url`, as the migrations use it."""
    engine = make_engine(empty_url).execution_options(sqlite_begin="IMMEDIATE")
    yield engine
    engine.dispose()


@pytest.fixture
def migrated_url(empty_url: str, empty_engine: Engine) -> str:
    """The address of a database of this test alone, brought up to date."""
    with empty_engine.begin() as connection:
        migrate(connection)
    return empty_url


@pytest.fixture
def relay_and_port(tmp_path: Path) -> Iterator[tuple[Relay, int]]:
    """A relay with a certificate for localhost by the authority in ``ca.pem`` of `tmp_path`."""
    _authority, context = make_authority(tmp_path, "localhost")
    with serve_relay(context) as served:
        yield served


class Site:
    """A running tracker, with what the tests do to its database beside it."""

    def __init__(self, url: str, engine: Engine) -> None:
        self.url = url
        self.engine = engine
        self.database = Database(engine)
        self._signed_in: dict[str, Client] = {}

    def client(self, username: str = "") -> Client:
        """Return a new browser; with *username*, signed in."""
        if not username:
            return Client(self.url)
        if username not in self._signed_in:
            self._signed_in[username] = Client(self.url)
            self._signed_in[username].sign_in(username)
        return self._signed_in[username].another()


@pytest.fixture(scope="session")
def sqlite_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    yield from _site(folder, f"sqlite:///{folder}/ponytracker.sqlite")


@pytest.fixture(scope="session")
def postgresql_site(
    tmp_path_factory: pytest.TempPathFactory, postgresql_url: str
) -> Iterator[Site]:
    with fresh_postgresql(postgresql_url, "site") as database_url:
        yield from _site(tmp_path_factory.mktemp("site"), database_url)


def _site(folder: Path, database_url: str) -> Iterator[Site]:
    engine = make_engine(database_url)
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        migrate(connection)
    create_superusers(Database(engine), "admin", "other")
    port = free_port()
    settings = {
        "PONYTRACKER_DATABASE_URL": database_url,
        "PONYTRACKER_BASE_URL": f"http://localhost:{port}",
        "PONYTRACKER_SECRET": secrets.token_urlsafe(48),
    }
    arguments = f"http_port={port}"
    with site("production.ini", arguments, port=port, folder=folder, **settings) as running:
        yield Site(running.url, engine)
    engine.dispose()


def create_superusers(database: Database, *usernames: str) -> None:
    """Make accounts that may do everything and sign in with `PASSWORD`."""
    password_hash = Passwords(32, 1).hash(PASSWORD)
    with database.session(write=True) as session, session.begin():
        for username in usernames:
            create_user(session, username=username, password_hash=password_hash, is_superuser=True)


@pytest.fixture(params=DATABASES)
def running_site(request: pytest.FixtureRequest) -> Site:
    """production.ini, running over each kind of database; other tests have left things there."""
    found: Site = request.getfixturevalue(f"{request.param}_site")
    return found
