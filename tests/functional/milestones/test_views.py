from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from ponytracker.issues import service as issues
from ponytracker.milestones import burn_up, names, service
from ponytracker.models import Event, EventKind, Issue, Milestone
from ponytracker.models.base import now
from ponytracker.resources import RESERVED_NAMES, MilestonesResource
from tests.databases import count_queries
from tests.functional.test_every_view import all_views
from tests.hostile import TEXTS, withstands

GOOD = {"name": "Second one", "due_date": "2030-01-02T03:04", "description": "A\nB"}
DAY = dt.timedelta(days=1)


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


@pytest.fixture
def first(session, web):
    """The milestone at /web/milestones/1.0/."""
    milestone = service.create_milestone(session, web, name="1.0")
    session.commit()
    return milestone


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def under(world, session, web, alice):
    """Return a function that opens an issue under a milestone, perhaps closed."""

    def make(milestone, *, closed=False):
        issue = world.issue(web, alice)
        issues.set_milestone(session, issue, alice, milestone)
        if closed:
            issues.close_issue(session, issue, alice)
        session.commit()
        return issue

    return make


@pytest.fixture
def milestones(session, web):
    """Return a function that reads the names of the milestones there are, by slug."""

    def read():
        session.expire_all()
        found = session.scalars(select(Milestone).where(Milestone.deleted.is_(False)))
        return {milestone.slug: milestone.name for milestone in found}

    return read


@pytest.fixture
def told(session):
    """Return a function that reads the events of a kind: whose issue, and what they keep."""

    def read(kind):
        found = session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id))
        return [(event.issue_id, event.milestone_id, event.args) for event in found]

    return read


def messages(page):
    return [alert.text.strip() for alert in page.html.select("main > .alert")]


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error")]


def titles(page):
    return [link.text for link in page.html.select(".row-title")]


def words(element):
    return " ".join(element.text.split())


# The list


@pytest.fixture
def four(session, web):
    """Milestones due soon, later, never, and a closed one that was due first of all."""
    for name, due, is_closed in (
        ("never", None, False),
        ("later", 20 * DAY, False),
        ("soon", 2 * DAY, False),
        ("past", -2 * DAY, False),
        ("done", -5 * DAY, True),
    ):
        milestone = service.create_milestone(session, web, name=name, due_at=due and now() + due)
        milestone.closed_at = now() if is_closed else None
    service.create_milestone(session, web, name="gone").deleted = True
    session.commit()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["past", "soon", "later", "never"]),
        ("?show=open", ["past", "soon", "later", "never"]),
        ("?show=close", ["done"]),
        ("?show=all", ["done", "past", "soon", "later", "never"]),
    ],
)
def test_the_list(four, visitor, query, shown):
    page = visitor.get(f"/web/milestones/{query}")
    assert titles(page) == shown
    assert not messages(page)


@pytest.mark.parametrize("show", ["", "closed", "OPEN", "x" * 3000, "%ff", "1"])
def test_another_list_there_is_not(four, visitor, show):
    page = visitor.get(f"/web/milestones/?show={show}", expect_errors=True)
    if show == "%ff":
        assert page.status_int == 400
        return
    assert messages(page) == ["There is an error in your filter."]
    assert titles(page) == ["past", "soon", "later", "never"]


def test_what_a_row_says(session, web, first, under, alice, visitor):
    for closed in (True, False, False):
        under(first, closed=closed)
    (row,) = visitor.get("/web/milestones/").html.select(".row-list > li")
    assert words(row) == "1.0 No due date 33% 33% complete 2 open 1 closed"
    assert (row.progress["value"], row.progress["max"]) == ("1", "3")
    links = [link["href"] for link in row.select(".milestone-progress a")]
    assert links == [
        "/web/issues/?q=is%3Aopen+milestone%3A1.0",
        "/web/issues/?q=is%3Aclosed+milestone%3A1.0",
    ]
    first.due_at = dt.datetime(2001, 2, 3, 4, 5, tzinfo=dt.UTC)
    session.commit()
    due = visitor.get("/web/milestones/").html.select_one(".overdue")
    assert words(due).startswith("Past due since Feb 3, 2001, 4:05")
    first.closed_at = now()
    session.commit()
    page = visitor.get("/web/milestones/?show=close")
    assert not page.html.select(".overdue")
    assert "Due by Feb 3, 2001" in words(page.html.select_one(".milestone"))


