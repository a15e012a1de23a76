"""The daemon: pserve with the ini files of the checkout, started as an administrator starts it."""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from ponytracker.db import Database, make_engine
from tests.databases import migrate
from tests.integration.client import SECONDS, Client
from tests.integration.conftest import create_superusers
from tests.servers import ROOT, RunningSite, free_port, postgresql, run, site

ASSETS: dict[str, str] = json.loads((ROOT / "ponytracker/static/manifest.json").read_text())
SECRET = "a-secret-of-good-length-" + secrets.token_hex(16)
GOOD = {"PONYTRACKER_BASE_URL": "https://tracker.example.org", "PONYTRACKER_SECRET": SECRET}


@pytest.fixture
def database_url(migrated_url: str, empty_engine: Any) -> str:
    """The address of a database of this test alone, with the superuser ``admin``."""
    create_superusers(Database(empty_engine), "admin")
    return migrated_url


@pytest.fixture(params=["arguments", "environment"])
def development_site(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> Iterator[RunningSite]:
    """development.ini, told database and port on the command line or in the environment."""
    port = free_port()
    if request.param == "arguments":
        told = (f"http_port={port}", f"database_url={database_url}")
        running = site("development.ini", *told, port=port, folder=tmp_path)
    else:
        environment = {
            "PONYTRACKER_HTTP_PORT": str(port),
            "PONYTRACKER_DATABASE_URL": database_url,
        }
        running = site("development.ini", port=port, folder=tmp_path, **environment)
    with running as found:
        yield found


# Each way of telling and each database once; the other two pairs would tell nothing new.
@pytest.mark.parametrize(
    ("development_site", "empty_url"),
    [("arguments", "sqlite"), ("environment", "postgresql")],
    indirect=True,
)
def test_development(development_site, empty_url):
    url = development_site.url
    client = Client(url)

    page = client.get("/")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "There are no public projects." in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")

    # One connection carries many requests.
    connection = client.connection.sock
    assert connection is not None
    signed_in = client.sign_in("admin")
    assert "admin" in signed_in.text
    assert client.connection.sock is connection

    # The database is the one that was told, and not that of the ini file.
    client.add_project("web")
    engine = make_engine(empty_url)
    with engine.connect() as found:
        assert found.exec_driver_sql("SELECT name FROM projects").all() == [("web",)]
    engine.dispose()

    for path in ("/", "/login", "/web/issues/"):
        headers, page = client.head(path), client.get(path)
        assert (headers.status, headers.body) == (page.status, b"")
        assert headers.headers["Content-Type"] == page.headers["Content-Type"]

    for name, kind in (
        ("ponytracker.css", "text/css"),
        ("ponytracker.js", "text/javascript"),
        ("favicon.svg", "image/svg+xml"),
        ("icons.svg", "image/svg+xml"),
    ):
        asset = client.get(f"/static/{ASSETS[name]}")
        assert asset.status == 200
        assert asset.headers["Content-Type"].split(";")[0] in (kind, f"application/{kind[5:]}")
        assert asset.headers["X-Content-Type-Options"] == "nosniff"
        assert "max-age=31536000" in asset.headers["Cache-Control"]
        assert asset.body == (ROOT / "ponytracker/static" / ASSETS[name]).read_bytes()
        assert client.head(f"/static/{ASSETS[name]}").headers["Content-Length"] == str(
            len(asset.body)
        )

    assert "Traceback" not in development_site.output
    assert make_url(empty_url).database not in development_site.output


@pytest.mark.parametrize("empty_url", ["postgresql", "sqlite"], indirect=True)
def test_production(database_url, tmp_path):
    """With everything from the environment, the file as it is in the checkout serves a team."""
    port = free_port()
    environment = {
        "PONYTRACKER_HTTP_PORT": str(port),
        "PONYTRACKER_DATABASE_URL": database_url,
        **GOOD,
    }
    with site("production.ini", port=port, folder=tmp_path, **environment) as running:
        client = Client(running.url, GOOD["PONYTRACKER_BASE_URL"])
        page = client.sign_in("admin")
        assert "admin" in page.text
        # Whoever comes through the proxy comes over https.
        assert page.headers["Strict-Transport-Security"]
        assert all(cookie["secure"] and cookie["httponly"] for cookie in client.cookies.values())
        assert client.get("/nothing/of/the/kind").status == 404
        assert SECRET not in running.output
        assert "Traceback" not in running.output
    assert running.process.returncode in (0, -15)
    assert SECRET not in running.output


def test_a_port_in_use(tmp_path):
    database_url = f"sqlite:///{tmp_path}/ponytracker.sqlite"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = (f"http_port={port}", f"database_url={database_url}")
        done = run("pserve", ROOT / "development.ini", *told, folder=tmp_path)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("Starting server")]
    assert len(said) == 1, done.stderr
    assert f"Port {port} is in use" in said[0]
    assert "http_port=" in said[0]


SHORT = "Kx81-" + secrets.token_hex(5)
PASSWORD = "hunter2-" + secrets.token_hex(5)

