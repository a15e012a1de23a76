from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from sqlalchemy import select

from ponytracker.issues import service
from ponytracker.issues.recording import record
from ponytracker.models import EventKind, Issue, Label, Milestone, Project, SiteSettings


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def five(world, web, session):
    """Five issues, of which 2 and 4 are closed, and 1 was changed last."""
    author = world.user("author")
    for number in range(1, 6):
        at = utc(2026, 1, number)
        issue = world.issue(web, author, title=f"Issue {number}", at=at)
        if number in (2, 4):
            record(session, issue, EventKind.CLOSED, author, at=at)
    first = session.scalars(select(Issue).where(Issue.number == 1)).one()
    service.comment(session, first, author, text="x", at=utc(2026, 2, 1))
    session.commit()


def listed(page):
    return [int(a["href"].strip("/").split("/")[-1]) for a in page.html.select(".row-title")]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 5, 3]),
        ("?q=", [1, 5, 3]),
        ("?q=is:open&sort=newest", [5, 3, 1]),
        ("?sort=oldest", [1, 3, 5]),
        ("?sort=recently-updated", [1, 5, 3]),
        ("?sort=least-recently-updated", [3, 5, 1]),
        ("?q=is:closed", [4, 2]),
        ("?q=is:close&sort=oldest", [2, 4]),
        ("?q=*&sort=newest", [5, 4, 3, 2, 1]),
        ("?q=%20*%20&sort=least-recently-updated", [2, 3, 4, 5, 1]),
    ],
)
def test_what_is_listed_and_in_which_order(five, visitor, query, numbers):
    assert listed(visitor.get(f"/web/issues/{query}")) == numbers


@pytest.mark.parametrize("sort", ["", "nonsense", "newest; DROP TABLE issues", "\x00", "\u0661"])
def test_an_unknown_sort_is_the_usual_one(five, visitor, sort):
    assert listed(visitor.get("/web/issues/", {"sort": sort})) == [1, 5, 3]


@pytest.mark.parametrize(
    ("q", "level", "numbers"),
    [
        ("is:openn", "danger", [1, 5, 3]),
        ("lable:bug", "danger", [1, 5, 3]),
        ('"', "danger", [1, 5, 3]),
        ("(", "danger", [1, 5, 3]),
        ("label:", "danger", [1, 5, 3]),
        ("label:nosuch", "warning", []),
        ("author:nosuch", "warning", []),
        ("is:open is:closed", "info", []),
        ("is:unread", "warning", []),
        ("a:b:c", "info", []),
        ("--", "info", [1, 5, 3]),
    ],
)
def test_what_is_wrong_with_a_filter_is_said_and_the_rest_applies(five, visitor, q, level, numbers):
    page = visitor.get("/web/issues/", {"q": q})
    assert page.html.select(f".remark.alert-{level}")
    assert listed(page) == numbers
    assert page.html.find(id="q")["value"] == q


@pytest.mark.parametrize("q", ["nonsense", "'", "\\", "<script>", "\x00", ":", "a" * 5000])
def test_whatever_is_asked_for_is_answered(five, visitor, q):
    page = visitor.get("/web/issues/?q=" + quote(q))
    assert page.html.select_one(".list-head")


def test_what_is_wrong_is_marked_and_put_right_by_a_link(five, visitor):
    page = visitor.get("/web/issues/", {"q": 'is:closed lable:bug "x'})
    unknown, unclosed = page.html.select(".remark[role=alert]")
    assert (unknown.mark.text, unclosed.mark.text) == ("lable", '"x')
    assert page.click("^label$").html.find(id="q")["value"] == 'is:closed label:bug "x'
    assert not page.html.select("#bulk-form")


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("", [5, 4]),
        ("1", [5, 4]),
        ("2", [3, 2]),
        ("3", [1]),
        ("4", [1]),
        ("99999", [1]),
        ("9" * 40, [5, 4]),
        ("0", [5, 4]),
        ("-1", [5, 4]),
        ("abc", [5, 4]),
        ("\u0661", [5, 4]),
        ("2.0", [5, 4]),
        ("\x00", [5, 4]),
    ],
)
def test_any_page_that_is_asked_for_is_answered(five, session, visitor, asked, numbers):
    session.get_one(SiteSettings, 1).items_per_page = 2
    session.commit()
    query = {"q": "*", "sort": "newest", "page": asked}
    assert listed(visitor.get("/web/issues/", query)) == numbers