def test_an_empty_list(web, visitor):
    page = visitor.get("/web/milestones/")
    assert "There aren't any milestones matching your desired criteria." in page


def test_a_milestone_without_an_issue(first, visitor):
    for path in ("", "1.0/"):
        assert visitor.get(f"/web/milestones/{path}").html.progress["max"] == "1"
    assert "There is no issue under this milestone yet." in visitor.get("/web/milestones/1.0/")


def test_the_list_costs_the_same_with_more_milestones(session, web, under, admin, database):
    counts = []
    for more in (1, 30):
        for number in range(more):
            under(service.create_milestone(session, web, name=f"{more}-{number}"))
        with count_queries(database) as queries:
            page = admin.get("/web/milestones/")
        counts.append(len(queries))
    assert len(titles(page)) == 31
    assert counts[0] == counts[1] <= 7


# The page of one


def test_the_page_of_a_milestone(session, first, under, visitor, alice):
    first.description = "What <b>it</b>\nis for"
    for closed in (True, False):
        under(first, closed=closed)
    left = under(first)
    issues.set_milestone(session, left, alice, None)
    session.commit()
    page = visitor.get("/web/milestones/1.0/")
    assert page.html.h1.text == "1.0"
    assert page.html.select_one(".milestone-description").text == "What <b>it</b>\nis for"
    assert words(page.html.select_one(".milestone-facts")) == (
        "50% complete 1 open 1 closed No due date"
    )
    chart = page.html.select_one('.burn-up svg[role="img"]')
    assert chart.title.text == "Burn-up chart"
    assert "At the end, 1 of 2 issues are closed." in words(chart.desc)
    for id_ in chart["aria-labelledby"].split():
        assert page.html.find(id=id_)
    assert chart.select_one(".scope")["points"] == "0,0 100,0"
    assert chart.select_one(".done-line")["points"] == "0,50 100,50"
    (row,) = page.html.select(".burn-up-table tbody tr")
    assert [cell.text for cell in row.select("td")] == ["2", "1"]
    assert not page.html.select("[style]")


def test_the_chart_counts_by_the_days_of_the_reader(world, session, web, first, visitor_as):
    reader = world.user("reader", time_zone="Pacific/Auckland")
    at = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)  # the second there
    issue = world.issue(web, at=at)
    issues.set_milestone(session, issue, reader, first)
    event = session.scalars(select(Event).filter_by(kind=EventKind.MILESTONED)).one()
    event.created_at = at
    first.closed_at = at
    session.commit()
    page = visitor_as(reader).get("/web/milestones/1.0/")
    assert page.html.select_one(".burn-up-table tbody th").text == "Jan 2, 2026"


def test_the_chart_of_what_an_import_has_left(session, world, web, first, alice):
    """An archive may tell of a new milestone without the old one being taken away."""
    other = service.create_milestone(session, web, name="2.0")
    issue = world.issue(web, alice)
    for milestone in (first, other):
        issues.lock_issue(session, issue)
        issues.record(session, issue, EventKind.MILESTONED, alice, about=milestone)
    session.commit()
    for milestone, scope in ((first, 0), (other, 1)):
        chart = burn_up.read_burn_up(session, milestone, dt.UTC)
        assert chart.last.scope == scope