# The environment of pserve, and what its last line says.
NO_PORT = {**GOOD, "PONYTRACKER_HTTP_PORT": "http"}
NO_SECRET = {**GOOD, "PONYTRACKER_SECRET": ""}
SHORT_SECRET = {**GOOD, "PONYTRACKER_SECRET": SHORT}
OTHER_KIND = f"mysql://tracker:{PASSWORD}@localhost/tracker"
OTHER_DATABASE = {**GOOD, "PONYTRACKER_DATABASE_URL": OTHER_KIND}
A_SECRET = "at least 32 random characters, which `ponytracker generate-secret` prints"
REFUSED = {
    "the file as it is": (
        {},
        "key 'ponytracker.base_url' has the value 'replace-with-https://tracker.example.org'",
        "the address people type to come here, such as https://tracker.example.org",
    ),
    "the file as it is, further on": (
        {},
        "key 'ponytracker.secret' has a value of 21 characters",
        f"{A_SECRET} (it is still the placeholder of the sample file)",
    ),
    "no secret of its own": (
        NO_SECRET,
        "key 'ponytracker.secret' has a value of 21 characters",
        f"{A_SECRET} (it is still the placeholder of the sample file)",
    ),
    "a short secret": (
        SHORT_SECRET,
        "environment variable PONYTRACKER_SECRET has a value of 15 characters",
        f"{A_SECRET} (it is too short)",
    ),
    "a port that is none": (
        NO_PORT,
        "environment variable PONYTRACKER_HTTP_PORT has the value 'http'",
        "a port from 1 to 65535",
    ),
    "a database of another kind": (
        OTHER_DATABASE,
        f"PONYTRACKER_DATABASE_URL has a value of {len(OTHER_KIND)} characters",
        "a database address such as sqlite:",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_production_refuses_to_start(case, tmp_path):
    environment, value, expected = REFUSED[case]
    done = run("pserve", ROOT / "production.ini", folder=tmp_path, **environment)
    assert done.returncode != 0
    assert f"{value}: expected {expected}" in done.stderr
    assert "Traceback" not in done.stderr
    output = done.stdout + done.stderr
    for secret in (SECRET, SHORT, PASSWORD):
        assert secret not in output


def test_a_missing_secret_is_named(tmp_path):
    """A copy of the file, in which someone has left the key out, or its value."""
    for value in ("", "ponytracker.secret =\n"):
        ini = re.sub(
            r"(?m)^ponytracker\.secret.*\n", value, (ROOT / "production.ini").read_text()
        ).replace("replace-with-https", "https")
        (tmp_path / "production.ini").write_text(ini)
        done = run("pserve", "production.ini", folder=tmp_path)
        assert done.returncode != 0
        last = done.stderr.strip().splitlines()[-1]
        assert "key 'ponytracker.secret' is missing: expected at least 32" in last


def test_the_database_goes_away_and_comes_back(tmp_path):
    """The pages say so meanwhile, at once; afterwards all is as before."""
    with postgresql() as server:
        engine = make_engine(server.url())
        with engine.begin() as connection:
            migrate(connection)
        create_superusers(Database(engine), "admin")
        engine.dispose()
        port = free_port()
        environment = {"PONYTRACKER_DATABASE_URL": server.url(), **GOOD}
        told = f"http_port={port}"
        with site("production.ini", told, port=port, folder=tmp_path, **environment) as running:
            client = Client(running.url, GOOD["PONYTRACKER_BASE_URL"])
            stranger = Client(running.url, GOOD["PONYTRACKER_BASE_URL"])
            client.sign_in("admin")
            client.add_project("web")
            form = client.get("/web/issues/add/").fields("issue-form") | {"title": "Lost?"}

            server.stop()
            replies = [
                client.get("/web/issues/"),
                stranger.get("/"),
                stranger.get("/login"),
                client.post("/web/issues/add/", form),
                client.get("/nothing"),
                client.head("/"),
            ]
            assert [reply.status for reply in replies] == [503] * len(replies)
            assert all(reply.headers["Retry-After"] for reply in replies)
            for reply in replies[:-1]:
                assert "The database does not answer at the moment." in reply.text
                assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
            # What needs no database goes on.
            assert client.get(f"/static/{ASSETS['ponytracker.css']}").status == 200

            server.start()
            assert client.get("/web/issues/").status == 200
            assert "admin" in client.get("/web/issues/").text
            assert client.post("/web/issues/add/", form).status == 303
            assert "Lost?" in stranger.get("/web/issues/").text
            output = running.output
    assert "Traceback" not in output
    assert SECRET not in output


def test_a_client_that_says_nothing_holds_nobody_up(running_site):
    """A connection that sends half a request, as a broken proxy does: others are answered."""
    host, port = running_site.url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port)), SECONDS) for _ in range(16)]
    try:
        for half in silent:
            half.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        assert running_site.client().get("/login").status == 200
    finally:
        for half in silent:
            half.close()


def test_it_ends_when_told_to(tmp_path):
    database_url = f"sqlite:///{tmp_path}/ponytracker.sqlite"
    port = free_port()
    told = (f"http_port={port}", f"database_url={database_url}")
    with site("development.ini", *told, port=port, folder=tmp_path) as running:
        running.process.terminate()
        running.process.wait(SECONDS)
    assert "Traceback" not in running.output
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