def test_links_to_pages_and_states_keep_the_rest(five, session, visitor):
    session.get_one(SiteSettings, 1).items_per_page = 2
    session.commit()
    page = visitor.get("/web/issues/?q=*&sort=oldest")
    assert listed(page.click("^3$")) == [5]
    closed = page.click("Closed")
    assert listed(closed) == [2, 4]
    assert closed.html.find(id="q")["value"] == "is:closed sort:created-asc"
    assert closed.html.select_one(".dropdown-item[aria-current]").text == "Oldest"


def test_the_counts_are_those_of_the_states(five, session, visitor):
    page = visitor.get("/web/issues/")
    assert [count.text for count in page.html.select(".list-head .count")] == ["3", "2"]
    project = session.scalars(select(Project)).one()
    assert (project.open_count, project.closed_count, project.last_issue_number) == (3, 2, 5)
    narrow = visitor.get("/web/issues/", {"q": "comments:>0"})
    assert [count.text for count in narrow.html.select(".list-head .count")] == ["1", "0"]


def test_each_menu_narrows_down_what_is_listed(five, world, session, web, visitor):
    bob = world.user("bob")
    second = world.issue(web, bob, title="Of bob")
    label = session.scalars(select(Label).where(Label.name == "bug")).one()
    milestone = Milestone(project_id=web.id, name="Version 2", slug="version-2")
    session.add(milestone)
    session.flush()
    service.add_label(session, second, bob, label)
    service.set_milestone(session, second, bob, milestone)
    service.assign(session, second, bob, bob)
    session.commit()
    page = visitor.get("/web/issues/")
    row = page.html.select_one(".row-list li")
    links = {a.text.strip(): a["href"] for a in [*row.select("a"), *page.html.select(".menu a")]}
    asked = {text: parse_qs(href.removeprefix("?")).get("q") for text, href in links.items()}
    assert asked["bug"] == ["is:open label:bug"]
    assert asked["bob"] == ["is:open assignee:bob"]
    assert asked["author"] == ["is:open author:author"]
    assert asked["Version 2"] == ['is:open milestone:"Version 2"']
    assert asked["No label"] == ["is:open no:label"]
    assert asked["No milestone"] == ["is:open no:milestone"]
    assert asked["No one"] == ["is:open no:assignee"]
    assert asked["Most urgent"] == ["is:open sort:due-asc"]
    for text in ("bug", "Version 2"):
        assert listed(visitor.get(f"/web/issues/{links[text]}")) == [6]


@pytest.mark.parametrize("key", ["author", "assignee"])
@pytest.mark.parametrize(
    ("typed", "value"), [("bob", "bob"), ("@Bob", "Bob"), (" a b ", '"a b"'), ("a,b", '"a,b"')]
)
def test_a_name_can_be_typed_into_a_menu(five, visitor, key, typed, value):
    answer = visitor.get("/web/issues/", {"q": "is:closed label:bug", key: typed}, status=303)
    assert parse_qs(urlsplit(answer.location).query)["q"] == [f"is:closed label:bug {key}:{value}"]


def test_each_row_says_how_much_of_it_is_unread(five, world, session, visitor, visitor_as):
    alice = world.user("alice")
    reading = visitor_as(alice)
    page = reading.get("/web/issues/")
    badges = [badge.text.split()[-1] for badge in page.html.select(".row-list .unread")]
    assert badges == ["2", "1", "1"]
    reading.get("/web/issues/1/")
    assert len(reading.get("/web/issues/").html.select(".row-list .unread")) == 2
    unread = reading.get("/web/issues/", {"q": "is:unread"})
    assert sorted(listed(unread)) == [2, 3, 4, 5]
    read = next(f for f in unread.forms.values() if "/markread/" in f.action).submit().follow()
    assert not read.html.select(".row-list .unread")
    assert not visitor.get("/web/issues/").html.select(".unread")


def test_only_whoever_may_change_issues_can_select_them(five, world, web, visitor, visitor_as):
    for rights, changes in (
        ([], None),
        (["manage_issue"], {"close", "reopen", "assign"}),
        (["manage_tags"], {"no-milestone"}),
    ):
        user = world.user(f"with{len(rights) and rights[0]}")
        if rights:
            world.grant(*rights, project=web, user_id=user.id)
        page = visitor_as(user).get("/web/issues/")
        values = {option["value"] for option in page.html.select("#change option")}
        simple = {value for value in values if value and "label-" not in value}
        assert simple == (changes or set())
        assert len(page.html.select("input[name=issue]")) == (3 if rights else 0)
    assert not visitor.get("/web/issues/").html.select("input[name=issue]")


def test_an_empty_list_says_so(web, visitor):
    assert "No issues match your desired criteria." in visitor.get("/web/issues/?page=7")
    assert visitor.get("/web/", status=303).location == "http://localhost/web/issues/"