def test_the_page_costs_the_same_with_more_issues(first, under, admin, database):
    counts = []
    for more in (1, 20):
        for number in range(more):
            under(first, closed=number % 2)
        with count_queries(database) as queries:
            admin.get("/web/milestones/1.0/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 9


@pytest.mark.parametrize(
    "name", ["2.0", "1.0%00", "1.0/x", "add/x", "%F0%9F%90%B4", "x" * 3000, "1.0/edit/x"]
)
def test_bad_addresses(world, web, first, admin, name):
    world.issue(web)
    paths = [f"/web/milestones/{name}/"]
    if name != "1.0/edit/x":
        paths.append(f"/web/issues/1/add-milestone/{name}/")
    for path in paths:
        assert admin.get(path, expect_errors=True).status_int in (400, 404), path


# Adding


def test_adding_a_milestone(web, admin, milestones, session):
    page = admin.get("/web/milestones/").click("New milestone")
    form = page.forms["milestone-form"]
    form["name"] = " Übung\t1 "
    form["due_date"] = "2030-01-02T03:04"
    form["description"] = "One\r\ntwo"
    answer = form.submit()
    assert answer.location == "http://localhost/web/milestones/"
    page = answer.follow()
    assert messages(page) == ["Milestone added successfully."]
    assert titles(page) == ["Übung 1"]
    assert milestones() == {"ubung-1": "Übung 1"}
    milestone = session.scalars(select(Milestone)).one()
    assert milestone.due_at == dt.datetime(2030, 1, 2, 3, 4, tzinfo=dt.UTC)
    assert milestone.description == "One\ntwo"


def test_no_milestone_hides_a_page(app):
    names = {view.name for view in all_views(app) if view.context is MilestonesResource}
    assert "add" in names
    assert names - {""} <= RESERVED_NAMES


@pytest.mark.parametrize(
    ("name", "slug"), [("add", "add-2"), ("@@add", "add-2"), ("?", "milestone")]
)
def test_a_name_of_any_characters_has_an_address(web, admin, milestones, name, slug):
    admin.post_form("/web/milestones/add/", {"name": name})
    assert milestones() == {slug: name}
    assert admin.get(f"/web/milestones/{slug}/").html.h1.text == name
    assert "New milestone" in admin.get("/web/milestones/add/").html.h1.text


def test_a_milestone_for_an_issue_is_set_on_it(world, web, admin, session, told):
    world.issue(web)
    page = admin.get("/web/issues/1/").click("New milestone…")
    form = page.forms["milestone-form"]
    form["name"] = "2.0"
    answer = form.submit()
    assert answer.location == "http://localhost/web/issues/1/"
    assert messages(answer.follow()) == ["Milestone added successfully."]
    milestone = session.scalars(select(Milestone)).one()
    issue = session.scalars(select(Issue)).one()
    assert told(EventKind.MILESTONED) == [(issue.id, milestone.id, {"name": "2.0"})]


@pytest.mark.parametrize("number", ["2", "x", ""])
def test_a_milestone_for_no_issue_is_not_added(world, web, admin, milestones, number):
    world.issue(web)
    admin.get("/web/milestones/add/", {"issue": number}, status=404)
    admin.post_form(f"/web/milestones/add/?issue={number}", GOOD, status=404)
    assert milestones() == {}


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": " \t\x00"}, "name", "Give the milestone a name."),
        ({"name": "x" * 129}, "name", "At most 128 characters."),
        ({"name": "1.0"}, "name", "There is already a milestone with this name."),
        ({"name": "\uff11.0"}, "name", "There is already a milestone with this name."),
        ({"due_date": "soon"}, "due_date", "Write the time like 2026-12-31 18:00."),
        ({"description": "x" * 262_145}, "description", "At most 262144 characters."),
    ],
)
def test_what_is_refused_comes_back_with_the_reason(
    first, admin, milestones, fields, field, message
):
    page = admin.post_form("/web/milestones/add/", {**GOOD, **fields}, status=422)
    assert errors(page, field) == [message]
    form = page.forms["milestone-form"]
    for name, typed in {**GOOD, **fields}.items():
        if typed.replace("\n", "").isprintable():
            assert form[name].value.replace("\r\n", "\n") == typed
    assert milestones() == {"1.0": "1.0"}


