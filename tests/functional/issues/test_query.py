from __future__ import annotations

import datetime as dt
import json
from itertools import product

import pytest
from sqlalchemy import event, insert, literal, select, text

from ponytracker.issues import query, service
from ponytracker.issues.query import (
    SORTS,
    Count,
    count_states,
    find_page,
    list_issues,
    parse_query,
)
from ponytracker.models import Issue, IssueLabel, Label, Milestone, State, User
from ponytracker.security.principals import ANONYMOUS, identify
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
                "due_at": START + dt.timedelta(minutes=number * 7907 % 9973)
                if number % 5
                else None,
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
    session.execute(text("ANALYZE"))
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
    for sort, state, at in product(SORTS, ("is:open", "*"), ("1", "99999")):
        for name in ("small", "large"):
            query = {"q": state, "sort": sort, "page": at}
            with count_queries(database) as queries:
                page = browser.get(f"/{name}/issues/", query)
            assert "issue-label" in page.text
            counts.add(len(queries))
    assert len(counts) == 1
    assert counts.pop() <= 12


def statement_of(session, query, page):
    """Return the statement that finds the ids of a page of the list, and its parameters."""
    ran = []
    bind = session.get_bind()

    def remember(_connection, _cursor, statement, parameters, *_rest):
        ran.append((statement, parameters))

    event.listen(bind, "before_cursor_execute", remember)
    try:
        list_issues(session, query, page)
    finally:
        event.remove(bind, "before_cursor_execute", remember)
    (found,) = [(sql, parameters) for sql, parameters in ran if "LIMIT" in sql]
    return found


def sqlite_plan(connection, sql, parameters):
    """Return what is done for the inner select, which chooses the issues, a line each."""
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).all()
    inner = {row.id for row in rows if "SUBQUERY" in row.detail}
    assert inner
    steps = []
    for row in rows:
        if row.parent in inner:
            inner.add(row.id)
            steps.append(row.detail)
    return steps


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def postgresql_plan(connection, sql, parameters):
    answer = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", parameters).scalar_one()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    limit = next(node for node in nodes(plan) if node["Node Type"] == "Limit")
    return [
        f"{node['Node Type']} {node.get('Index Name', '')} {node.get('Relation Name', '')}"
        for node in nodes(limit)
    ]


def steps_of(session, asked, page):
    """Return how the database finds the ids of *page*, a line for each step."""
    connection = session.connection()
    sql, parameters = statement_of(session, asked, page)
    if connection.dialect.name == "sqlite":
        return sqlite_plan(connection, sql, parameters)
    return postgresql_plan(connection, sql, parameters)


ORDERS = {
    "recently-updated": "updated",
    "least-recently-updated": "updated",
    "newest": "created",
    "oldest": "created",
    "most-urgent": "due",
    "least-urgent": "due",
    "comments-desc": "comments",
    "comments-asc": "comments",
}


def test_each_order_is_read_off_an_index(large, session, world):
    fill(world, "other", 3000)
    for sort, state in product(SORTS, ("is:open", "is:closed", "*")):
        asked = parse_query(session, state, sort, ANONYMOUS, large)
        steps = steps_of(session, asked, Page(1, 25, 5000))
        by = ORDERS[sort]
        index = f"ix_issues_{by}" if state == "*" else f"ix_issues_state_{by}"
        assert any(index in step for step in steps), (sort, state, steps)
        wrong = ["Seq Scan", "SCAN issues"]
        # Issues with and without a due date, of each as many as the page can need, are merged.
        wrong += ["Sort", "TEMP B-TREE"] if by != "due" else []
        assert not any(word in step for step in steps for word in wrong), (sort, state, steps)


def test_what_is_rare_is_found_by_its_own_index(large, session, world):
    fill(world, "other", 3000)
    alice = world.user("alice")
    issue = world.issue(
        large, alice, title="A quagga", due_at=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    )
    rare = Label(project_id=large.id, name="rare")
    session.add_all([rare, Milestone(project_id=large.id, name="v1", slug="v1")])
    session.flush()
    service.add_label(session, issue, alice, rare)
    service.comment(session, issue, alice, text="seen")
    session.commit()
    session.execute(text("ANALYZE"))
    reader = identify(session, alice)
    for filter_ in (
        "author:alice",
        "commenter:@me",
        "involves:alice",
        "label:rare",
        "label:rare,nosuch label:rare -label:bug",
        "quagga",
        "in:title quagga OR seen",
        "due:>2029",
        "created:>2029 OR due:2030-01",
        "project:large comments:1 label:rare",
    ):
        asked = parse_query(session, filter_, None, reader, large)
        (found,) = list_issues(session, asked, Page(1, 25, 1))
        assert found.id == issue.id, filter_
        steps = steps_of(session, asked, Page(1, 25, 1))
        wrong = [step for step in steps if "Seq Scan  issues" in step or "SCAN issues" in step]
        assert not wrong, (filter_, steps)


@pytest.mark.parametrize("state", ["is:open", "is:closed", "*"])
@pytest.mark.parametrize("sort", [*SORTS, "due-desc,updated-asc", "updated-desc,due-asc"])
def test_pages_follow_each_other_without_gap_or_overlap(small, session, sort, state):
    asked = parse_query(session, f"{state} sort:{sort}", None, ANONYMOUS, small)
    total = 30 if state == "*" else 15
    assert find_page(session, asked, "2", size=7) == (Page(2, 7, total), Count(total))
    pages = [list_issues(session, asked, Page(n, 7, total)) for n in range(1, 7)]
    found = [issue for page in pages for issue in page]
    assert len({issue.id for issue in found}) == len(found) == total

    columns = {"updated": "updated_at", "created": "created_at", "due": "due_at"}
    wanted = list(found)
    orders = [order.split("-") for order in asked.filter.sorts or ("updated-desc",)]
    wanted.sort(key=lambda issue: issue.number, reverse=orders[0][1] == "desc")
    for by, way in reversed(orders):
        column = columns.get(by, "comment_count")
        known = [issue for issue in wanted if getattr(issue, column) is not None]
        unknown = [issue for issue in wanted if getattr(issue, column) is None]
        known.sort(key=lambda issue: getattr(issue, column), reverse=way == "desc")
        # What has no due date comes last, whichever way the others are.
        wanted = known + unknown
    assert found == wanted


