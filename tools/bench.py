#!/usr/bin/env python3
"""How long the pages take as a project grows: ratios within one run, the machine's speed aside.

    tools/bench.py [--issues N] [--postgresql URL] [--keep FOLDER]

Makes two trackers, one with N issues (100,000) and one with a hundredth of them, and times each
page on both. A ratio near 1 means that a page costs the same at any size; more than 5 is a fault,
with which it ends. SQLite, unless the address of a PostgreSQL server is given, on which it makes
two databases and drops them again. With --keep the SQLite files stay, to be used the next time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
from sqlalchemy import create_engine, inspect, text
from webtest import TestApp

from ponytracker import make_app
from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.projects.service import create_project
from ponytracker.security.passwords import Passwords
from ponytracker.settings import DEVELOPMENT_SECRET, Settings

sys.path.insert(0, str(Path(__file__).parent))
from generate import fill

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 9
LIMIT = 5
"""A page may take this many times as long on a hundred times as many issues."""

PASSWORD = "only for this run"  # noqa: S105 - it opens nothing else
READER = "reader"

COMMON, RARE = "ba", "wasewa"
"""Words of the generator: in nearly every text, and in a few of all."""

FILTERS = (
    "is:open",
    "is:closed",
    "*",
    "is:unread",
    "label:bug label:feature",
    "label:bug,feature",
    'label:"help wanted"',
    'label:"a,b"',
    '-label:"good first issue" -author:bob',
    "no:assignee,milestone",
    "no:label",
    "author:alice",
    "author:alice author:bob",
    'milestone:"Version 2"',
    "has:due",
    "no:due",
    "is:overdue",
    "due:<2026-01-01",
    "due:today..+7d",
    "created:>2016-04-29",
    "created:2012-04-30..*",
    "created:*..2012-07-04",
    "comments:>100",
    f'{COMMON} -"hello world"',
    "(label:bug assignee:alice) OR (label:doc assignee:octocat)",
    "involves:octocat",
    "commenter:alice",
    "closed-by:bob",
    "sort:due-asc",
    "sort:comments-desc",
    "* sort:created-asc",
    COMMON,
    f"{COMMON} sort:relevance",
    RARE,
    f"{RARE} in:title,comments *",
)
PAGES = {
    "project list": "/",
    "issue": "/web/issues/17/",
    "activity": "/web/activity/",
    "labels": "/web/labels/",
    "milestones": "/web/milestones/",
    "list, a late page": "/web/issues/?q=*&page=30",
    "search, common": f"/search/?q={COMMON}",
    "search, rare": f"/search/?q={RARE}",
    **{f"q={text}": f"/web/issues/?q={urllib.parse.quote(text)}" for text in FILTERS},
}


def main() -> int:
    parser = argparse.ArgumentParser(description="How long the pages take as a project grows.")
    parser.add_argument("--issues", type=int, default=100_000, metavar="N")
    parser.add_argument("--postgresql", metavar="URL", help="of the server, without a database")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    sizes = {"small": options.issues // 100, "large": options.issues}
    if options.postgresql:
        with databases_on(options.postgresql, sizes) as urls:
            return report(urls, sizes)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        return report([f"sqlite:///{folder}/{name}.sqlite" for name in sizes], sizes)


@contextmanager
def databases_on(server: str, sizes: dict[str, int]) -> Iterator[list[str]]:
    """Make a database for each size on the PostgreSQL server, and drop them in the end."""
    engine = create_engine(
        server.replace("postgresql://", "postgresql+psycopg://").rstrip("/") + "/postgres",
        isolation_level="AUTOCOMMIT",
    )
    names = {size: f"ponytracker_bench_{os.getpid()}_{size}" for size in sizes}
    with engine.connect() as connection:
        try:
            for name in names.values():
                connection.execute(text(f"CREATE DATABASE {name}"))
            yield [f"{server.rstrip('/')}/{name}" for name in names.values()]
        finally:
            for name in names.values():
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def report(urls: list[str], sizes: dict[str, int]) -> int:
    visitors = [visitor(url, size) for url, size in zip(urls, sizes.values(), strict=True)]
    print(f"{'milliseconds, median of ' + str(ROUNDS):60}", end="")
    print("".join(f"{size:>10,}" for size in sizes.values()) + "     ratio")
    slow = 0
    for name, path in PAGES.items():
        small, large = (median(partial(visitor.get, path)) for visitor in visitors)
        ratio = large / small
        slow += ratio > LIMIT
        mark = f"  more than {LIMIT}" if ratio > LIMIT else ""
        print(f"{name[:60]:60}{small:10.1f}{large:10.1f}{ratio:10.2f}{mark}", flush=True)
    return 1 if slow else 0


def visitor(url: str, size: int) -> TestApp:
    """Return a browser, signed in, on a tracker of *size* issues, which is made if need be."""
    engine = make_engine(url)
    database = Database(engine)
    settings = Settings(
        database_url=url,
        base_url="http://localhost",
        secret=DEVELOPMENT_SECRET,
        argon2_memory_kib=32,
        argon2_rounds=1,
    )
    if not inspect(engine).has_table("issues"):
        print(f"Making {size:,} issues", file=sys.stderr, flush=True)
        os.environ["PONYTRACKER_DATABASE_URL"] = url
        alembic.command.upgrade(alembic.config.Config(ROOT / "development.ini"), "head")
        with database.session(write=True) as session, session.begin():
            password = Passwords(settings.argon2_memory_kib, settings.argon2_rounds)
            create_user(session, username=READER, password_hash=password.hash(PASSWORD))
            project = create_project(session, None, name="web", display_name="Web", labels=())
            fill(session, project, size)
    app = TestApp(make_app(settings, database))
    form = app.get("/login").forms["login-form"]
    form["username"], form["password"] = READER, PASSWORD
    form.submit().follow()
    return app


def median(visit: Callable[[], Any]) -> float:
    """Return the median time of *visit* in milliseconds, the first time aside."""
    visit()
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        visit()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