def test_the_longest_names(web, admin, milestones):
    for character in ("x", "\U0001f434", "\ufdfa"):
        admin.post_form("/web/milestones/add/", {"name": character * 128})
    assert set(milestones().values()) == {c * 128 for c in ("x", "\U0001f434", "\ufdfa")}


def test_a_project_has_so_many_milestones_at_most(first, admin, milestones, monkeypatch):
    monkeypatch.setattr(names, "MAX_MILESTONES", 1)
    page = admin.post_form("/web/milestones/add/", {"name": "2.0"}, status=422)
    assert errors(page, "name") == ["A project has at most 1 milestones. Delete one first."]
    assert admin.post_form("/web/milestones/1.0/edit/", {"name": "2.0"}).status_int == 303


# Editing


def test_a_new_name_is_told_by_each_issue(session, first, under, admin, milestones, told):
    ids = [under(first, closed=closed).id for closed in (True, False)]
    under(service.create_milestone(session, first.project, name="other"))
    page = admin.get("/web/milestones/1.0/").click("Edit", href="1.0/edit")
    form = page.forms["milestone-form"]
    form["name"] = "Version 1"
    answer = form.submit()
    assert answer.location == "http://localhost/web/milestones/version-1/"
    assert messages(answer.follow()) == ["Milestone modified successfully."]
    assert milestones() == {"version-1": "Version 1", "other": "other"}
    args = {"old_name": "1.0", "new_name": "Version 1"}
    assert told(EventKind.MILESTONE_RENAMED) == [(id_, first.id, args) for id_ in ids]
    page = admin.get("/web/issues/1/")
    assert "renamed the milestone" in page


def test_what_is_not_a_new_name_tells_nothing(session, first, under, admin, told):
    under(first)
    fields = {"name": "1.0", "due_date": "2030-01-02T03:04", "description": "New"}
    admin.post_form("/web/milestones/1.0/edit/", fields)
    session.expire_all()
    assert (first.due_at.year, first.description) == (2030, "New")
    assert told(EventKind.MILESTONE_RENAMED) == []


@pytest.mark.parametrize(
    ("name", "slug"), [("1.0!", "1.0"), ("1.1", "1.1"), ("Add", "add-2"), ("Two", "two-2")]
)
def test_an_address_stays_if_it_fits(session, first, admin, milestones, name, slug):
    service.create_milestone(session, first.project, name="two?")
    session.commit()
    admin.post_form("/web/milestones/1.0/edit/", {"name": name})
    assert milestones() == {slug: name, "two": "two?"}


def test_an_address_with_a_number_stays_if_it_fits(session, web, first, admin, milestones):
    numbered = service.create_milestone(session, web, name="1.0?")
    service.delete_milestone(session, None, first)
    session.commit()
    assert numbered.slug == "1.0-2"
    admin.post_form("/web/milestones/1.0-2/edit/", {"name": "1.0!"})
    assert milestones() == {"1.0-2": "1.0!"}


def test_a_name_that_another_has_is_refused(session, first, admin, milestones):
    service.create_milestone(session, first.project, name="Two")
    session.commit()
    page = admin.post_form("/web/milestones/1.0/edit/", {"name": "TWO"}, status=422)
    assert errors(page, "name") == ["There is already a milestone with this name."]


def test_two_who_edit_one_milestone(first, admin, milestones):
    forms = [admin.get("/web/milestones/1.0/edit/").forms["milestone-form"] for _ in range(2)]
    for form, text in zip(forms, ("one", "two"), strict=True):
        form["description"] = text
    forms[0].submit().follow()
    assert "Someone else has changed this since you opened it." in forms[1].submit(status=422)


# Closing and reopening


