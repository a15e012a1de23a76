from __future__ import annotations

import datetime as dt
import json
from itertools import product

import pytest
from sqlalchemy import event, insert, literal, select, text

from ponytracker.issues.query import SORTS, list_issues, parse_query
from ponytracker.models import Issue, IssueLabel, Label, Milestone, Project, User
from ponytracker.web.pages import Page
from tests.databases import count_queries

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def fill(world, name, total):
    """Make a project of *total* issues, every other one closed, which were changed in no order."""
    session, project = world.session, world.project(name)
    names = [f"{name}-{number}" for number in range(50)]
    session.execute(insert(User), [{"username": n, "username_key": n} for n in names])
    session.execute(
        insert(Milestone), [{"project_id": project.id, "name": n, "slug": n} for n in names]
    )
    people = session.scalars(select(User.id).where(User.username.in_(names))).all()
    milestones = session.scalars(select(Milestone.id).where(Milestone.name.in_(names))).all()
    session.execute(
        insert(Issue),
        [
            {
                "project_id": project.id,
                "number": number,
                "title": f"Issue {number}",
                "author_id": people[number % 25],
                "assignee_id": people[25 + number % 25] if number % 7 else None,
                "milestone_id": milestones[number % 50] if number % 9 else None,
                "state": "closed" if number % 2 else "open",
                "created_at": START + dt.timedelta(minutes=number),
                "updated_at": START + dt.timedelta(minutes=number * 7919 % 10_007 + number),
                "comment_count": number % 4,
            }
            for number in range(1, total + 1)
        ],
    )
    label = session.scalars(select(Label).where(Label.project_id == project.id)).first()
    labelled = select(Issue.id, literal(label.id)).where(
        Issue.project_id == project.id, Issue.number % 3 == 0
    )
    session.execute(insert(IssueLabel).from_select(["issue_id", "label_id"], labelled))
    project.last_issue_number = total
    project.open_count, project.closed_count = total // 2, total - total // 2
    session.commit()
    return project


@pytest.fixture
def small(world):
    return fill(world, "small", 30)


@pytest.fixture
def large(world):
    return fill(world, "large", 10_000)


def test_the_list_asks_the_same_of_the_database_for_ten_thousand_issues_as_for_thirty(
    small, large, world, database, visitor_as
):
    world.user("alice")
    browser = visitor_as("alice")
    counts = set()
    for sort, state, at in product(SORTS, ("is:open", "is:closed", "*"), ("1", "99999")):
        for name in ("small", "large"):
            query = {"q": state, "sort": sort, "page": at}
            with count_queries(database) as queries:
                page = browser.get(f"/{name}/issues/", query)
            assert page.html.select(".row-list .issue-label")
            counts.add(len(queries))
    assert len(counts) == 1
    assert counts.pop() <= 10


def statement_of(session, project, query, page):
    """Return the statement that finds the ids of a page of the list, and its parameters."""
    ran = []
    bind = session.get_bind()

    def remember(_connection, _cursor, statement, parameters, *_rest):
        ran.append((statement, parameters))

    event.listen(bind, "before_cursor_execute", remember)
    try:
        list_issues(session, project, query, page)
    finally:
        event.remove(bind, "before_cursor_execute", remember)
    (found,) = [(sql, parameters) for sql, parameters in ran if "LIMIT" in sql]
    return found


def sqlite_plan(connection, sql, parameters):
    """Return what is done for the inner select, which chooses the issues, a line each."""
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).all()
    inner = {row.id for row in rows if "SUBQUERY" in row.detail}
    assert inner
    return [row.detail for row in rows if row.parent in inner]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def postgresql_plan(connection, sql, parameters):
    answer = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", parameters).scalar_one()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    (limit,) = [node for node in nodes(plan) if node["Node Type"] == "Limit"]
    return [f"{node['Node Type']} {node.get('Index Name', '')}" for node in nodes(limit)]


def test_each_order_is_read_off_an_index(large, session, world):
    fill(world, "other", 3000)
    session.execute(text("ANALYZE"))
    connection = session.connection()
    page = Page(1, 25, 5000)
    for sort, state in product(SORTS, ("is:open", "is:closed", "*")):
        sql, parameters = statement_of(session, large, parse_query(state, sort), page)
        if connection.dialect.name == "sqlite":
            steps = sqlite_plan(connection, sql, parameters)
            assert any(step.startswith("SEARCH issues USING") for step in steps), steps
        else:
            steps = postgresql_plan(connection, sql, parameters)
            assert any("Index" in step and "ix_issues" in step for step in steps), steps
        by_time = "updated" if sort.endswith("recently-updated") else "created"
        index = f"ix_issues_{by_time}" if state == "*" else f"ix_issues_state_{by_time}"
        assert any(index in step for step in steps), (sort, state, steps)
        assert not any(
            word in step for step in steps for word in ("Sort", "Seq Scan", "TEMP B-TREE", "SCAN ")
        ), (sort, state, steps)


@pytest.mark.parametrize("state", ["is:open", "is:closed", "*"])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_follow_each_other_without_gap_or_overlap(small, session, sort, state):
    query = parse_query(state, sort)
    project = session.get_one(Project, small.id)
    total = 30 if state == "*" else 15
    pages = [list_issues(session, project, query, Page(n, 7, total)) for n in range(1, 7)]
    found = [issue for page in pages for issue in page]
    assert len({issue.id for issue in found}) == len(found) == total

    def key(issue):
        by_update = sort.endswith("recently-updated")
        return issue.updated_at if by_update else issue.created_at, issue.number

    ascending = sort in ("oldest", "least-recently-updated")
    assert found == sorted(found, key=key, reverse=not ascending)
