"""Private servers for the tests: on free loopback ports, in folders of their own, ended after."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

POSTGRESQL = sorted(
    Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
)


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
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


def _wait_until(ready: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError("a server of the tests does not get ready")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End *process*, which the tests have started."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database on a PostgreSQL server of this test process alone."""
    if not POSTGRESQL:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    programs = POSTGRESQL[-1].parent
    folder = tmp_path_factory.mktemp("postgresql")
    as_user: list[str] = []
    if os.geteuid() == 0:  # initdb refuses root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
        for parent in (folder, *folder.parents[:3]):
            parent.chmod(parent.stat().st_mode | 0o011)
    port = free_port()
    initdb = [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust"]
    options = ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run([*as_user, *initdb, *options], check=True, capture_output=True)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "off",
        "max_connections": 60,
    }
    server = [programs / "postgres", "-D", folder / "data"]
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    is_ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*as_user, *server, *flags], stdout=log, stderr=log)
        try:
            wait_for_port(port, process)
            _wait_until(lambda: subprocess.run([*is_ready, "-q"], check=False).returncode == 0)
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            stop(process)