def test_closing_and_reopening(session, first, under, admin):
    issue = under(first)
    page = admin.get("/web/milestones/1.0/")
    answer = page.forms["state-form"].submit()
    assert answer.location == "http://localhost/web/milestones/"
    assert messages(answer.follow()) == ["Milestone closed."]
    session.expire_all()
    assert first.closed_at is not None
    assert issue.is_open
    assert first.id == issue.milestone_id
    page = admin.post_form("/web/milestones/1.0/close/", status=409)
    assert "This milestone is closed already." in page
    answer = admin.get("/web/milestones/1.0/").forms["state-form"].submit()
    assert answer.location == "http://localhost/web/milestones/1.0/"
    assert messages(answer.follow()) == ["Milestone reopened."]
    session.expire_all()
    assert first.closed_at is None
    page = admin.post_form("/web/milestones/1.0/reopen/", status=409)
    assert "This milestone is open already." in page


def test_closing_asks_first(session, first, admin):
    page = admin.get("/web/milestones/1.0/close/")
    session.expire_all()
    assert first.is_open
    page.forms["confirm-form"].submit()
    page = admin.get("/web/milestones/1.0/reopen/")
    session.expire_all()
    assert not first.is_open
    page.forms["confirm-form"].submit()
    session.expire_all()
    assert first.is_open


# Deleting


def test_deleting_a_milestone(session, first, under, admin, milestones, told):
    ids = [under(first, closed=closed).id for closed in (True, False)]
    page = admin.get("/web/milestones/1.0/").click("Delete")
    use = page.html.select_one("#milestone-use").text
    assert use == "2 issues are under it, and are taken out."
    answer = page.forms["confirm-form"].submit()
    assert answer.location == "http://localhost/web/milestones/"
    assert messages(answer.follow()) == ["Milestone deleted successfully."]
    assert milestones() == {}
    assert told(EventKind.DEMILESTONED) == [(id_, first.id, {"name": "1.0"}) for id_ in ids]
    assert session.scalars(select(Issue.milestone_id)).all() == [None, None]
    batches = select(Event.batch).where(Event.kind == EventKind.DEMILESTONED)
    assert len(set(session.scalars(batches))) == 1


def test_the_name_of_a_deleted_milestone_is_free_again(world, first, admin, milestones):
    world.issue(first.project)
    admin.post_form("/web/milestones/1.0/delete/")
    for path in ("", "edit/", "delete/", "close/", "reopen/"):
        admin.get(f"/web/milestones/1.0/{path}", status=404)
    for verb in ("add-milestone", "remove-milestone"):
        admin.get(f"/web/issues/1/{verb}/1.0/", status=404)
        admin.post_form(f"/web/issues/1/{verb}/1.0/", status=404)
    admin.post_form("/web/milestones/add/", {"name": "1.0"})
    assert milestones() == {"1.0": "1.0"}
    admin.post_form("/web/milestones/1.0/delete/")
    admin.post_form("/web/milestones/add/", {"name": "1.0"})
    assert milestones() == {"1.0": "1.0"}


# Who may


@pytest.mark.parametrize(
    ("right", "allowed"),
    [
        ("manage_tags", {"add/", "1.0/edit/", "1.0/close/"}),
        ("delete_tags", {"1.0/delete/"}),
        ("manage_issue", set()),
    ],
)
def test_who_may(world, web, first, alice, visitor_as, right, allowed):
    world.grant(right, project=web, user_id=alice.id)
    browser = visitor_as(alice)
    page = browser.get("/web/milestones/1.0/")
    for path in ("add/", "1.0/edit/", "1.0/close/", "1.0/delete/"):
        browser.get(f"/web/milestones/{path}", status=200 if path in allowed else 403)
        if path not in allowed:
            browser.post_form(f"/web/milestones/{path}", GOOD, status=403)
        if path.startswith("1.0"):
            offers = f'a[href$="/{path}"], form[action$="/{path}"]'
            assert bool(page.html.select(offers)) is (path in allowed)


