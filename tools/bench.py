#!/usr/bin/env python3
"""How long the pages take as a project grows: ratios within one run, the machine's speed aside.

    tools/bench.py [--issues N]

Fills two projects in a temporary SQLite file, one with N issues (20,000) and one with a twentieth
of them, and times each page on both. A ratio near 1 means that a page costs the same at any size.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
from sqlalchemy import insert
from sqlalchemy.orm import Session
from webtest import TestApp

from ponytracker import make_app
from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.markup import RENDERER_VERSION, render
from ponytracker.models import Event, EventKind, Issue, Project, State, User
from ponytracker.models.base import now
from ponytracker.projects.service import create_project
from ponytracker.settings import DEVELOPMENT_SECRET, Settings

ROOT = Path(__file__).resolve().parent.parent
COMMENTS = 4
ROUNDS = 25
LIST = "/{}/issues/?q=is:open&sort="
PAGES = {
    "project list": "/",
    "list, recently updated": LIST + "recently-updated",
    "list, newest": LIST + "newest",
    "list, oldest, last page": LIST + "oldest&page=99999",
    "list, all issues": "/{}/issues/?q=*",
    "issue": "/{}/issues/17/",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="How long the pages take as a project grows.")
    parser.add_argument("--issues", type=int, default=20_000, metavar="N")
    count = parser.parse_args().issues
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ponytracker.sqlite"
        os.environ["PONYTRACKER_DATABASE_URL"] = url
        alembic.command.upgrade(alembic.config.Config(ROOT / "development.ini"), "head")
        database = Database(make_engine(url))
        sizes = {"small": count // 20, "large": count}
        with database.session(write=True) as session, session.begin():
            author = create_user(session, username="alice")
            for name, size in sizes.items():
                fill(
                    session,
                    create_project(session, None, name=name, display_name=name),
                    size,
                    author,
                )
        settings = Settings(
            database_url=url, base_url="http://localhost", secret=DEVELOPMENT_SECRET
        )
        report(TestApp(make_app(settings, database)), sizes)


def fill(session: Session, project: Project, size: int, author: User) -> None:
    """Give *project* that many issues, each with a description and some comments."""
    start = now() - dt.timedelta(days=3650)
    step = dt.timedelta(days=3650) / size
    text = "It does **not** work since `1.2`:\n\n```\nTraceback\n```\n"
    shared = {"text": text, "html": render(text), "html_version": RENDERER_VERSION}
    issues = [
        {
            "project_id": project.id,
            "number": number,
            "title": f"The {number}th thing does not work",
            "author_id": author.id,
            "state": State.CLOSED if number % 3 else State.OPEN,
            "created_at": start + number * step,
            "updated_at": start + (number * 7 % size) * step,
            "comment_count": COMMENTS,
        }
        for number in range(1, size + 1)
    ]
    ids = session.scalars(insert(Issue).returning(Issue.id, sort_by_parameter_order=True), issues)
    events = [
        {
            "issue_id": issue_id,
            "project_id": project.id,
            "actor_id": author.id,
            "created_at": issue["created_at"],
            "kind": EventKind.COMMENTED if comment else EventKind.OPENED,
            "args": {},
            **shared,
        }
        for issue_id, issue in zip(ids.all(), issues, strict=True)
        for comment in range(COMMENTS + 1)
    ]
    session.execute(insert(Event), events)
    project.last_issue_number = size
    project.open_count = sum(issue["state"] is State.OPEN for issue in issues)
    project.closed_count = size - project.open_count


def report(app: Any, sizes: dict[str, int]) -> None:
    print(f"{'milliseconds, median of ' + str(ROUNDS):28}", end="")
    print("".join(f"{size:>10}" for size in sizes.values()) + "     ratio")
    for name, path in PAGES.items():
        times = [median(partial(app.get, path.format(project))) for project in sizes]
        print(f"{name:28}" + "".join(f"{taken:10.1f}" for taken in times), end="")
        print(f"{times[-1] / times[0]:10.2f}")


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
    main()
