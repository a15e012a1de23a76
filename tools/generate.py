#!/usr/bin/env python3
"""Fills a database with a project of many issues, of the shapes that real archives have.

    tools/generate.py DATABASE_URL [--project NAME] [--issues N] [--seed N]

What it writes is what the door would have written, only faster: each issue is what replaying its
events gives. Half of the issues have two comments or fewer and one in a hundred more than 32; texts
are as long as in 58,917 real issues, their words as common as in a language. About five events an
issue. The same seed gives the same project. The database has been brought up to date before.
"""

from __future__ import annotations

import argparse
import bisect
import datetime as dt
import itertools
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from markupsafe import escape
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from ponytracker.db import Database, make_engine
from ponytracker.issues.replay import apply
from ponytracker.markup import RENDERER_VERSION
from ponytracker.models import (
    Event,
    EventKind,
    Issue,
    IssueLabel,
    Label,
    Milestone,
    Project,
    State,
    User,
)
from ponytracker.models.base import now
from ponytracker.projects.service import create_project

YEARS = 10
PEOPLE = ["alice", "bob", "octocat", *(f"person{n}" for n in range(497))]
LABELS = [
    *("bug", "feature", "help wanted", "wip", "doc", "good first issue", "a,b"),
    *(f"label {n}" for n in range(33)),
]
MILESTONES = [f"Version {n}" for n in range(1, 26)]
COLOR = "#1d76db"
WORDS = 20_000
TEXTS = 5_000
"""How many texts there are to choose from; making each anew would take longer than storing it."""


class Row(NamedTuple):
    """An event on its way into the database, in the order of its columns."""

    issue: int
    at: dt.datetime
    kind: EventKind
    actor_id: int
    args: dict[str, Any]
    user_id: int | None = None
    label_id: int | None = None
    milestone_id: int | None = None
    text: str | None = None


class Replayed:
    """An issue made of nothing but its events."""

    def __init__(self) -> None:
        self.title = self.state_reason = self.closed_at = self.due_at = None
        self.milestone_id = self.assignee_id = self.updated_at = None
        self.state = State.OPEN
        self.comment_count = self.last_event_id = 0
        self.label_ids: set[int] = set()


