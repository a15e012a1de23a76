"""Issue numbers under load: from many processes and many requests at once, none lost or twice."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.accounts.service import create_user, find_user
from ponytracker.db import Database, make_engine
from ponytracker.issues.service import open_issue
from ponytracker.models import Event, Issue, Project
from ponytracker.projects.service import create_project, find_project
from tests.integration.conftest import Site

PROCESSES = 8
ISSUES = 500
POSTS = 40
CLIENTS = 8

_start: Barrier


def remember_start(barrier: Barrier) -> None:
    global _start  # noqa: PLW0603 - a process of the pool gets it once, as it begins
    _start = barrier


def open_issues(url: str, count: int) -> list[int]:
    """Open *count* issues, each in its own transaction, once every process is ready to."""
    engine = make_engine(url)
    database = Database(engine)
    numbers = []
    _start.wait(120)
    for turn in range(count):
        with database.session(write=True) as session, session.begin():
            project, author = find_project(session, "web"), find_user(session, "someone")
            assert project
            issue = open_issue(session, project, author, title=f"Issue {turn}", text="*Oh*")
            numbers.append(issue.number)
    engine.dispose()
    return numbers


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, context, remember_start, (barrier,)) as pool:
        yield pool


def test_processes_that_open_issues_at_once(migrated_url, empty_engine, processes):
    with Session(empty_engine) as session, session.begin():
        author = create_user(session, username="someone")
        create_project(session, author, name="web", display_name="Web")

    shares = [len(range(first, ISSUES, PROCESSES)) for first in range(PROCESSES)]
    told = list(processes.map(open_issues, [migrated_url] * PROCESSES, shares))

    assert sorted(number for numbers in told for number in numbers) == list(range(1, ISSUES + 1))
    with Session(empty_engine) as session:
        stored = session.scalars(select(Issue.number).order_by(Issue.number)).all()
        assert stored == list(range(1, ISSUES + 1))
        project = session.query(Project).one()
        assert (project.open_count, project.closed_count) == (ISSUES, 0)
        assert project.last_issue_number == ISSUES
        # Each has what opened it, and no event of another.
        opened = session.scalars(select(Event.issue_id).where(Event.kind == "opened")).all()
        assert sorted(opened) == sorted(session.scalars(select(Issue.id)))


def test_requests_that_open_issues_at_once(running_site: Site):
    path = "/many/issues/add/"
    people = [running_site.client("admin" if n % 2 else "other") for n in range(CLIENTS)]
    people[0].add_project("many")
    senders = [people[turn % CLIENTS].another() for turn in range(POSTS)]
    forms = [sender.get(path).fields("issue-form") for sender in senders]
    for turn, (sender, form) in enumerate(zip(senders, forms, strict=True)):
        sender.send("POST", path, {**form, "title": f"Issue {turn}", "description": "*Oh*"})
    replies = [sender.receive() for sender in senders]

    assert [reply.status for reply in replies] == [303] * POSTS, [r.text for r in replies]
    led_to = {reply.headers["Location"] for reply in replies}
    assert led_to == {f"{running_site.url}/many/issues/{number}/" for number in range(1, POSTS + 1)}
    with running_site.database.session(write=False) as session:
        project = find_project(session, "many")
        assert project
        assert (project.open_count, project.last_issue_number) == (POSTS, POSTS)
        stored = session.scalars(select(Issue.title).where(Issue.project_id == project.id)).all()
        assert sorted(stored) == sorted(f"Issue {turn}" for turn in range(POSTS))