def test_the_milestone_of_another_project_is_not_there(world, first, admin):
    world.issue(world.project("other"))
    admin.get("/other/milestones/1.0/", status=404)
    admin.post_form("/other/issues/1/add-milestone/1.0/", status=404)


@pytest.mark.parametrize("path", ["add", "1.0/edit"])
def test_bad_input(admin, database, first, path):
    path = f"/web/milestones/{path}/"
    assert withstands(admin, database, path, GOOD, "milestone-form") > len(TEXTS) // 2


# On the page of an issue


def test_a_milestone_comes_and_goes_by_the_page_of_the_issue(
    world, session, web, first, admin, told
):
    second = service.create_milestone(session, web, name="2.0")
    service.create_milestone(session, web, name="closed").closed_at = now()
    service.create_milestone(session, web, name="gone").deleted = True
    issue = world.issue(web)
    for taken, label in (("1.0", ["1.0", "2.0"]), ("2.0", ["2.0", "No milestone"])):
        page = admin.get("/web/issues/1/")
        buttons = page.html.select("#milestone-form button")
        assert [button.text.strip() for button in buttons] == label
        path = next(b["formaction"] for b in buttons if b.text.strip() == taken)
        token = page.forms["milestone-form"]["csrf_token"].value
        page = admin.post(path, {"csrf_token": token}).follow()
        assert page.html.select(f'.issue-tags p a[href="/web/milestones/{taken}/"]')
    assert told(EventKind.MILESTONED) == [
        (issue.id, first.id, {"name": "1.0"}),
        (issue.id, second.id, {"name": "2.0"}),
    ]
    assert told(EventKind.DEMILESTONED) == [(issue.id, first.id, {"name": "1.0"})]
    button = page.html.select("#milestone-form button")[-1]
    page = admin.post(button["formaction"], {"csrf_token": token}).follow()
    assert "No milestone" in [words(text) for text in page.html.select(".issue-tags p")]


def test_a_page_asks_first(world, session, web, first, admin):
    issue = world.issue(web)
    page = admin.get("/web/issues/1/add-milestone/1.0/")
    assert "Do you want to put this issue under the milestone “1.0”?" in page
    assert issue.milestone_id is None
    page.forms["confirm-form"].submit()
    page = admin.get("/web/issues/1/remove-milestone/1.0/")
    session.expire_all()
    assert issue.milestone_id == first.id
    page.forms["confirm-form"].submit()
    session.expire_all()
    assert issue.milestone_id is None


def test_twice_leaves_one_event(world, web, first, admin, told):
    world.issue(web)
    page = admin.post_form("/web/issues/1/remove-milestone/1.0/").follow()
    assert messages(page) == ["This issue is not under this milestone."]
    admin.post_form("/web/issues/1/add-milestone/1.0/")
    page = admin.post_form("/web/issues/1/add-milestone/1.0/").follow()
    assert messages(page) == ["This issue is under this milestone already."]
    assert len(told(EventKind.MILESTONED)) == 1
    assert told(EventKind.DEMILESTONED) == []


def test_only_the_milestone_it_is_under_is_taken_off(session, web, first, under, admin, told):
    service.create_milestone(session, web, name="2.0")
    issue = under(first)
    admin.post_form("/web/issues/1/remove-milestone/2.0/")
    session.expire_all()
    assert issue.milestone_id == first.id


def test_a_closed_milestone_cannot_be_chosen(world, session, web, first, under, admin):
    issue = under(first)
    world.issue(web)
    service.close_milestone(session, first)
    session.commit()
    page = admin.post_form("/web/issues/2/add-milestone/1.0/", status=409)
    assert "This milestone is closed. Reopen it first." in page
    # Whatever is under it can leave it.
    assert "1.0" in admin.get("/web/issues/1/")
    admin.post_form("/web/issues/1/remove-milestone/1.0/")
    session.expire_all()
    assert issue.milestone_id is None