def test_the_most_relevant_come_first(world, session):
    web, alice = world.project("web"), world.user("alice")
    plain = world.issue(web, alice, title="x", text="A crash")
    often = world.issue(web, alice, title="y", text="crash")
    service.comment(session, often, alice, text="It crashed")
    titled = world.issue(web, alice, title="Crash")
    world.issue(web, alice, title="z")
    session.commit()
    best = parse_query(session, "crash", "relevance", ANONYMOUS, web)
    assert list_issues(session, best, Page(1, 25, 3)) == [titled, often, plain]
    worst = parse_query(session, "crash sort:relevance-asc", None, ANONYMOUS, web)
    assert list_issues(session, worst, Page(1, 25, 3)) == [plain, often, titled]
    # Without words there is none more relevant than another.
    nothing = parse_query(session, "-nonsense", "relevance", ANONYMOUS, web)
    assert [issue.number for issue in list_issues(session, nothing, Page(1, 9, 4))] == [4, 3, 2, 1]


def test_after_those_in_order_of_relevance_come_the_others(large, session, world, monkeypatch):
    monkeypatch.setattr(query, "RANKED", 10)
    asked = parse_query(session, "issue", "relevance", ANONYMOUS, large)
    pages = [list_issues(session, asked, Page(n, 7, 50)) for n in range(1, 6)]
    found = [issue for page in pages for issue in page]
    assert len({issue.id for issue in found}) == len(found) == 35
    later = [issue.updated_at for issue in found[14:]]
    assert later == sorted(later, reverse=True)
    assert min(issue.updated_at for issue in found[:14]) >= later[0]


def test_counts_stop_where_nobody_looks_any_more(small, session, database, monkeypatch):
    monkeypatch.setattr(query, "COUNT_BEYOND", 4)
    monkeypatch.setattr(query, "MAX_LISTED", 12)

    def count(text, page):
        asked = parse_query(session, text, None, ANONYMOUS, small)
        with count_queries(database) as queries:
            _page, found = find_page(session, asked, page, size=5)
        return found, len(queries)

    assert count("comments:>=0", None) == (Count(9, is_capped=True), 1)
    assert count("comments:>=0", "2") == (Count(14, is_capped=True), 1)
    assert count("comments:>=0", "99999") == (Count(15), 1)
    assert count("comments:>=0 *", "99999") == (Count(19, is_capped=True), 1)
    assert count("comments:3 *", None) == (Count(7), 1)
    # What the project counts itself is known to the last.
    assert count("is:open", None) == (Count(15), 0)
    assert count("* sort:oldest", None) == (Count(30), 0)


def test_the_buttons_count_all_that_is_asked_for_besides_the_state(
    small, session, database, monkeypatch
):
    def count(text, project=small):
        asked = parse_query(session, text, None, ANONYMOUS, project)
        with count_queries(database) as queries:
            counts = count_states(session, asked)
        return counts[State.OPEN], counts[State.CLOSED], len(queries)

    assert count("is:closed") == (Count(15), Count(15), 0)
    assert count("comments:3 is:closed") == (Count(0), Count(7), 1)
    assert count("comments:2 is:unread") == (Count(8), Count(0), 1)
    assert count("(is:open comments:2) OR (is:closed comments:3)") == (Count(8), Count(7), 1)
    assert count("is:open", None) == (Count(15), Count(15), 1)
    monkeypatch.setattr(query, "COUNT_BEYOND", 5)
    assert count("comments:3") == (Count(0), Count(5, is_capped=True), 1)


def test_filters_ask_the_same_of_the_database_however_much_there_is(
    small, large, session, world, database
):
    reader = identify(session, world.user("alice"))
    for text_ in (
        "label:bug",
        "label:bug,feature -label:nosuch author:alice,bob assignee:none",
        "crash OR issue sort:relevance",
        "due:today..+7d comments:>1 sort:due",
        "is:unread involves:@me milestone:v1",
    ):
        counts = set()
        for project in (small, large):
            assert project.id  # which is loaded before
            with count_queries(database) as queries:
                asked = parse_query(session, text_, None, reader, project)
                page, _count = find_page(session, asked, "2", size=25)
                list_issues(session, asked, page)
                count_states(session, asked)
            counts.add(len([sql for sql in queries if "JOIN labels" not in sql]))
        assert len(counts) == 1, text_
        assert counts.pop() <= 9, text_


def test_what_stands_on_the_page(small, session):
    asked = parse_query(session, None, None, ANONYMOUS, small)
    assert (asked.text, asked.sort, asked.state) == ("is:open", "recently-updated", "open")
    asked = parse_query(session, " lable:bug is:closed ", "most-urgent", ANONYMOUS, small)
    assert (asked.text, asked.sort, asked.state) == (
        " lable:bug is:closed ",
        "most-urgent",
        "closed",
    )
    assert asked.error.interpolate() == "Unknown filter “lable”. Did you mean “label”?"
    assert parse_query(session, "is:open", "nonsense", ANONYMOUS, small).sort == "recently-updated"
    assert parse_query(session, "sort:number-asc", None, ANONYMOUS, small).sort == "number-asc"