def main() -> None:
    parser = argparse.ArgumentParser(description="Fills a database with a project of many issues.")
    parser.add_argument("database_url")
    parser.add_argument("--project", default="large", metavar="NAME")
    parser.add_argument("--issues", type=int, default=100_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    options = parser.parse_args()
    database = Database(make_engine(options.database_url))
    with database.session(write=True) as session, session.begin():
        name = options.project
        project = create_project(session, None, name=name, display_name=name, labels=())
        fill(session, project, options.issues, seed=options.seed)


def fill(
    session: Session, project: Project, issues: int, *, seed: int = 1, brevity: float = 1.0
) -> None:
    """Give *project*, which is new, that many issues; texts are shortened by *brevity*."""
    choose = random.Random(seed)  # noqa: S311 - for no secret
    people = _add_people(session)
    here = {"project_id": project.id}
    labels = _add(session, Label, [{**here, "name": name, "color": COLOR} for name in LABELS])
    milestones = _add(
        session,
        Milestone,
        [{**here, "name": name, "slug": name.lower().replace(" ", "-")} for name in MILESTONES],
    )
    story = _Story(choose, people, labels, milestones, issues, brevity)
    rows = sorted(itertools.chain.from_iterable(map(story.tell, range(issues))), key=_when)
    _store(session, project, issues, rows)


class _Story:
    """Makes up what happens to an issue."""

    def __init__(
        self,
        choose: random.Random,
        people: Sequence[int],
        labels: Sequence[tuple[int, str]],
        milestones: Sequence[tuple[int, str]],
        issues: int,
        brevity: float,
    ) -> None:
        self.choose = choose
        self.people = people
        self.labels = labels
        self.milestones = milestones
        self.words = _Zipf(choose, [_word(number) for number in range(WORDS)])
        self.who = _Zipf(choose, people)
        self.which_label = _Zipf(choose, labels)
        self.which_milestone = _Zipf(choose, milestones)
        self.bodies = [self._text(405 * brevity) for _ in range(TEXTS)]
        self.comments = [self._text(141 * brevity) for _ in range(TEXTS)]
        self.start = now() - dt.timedelta(days=365 * YEARS)
        self.step = dt.timedelta(days=365 * YEARS) / issues

    def tell(self, issue: int) -> Iterator[Row]:
        choose = self.choose
        at = self.start + issue * self.step
        author = self.who.one()
        title = self._line(48).capitalize()
        body = choose.choice(self.bodies) if choose.random() > 0.05 else ""
        yield Row(issue, at, EventKind.OPENED, author, {"title": title}, text=body)
        # A median of 1.5 and this spread give the real archives' quarters and tail.
        for _ in range(min(1_000, int(choose.lognormvariate(0.4, 1.3)))):
            at = self._later(at)
            text = choose.choice(self.comments)
            yield Row(issue, at, EventKind.COMMENTED, self.who.one(), {}, text=text)
        for label, name in {self.which_label.one() for _ in range(choose.choice((0, 0, 1, 1, 2)))}:
            args = {"name": name, "color": COLOR}
            at = self._later(at)
            yield Row(issue, at, EventKind.LABELED, self.who.one(), args, label_id=label)
        if choose.random() < 0.2:
            milestone, name = self.which_milestone.one()
            at, args = self._later(at), {"name": name}
            who = self.who.one()
            yield Row(issue, at, EventKind.MILESTONED, who, args, milestone_id=milestone)
        if choose.random() < 0.15:
            user, args = self.who.one(), {"username": "someone"}
            at = self._later(at)
            yield Row(issue, at, EventKind.ASSIGNED, self.who.one(), args, user_id=user)
        if choose.random() < 0.05:
            due = at + dt.timedelta(days=choose.randint(-30, 300))
            at = self._later(at)
            yield Row(issue, at, EventKind.DUE_SET, self.who.one(), {"due_at": due.isoformat()})
        if choose.random() < 0.75:
            at = self._later(at)
            yield Row(issue, at, EventKind.CLOSED, self.who.one(), {})

    def _later(self, at: dt.datetime) -> dt.datetime:
        hours = min(self.choose.lognormvariate(1, 2), 5_000)
        return min(at + dt.timedelta(hours=hours), now())

    def _text(self, median: float) -> str:
        return self._line(min(20_000, median * self.choose.lognormvariate(0, 1.2))) + "."

    def _line(self, length: float) -> str:
        return " ".join(self.words.one() for _ in range(max(1, round(length / 6.5))))


class _Zipf:
    """Chooses the n-th of some things about 1/n times as often as the first."""

    def __init__(self, choose: random.Random, things: Sequence[Any]) -> None:
        self.choose = choose
        self.things = things
        self.shares = list(itertools.accumulate(1 / n for n in range(1, len(things) + 1)))

    def one(self) -> Any:
        share = self.choose.random() * self.shares[-1]
        return self.things[min(bisect.bisect(self.shares, share), len(self.things) - 1)]


def _word(number: int) -> str:
    """Return the word of that rank; common ones are shorter, as in a language."""
    syllables = "ba ce di fo gu ka le mi no pu ra se ti vo wu xa ye zi".split()
    word = ""
    while number or not word:
        number, digit = divmod(number, len(syllables))
        word += syllables[digit]
    return word


def _when(row: Row) -> tuple[dt.datetime, int]:
    return row.at, row.issue


def _add(session: Session, model: Any, rows: list[dict[str, Any]]) -> list[tuple[int, str]]:
    ids = session.scalars(insert(model).returning(model.id, sort_by_parameter_order=True), rows)
    return [(id_, row["name"]) for id_, row in zip(ids, rows, strict=True)]


def _add_people(session: Session) -> list[int]:
    """Add who is not there yet, and return the ids of all of them."""
    ids = select(User.id).where(User.username.in_(PEOPLE)).order_by(User.id)
    present = set(session.scalars(select(User.username).where(User.username.in_(PEOPLE))))
    missing = [{"username": n, "username_key": n} for n in PEOPLE if n not in present]
    if missing:
        session.execute(insert(User), missing)
    return list(session.scalars(ids))


def _store(session: Session, project: Project, count: int, rows: Sequence[Row]) -> None:
    first_issue = (session.scalar(select(func.max(Issue.id))) or 0) + 1
    first_event = (session.scalar(select(func.max(Event.id))) or 0) + 1
    issues = [Replayed() for _ in range(count)]
    authors: dict[int, Row] = {}
    for id_, row in enumerate(rows, first_event):
        event = Event(
            kind=row.kind,
            created_at=row.at,
            args=row.args,
            user_id=row.user_id,
            label_id=row.label_id,
            milestone_id=row.milestone_id,
        )
        issue: Any = issues[row.issue]
        apply(event, issue)
        issue.last_event_id = id_
        if row.kind is EventKind.OPENED:
            authors[row.issue] = row
    stored = (
        (
            first_issue + n, project.id, n + 1, issue.title, authors[n].actor_id, issue.state,
            issue.closed_at, issue.due_at, issue.milestone_id, issue.assignee_id,
            issue.last_event_id, issue.comment_count, authors[n].at, issue.updated_at,
        )
        for n, issue in enumerate(issues)
    )  # fmt: skip
    _copy(
        session,
        "issues",
        "id project_id number title author_id state closed_at due_at milestone_id assignee_id"
        " last_event_id comment_count created_at updated_at",
        stored,
    )
    _copy(
        session,
        "events",
        "id issue_id project_id actor_id created_at kind args user_id label_id milestone_id text"
        " html html_version",
        (
            (
                id_, first_issue + row.issue, project.id, row.actor_id, row.at, row.kind,
                json.dumps(row.args), row.user_id, row.label_id, row.milestone_id, row.text,
                row.text and f"<p>{escape(row.text)}</p>\n",
                None if row.text is None else RENDERER_VERSION,
            )
            for id_, row in enumerate(rows, first_event)
        ),
    )  # fmt: skip
    links = (
        (first_issue + n, label) for n, issue in enumerate(issues) for label in issue.label_ids
    )
    _copy(session, IssueLabel.__tablename__, "issue_id label_id", links)
    project.last_issue_number = count
    project.open_count = sum(issue.state is State.OPEN for issue in issues)
    project.closed_count = count - project.open_count
    _settle(session)


def _copy(session: Session, table: str, names: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write *rows* by what each driver has for many."""
    columns = names.split()
    driver: Any = session.connection().connection.cursor()
    if session.get_bind().dialect.name == "postgresql":
        with driver.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([str(v) if isinstance(v, str) else v for v in row])
        return
    marks = ", ".join("?" * len(columns))
    plain = (tuple(map(_for_sqlite, row)) for row in rows)
    driver.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", plain)  # noqa: S608


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return str(value) if isinstance(value, str) else value


def _settle(session: Session) -> None:
    """Let PostgreSQL go on after the ids that were given, and know what there is."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for table in ("issues", "events"):
        last = f"(SELECT max(id) FROM {table})"  # noqa: S608
        session.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})"))
    session.execute(text("ANALYZE"))


if __name__ == "__main__":
    main()
