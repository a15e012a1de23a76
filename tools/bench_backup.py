#!/usr/bin/env python3
"""How long a backup and its restore into the other kind of database take, and how much memory.

    tools/bench_backup.py --postgresql URL [--issues N] [--keep FOLDER]

Makes a tracker with N issues (100,000) on SQLite, moves it to PostgreSQL and back by `ponytracker
backup` and `ponytracker restore`, each a process of its own, and compares what the three backups
say is in each table. URL is that of a server on which it makes a database, and drops it again. More
than five minutes for one of the commands is a fault, with which it ends. With --keep the first
tracker stays, to be used the next time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import alembic.command
import alembic.config
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from ponytracker.backup.format import Manifest, read_parts
from ponytracker.db import Database, make_engine
from ponytracker.projects.service import create_project

sys.path.insert(0, str(Path(__file__).parent))
from generate import fill

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 300
"""Seconds that one command may take."""

DATABASE = "ponytracker_bench_backup"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgresql", metavar="URL", required=True)
    parser.add_argument("--issues", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-backup-") as name:
        folder = Path(name)
        first = (options.keep or folder) / f"backup-{options.issues}.sqlite"
        if not first.exists():
            # A process of its own: the memory of this one would count as that of those it starts.
            maker = multiprocessing.Process(
                target=make, args=(f"sqlite:///{first}", options.issues)
            )
            maker.start()
            maker.join()
            if maker.exitcode:
                return 1
        moved = make_url(options.postgresql).set(database=DATABASE)
        admin = create_engine(options.postgresql, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {DATABASE}"))
            try:
                return measure(
                    folder,
                    f"sqlite:///{first}",
                    moved.render_as_string(hide_password=False),
                    f"sqlite:///{folder}/again.sqlite",
                )
            finally:
                connection.execute(text(f"DROP DATABASE {DATABASE} WITH (FORCE)"))


def make(url: str, issues: int) -> None:
    config = alembic.config.Config(str(ROOT / "development.ini"))
    database = Database(make_engine(url))
    engine = database.bind.engine.execution_options(sqlite_begin="IMMEDIATE")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")
    with database.session(write=True) as session, session.begin():
        project = create_project(session, None, name="web", display_name="Web", labels=())
        fill(session, project, issues)


def measure(folder: Path, *urls: str) -> int:
    """Back up each of *urls* and restore it into the next; return 1 where something is wrong."""
    is_slow = False
    manifests: list[Manifest] = []
    for number, url in enumerate(urls):
        file = folder / f"{number}.tar"
        is_slow |= run("backup", file, url) > LIMIT
        size = file.stat().st_size / 1_000_000
        with file.open("rb") as octets:
            manifests += [part for part in read_parts(octets) if isinstance(part, Manifest)]
        rows = sum(table.rows for table in manifests[-1].tables.values())
        print(f"         {size:,.0f} MB, {rows:,} rows")
        if number + 1 < len(urls):
            is_slow |= run("restore", file, urls[number + 1]) > LIMIT
    is_equal = all(manifest == manifests[0] for manifest in manifests)
    print("each table is equal in all three" if is_equal else "the tables DIFFER")
    return int(is_slow or not is_equal)


def run(command: str, file: Path, url: str) -> float:
    """Run a command to its end and print what it took; return its seconds."""
    program: list[str | Path] = [Path(sys.executable).with_name("ponytracker"), command, file]
    started = time.monotonic()
    process = subprocess.Popen(
        [*program, "--ini", ROOT / "development.ini"],
        env={**os.environ, "PONYTRACKER_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    seconds = time.monotonic() - started
    kind = make_url(url).get_backend_name()
    cpu = usage.ru_utime + usage.ru_stime
    print(
        f"{command:8} {kind:10} {seconds:6.1f} s, {cpu:6.1f} s of processor,"
        f" {usage.ru_maxrss / 1000:,.0f} MB at most",
        flush=True,
    )
    return seconds


if __name__ == "__main__":
    sys.exit(main())
