"""A large project beside a small one: the same queries, and each of them on an index."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from ponytracker.projects.service import create_project
from tests.conftest import ROOT
from tests.databases import count_queries

sys.path.insert(0, str(ROOT / "tools"))
from bench import FILTERS
from generate import fill

LARGE, SMALL = 3_000, 40
SELECTIVE = (
    "author:person300",
    "assignee:person200",
    "commenter:person300",
    "closed-by:person300",
    "mentions:alice",
    'label:"label 32"',
    'milestone:"Version 24"',
    "comments:>60",
    "due:2026-11-01..2026-11-03",
    "created:2026-11-01..2026-11-03",
    "updated:2026-11-01",
    "#17",
    "zizi in:title",
    "zizi",
    "author:person300 label:bug",
    "is:unread",
)
"""Filters that find little, each by what an index is there for."""


@pytest.fixture
def projects(world, session):
    for name, size in (("small", SMALL), ("large", LARGE)):
        project = create_project(session, None, name=name, display_name=name, labels=())
        fill(session, project, size, brevity=0.2)
        session.commit()


@pytest.fixture
def reading(world, projects, visitor_as):
    alice = visitor_as(world.user("reader"))
    for name in ("small", "large"):
        alice.post_form(f"/{name}/markread/")
    return alice


@contextmanager
def plans(database):
    """Collect how the database goes about each statement inside the block.

    PostgreSQL would read a table of this size as a whole whatever indexes it has; asked not to, it
    does so only where it has no other way.
    """
    found = []
    if database.bind.dialect.name == "postgresql":
        database.bind.exec_driver_sql("SET LOCAL enable_seqscan = off")
    explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[
        database.bind.dialect.name
    ]

    def look(connection, _cursor, statement, parameters, *_rest):
        if statement.startswith(("SELECT", "WITH")):
            other = connection.connection.cursor()
            other.execute(explain + statement, parameters)
            found.append((statement, "\n".join(str(row[-1]) for row in other.fetchall())))
            other.close()

    event.listen(database.bind, "before_cursor_execute", look)
    try:
        yield found
    finally:
        event.remove(database.bind, "before_cursor_execute", look)


FULL_SCAN = re.compile(r"(?:Seq Scan on|SCAN) (?:issues|events)\b(?!.* USING .*INDEX)")


def test_filters_ask_the_same_of_large_projects_and_small_ones(reading, database):
    for q in FILTERS:
        counts = set()
        for name in ("small", "large"):
            with count_queries(database) as queries:
                reading.get(f"/{name}/issues/", {"q": q})
            counts.add(len(queries))
        # Where nothing is found, its labels are not asked for.
        assert max(counts) - min(counts) <= 1, q
        assert max(counts) <= 20, q


def test_what_finds_little_is_looked_up_in_an_index(reading, database):
    for q in SELECTIVE:
        with plans(database) as found:
            reading.get("/large/issues/", {"q": q})
            reading.get("/search/", {"q": f"{q} project:large"})
        for statement, plan in found:
            assert not FULL_SCAN.search(plan), f"{q}\n{statement}\n{plan}"


@pytest.mark.parametrize(
    "path", ["/", "/large/issues/17/", "/large/activity/", "/large/labels/", "/large/milestones/"]
)
def test_pages_read_no_table_as_a_whole(reading, database, path):
    with plans(database) as found:
        reading.get(path)
    for statement, plan in found:
        assert not FULL_SCAN.search(plan), f"{statement}\n{plan}"
