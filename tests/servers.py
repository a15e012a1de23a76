"""Private servers for the tests: on free loopback ports, in folders of their own, ended after."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CHROMIUM = Path("/usr/bin/chromium")
POSTGRESQL = sorted(
    Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
)


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Wait until something listens on *port*, or fail when *process* ends or time runs out."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen on port {port}")


def stop(process: subprocess.Popen[bytes], by: signal.Signals = signal.SIGTERM) -> None:
    """End *process*, which the tests have started."""
    process.send_signal(by)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class PostgreSQL:
    """A PostgreSQL server with its files in *folder*, which can be stopped and started again.

    Not in pytest's own folders: whenever another test run starts, it closes those to other users.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.programs = POSTGRESQL[-1].parent
        # initdb and postgres refuse root
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(folder, "postgres", "postgres")
        initdb = [self.programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust"]
        options = ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([*initdb, *options], check=True, capture_output=True, cwd=folder, **self._as)

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",
            # It looks at how much there is when it likes, and never at what is not committed.
            "autovacuum": "off",
            # Nor tidies it up what full-text search writes down first; in KiB.
            "gin_pending_list_limit": 64,
            # In milliseconds: what takes so long on any machine reads what it should not.
            "statement_timeout": 120_000,
            "max_connections": 60,
        }
        server = [self.programs / "postgres", "-D", self.folder / "data"]
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*server, *flags], stdout=log, stderr=log, cwd=self.folder, **self._as
            )
        try:
            wait_for_port(self.port, self.process)
            self._wait_for_answer()
        except Exception:
            self.stop()
            raise

    def stop(self) -> None:
        stop(self.process, signal.SIGINT)  # "fast": SIGTERM would wait for whoever is connected

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _wait_for_answer(self) -> None:
        """Wait until it takes connections: it listens a little earlier than that."""
        ready = [self.programs / "pg_isready", "-d", self.url()]
        deadline = time.monotonic() + 60
        while subprocess.run(ready, capture_output=True, check=False).returncode:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"PostgreSQL does not answer on port {self.port}")
            time.sleep(0.05)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server until the block ends; without PostgreSQL, skip the test."""
    if not POSTGRESQL:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        server = PostgreSQL(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The address of a database on a PostgreSQL server of this test process alone."""
    with postgresql() as server:
        yield server.url()


@contextmanager
def fresh_postgresql(server_url: str, name: str) -> Iterator[str]:
    """Make an empty database *name* on the server of *server_url*, and drop it in the end."""
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program under test: this one's, with *variables*."""
    # As in the Makefile: without bytecode, every start would compile all of it again.
    kept = {name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **variables}


def run(
    program: str, *arguments: str | Path, folder: Path, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run one of our programs to its end, in *folder*, with *variables* in its environment."""
    return subprocess.run(
        [BIN / program, *arguments],
        cwd=folder,
        env=environment(variables),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Daemon:
    """A program of a test's own, which can be killed and started again; `log` has what it wrote."""

    def __init__(
        self, *command: str | Path, folder: Path, name: str, port: int = 0, **variables: str
    ) -> None:
        self.command = command
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.port = port
        self.variables = variables
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; with a port, wait until it listens."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=environment(self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # so that it is killed with whatever it has started
            )
        if self.port:
            try:
                wait_for_port(self.port, self.process)
            except RuntimeError as error:
                raise RuntimeError(f"{error}\n{self.output}") from None

    def kill(self) -> None:
        """End it and its children as a loss of power does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> None:
        if self.process is None:
            return
        if by is not signal.SIGKILL:
            stop(self.process, by)
        with suppress(ProcessLookupError):  # nobody is left
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def running(*daemons: Daemon) -> Iterator[None]:
    """Start *daemons* in this order, and end those that run when the block does."""
    try:
        for daemon in daemons:
            daemon.start()
        yield
    finally:
        for daemon in reversed(daemons):
            daemon.stop()


def redis(folder: Path) -> Daemon:
    """Return a Redis that keeps nothing; without Redis, skip the test."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is missing: apt-get install redis-server")
    port = free_port()
    memory_only = ("--save", "", "--appendonly", "no", "--dir", folder)
    server = ("redis-server", "--port", str(port), "--bind", "127.0.0.1", *memory_only)
    return Daemon(*server, folder=folder, name="redis", port=port)


class RunningSite:
    """PonyTracker as a daemon, at `url`."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.port = port
        self.url = f"http://localhost:{port}"
        self.process = process
        self.log = log

    @property
    def output(self) -> str:
        """All that it has written so far."""
        return self.log.read_text()


@contextmanager
def site(
    ini: str, *arguments: str, port: int, folder: Path, **variables: str
) -> Iterator[RunningSite]:
    """Serve the checkout's *ini* with pserve from *folder*, until the block ends.

    *arguments* and the environment *variables* must bring it to *port*.
    """
    log = folder / f"pserve-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / "pserve", ROOT / ini, *arguments],
            cwd=folder,
            env=environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        try:
            wait_for_port(port, process)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{log.read_text()}") from None
        yield RunningSite(port, process, log)
    finally:
        stop(process)
