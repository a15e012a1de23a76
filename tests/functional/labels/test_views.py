from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.issues import service as issues
from ponytracker.labels import names
from ponytracker.models import Event, EventKind, Issue, Label
from tests.databases import count_queries
from tests.hostile import TEXTS, withstands

GOOD = {"name": "regression", "color": "#1d3dbe", "color_code": "", "inverted": "y"}


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


@pytest.fixture
def bug(session, web):
    return session.scalars(select(Label).where(Label.name == "bug")).one()


@pytest.fixture
def labels(session, web):
    """Return a function that reads the labels there are, by name."""

    def read():
        session.expire_all()
        found = session.scalars(select(Label).where(Label.deleted.is_(False)))
        return {label.name: (label.color, label.inverted) for label in found}

    return read


def messages(page):
    return [alert.text.strip() for alert in page.html.select("main > .alert")]


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error")]


def rows(page):
    return [" ".join(row.text.split()) for row in page.html.select(".row-list > li")]


# The list


def test_the_list(world, session, web, admin, bug):
    person = world.user("alice")
    for number in range(3):
        issues.add_label(session, world.issue(web, person, title=f"{number}"), person, bug)
    issues.close_issue(session, world.issue(web, person), person)
    closed = session.scalars(select(Issue).where(Issue.number == 1)).one()
    issues.close_issue(session, closed, person)
    session.add(Label(project_id=web.id, name="Documents of old"))
    session.add(Label(project_id=web.id, name="gone", deleted=True))
    world.project("other")
    session.commit()
    page = admin.get("/web/labels/")
    assert rows(page) == [
        "bug 3 issues",
        "documentation 0 issues",
        "Documents of old 0 issues",
        "feature 0 issues",
    ]
    links = [link["href"] for link in page.html.select(".row-text a")]
    assert links[0] == "/web/issues/?q=is%3Aopen+label%3Abug"
    assert links[2] == "/web/issues/?q=is%3Aopen+label%3A%22Documents+of+old%22"


def test_an_empty_list(session, web, admin):
    session.query(Label).delete()
    session.commit()
    assert "There aren't any labels for this project quite yet." in admin.get("/web/labels/")


def test_the_list_costs_the_same_with_more_labels(session, world, web, admin, database):
    counts = []
    for more in (0, 300):
        session.add_all(Label(project_id=web.id, name=f"label {n}") for n in range(more))
        session.commit()
        with count_queries(database) as queries:
            page = admin.get("/web/labels/")
        assert len(rows(page)) == 3 + more
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 7


def test_whoever_reads_sees_no_way_to_change(web, visitor):
    page = visitor.get("/web/labels/")
    assert len(rows(page)) == 3
    assert not page.html.select('a[href*="/labels/add/"], a[href*="/edit/"], a[href*="/delete/"]')


def test_a_link_to_a_label_leads_to_its_open_issues(web, visitor, bug):
    answer = visitor.get(f"/web/labels/{bug.id}/")
    assert answer.location == "http://localhost/web/issues/?q=is%3Aopen+label%3Abug"


def test_a_badge_has_its_color_and_text_that_can_be_read_on_it(session, web, visitor):
    session.query(Label).delete()
    session.add_all(
        Label(project_id=web.id, name=name, color=color, inverted=inverted)
        for name, color, inverted in (
            ("a <b>", "#FFFFFF", False),
            ("b", "#000000", False),
            ("c", "#FFFFFF", True),
        )
    )
    session.commit()
    badges = visitor.get("/web/labels/").html.select(".issue-label")
    assert [badge.text.strip() for badge in badges] == ["a <b>", "b", "c"]
    assert [badge["class"][1] for badge in badges] == ["on-light", "on-dark", "on-dark"]
    assert [badge.rect["fill"] for badge in badges] == ["#FFFFFF", "#000000", "#FFFFFF"]
    assert not any(badge.select("[style]") for badge in badges)


# Adding


def test_adding_a_label(web, admin, labels):
    page = admin.get("/web/labels/").click("New label")
    form = page.forms["label-form"]
    form["name"] = "  help\twanted "
    form["color"] = "#1d3dbe"
    form["inverted"] = True
    answer = form.submit()
    assert answer.location == "http://localhost/web/labels/"
    assert messages(answer.follow()) == ["Label added successfully."]
    assert labels()["help wanted"] == ("#1D3DBE", True)


def test_the_code_of_a_color_counts_where_it_is_typed(web, admin, labels):
    fields = {"name": "one", "color": "#000000", "color_code": "abcdef"}
    admin.post_form("/web/labels/add/", fields)
    assert labels()["one"] == ("#ABCDEF", False)


def test_a_label_for_an_issue_is_put_on_it(world, web, admin, session):
    world.issue(web)
    page = admin.get("/web/issues/1/").click("New label…")
    form = page.forms["label-form"]
    form["name"] = "regression"
    answer = form.submit()
    assert answer.location == "http://localhost/web/issues/1/"
    page = answer.follow()
    assert messages(page) == ["Label added successfully."]
    assert "regression" in page.html.select_one(".side-labels").text
    event = session.scalars(select(Event).where(Event.kind == EventKind.LABELED)).one()
    assert event.args == {"name": "regression", "color": "#000000", "inverted": False}
    assert event.label.name == "regression"


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "", "1x", "9" * 30, "\u0661"])
def test_a_label_for_no_issue_is_not_added(world, web, admin, labels, number):
    world.issue(world.project("other"))
    world.issue(web)
    before = labels()
    admin.get("/web/labels/add/", {"issue": number}, status=404)
    query = "?issue=" + number.replace("\u0661", "%D9%A1")
    admin.post_form(f"/web/labels/add/{query}", GOOD, status=404)
    assert labels() == before


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": " \t\x00"}, "name", "Give the label a name."),
        ({"name": "x" * 65}, "name", "At most 64 characters."),
        ({"name": "bug"}, "name", "There is already a label with this name."),
        ({"name": "BUG"}, "name", "There is already a label with this name."),
        ({"name": "\uff42ug"}, "name", "There is already a label with this name."),
        ({"color": "red"}, "color", "Write the color like #1D3DBE."),
        ({"color": ""}, "color", "Write the color like #1D3DBE."),
        ({"color_code": "#12345"}, "color_code", "Write the color like #1D3DBE."),
    ],
)
def test_what_is_refused_comes_back_with_the_reason(web, admin, labels, fields, field, message):
    before = labels()
    page = admin.post_form("/web/labels/add/", {**GOOD, **fields}, status=422)
    assert errors(page, field) == [message]
    form = page.forms["label-form"]
    assert form["inverted"].checked
    for name in ("name", "color", "color_code"):
        typed = {**GOOD, **fields}[name]
        assert form[name].value == (typed if typed.isprintable() else "")
    assert labels() == before


def test_the_longest_name(web, admin, labels):
    admin.post_form("/web/labels/add/", {**GOOD, "name": "\U0001f434" * 64})
    assert "\U0001f434" * 64 in labels()


def test_names_are_compared_within_one_project(world, web, admin):
    world.project("other", labels=())
    assert admin.post_form("/other/labels/add/", {**GOOD, "name": "bug"}).status_int == 303


def test_a_project_has_so_many_labels_at_most(web, admin, labels, monkeypatch):
    monkeypatch.setattr(names, "MAX_LABELS", 4)
    admin.post_form("/web/labels/add/", {**GOOD, "name": "four"})
    page = admin.post_form("/web/labels/add/", {**GOOD, "name": "five"}, status=422)
    assert errors(page, "name") == ["A project has at most 4 labels. Delete one first."]
    assert len(labels()) == 4


def test_looking_first(web, admin, labels):
    before = labels()
    page = admin.get("/web/labels/add/")
    form = page.forms["label-form"]
    form["name"] = "regression"
    form["color_code"] = "#000080"
    page = form.submit("preview")
    badge = page.html.select_one(".label-preview .issue-label")
    assert (badge.text.strip(), badge.rect["fill"]) == ("regression", "#000080")
    assert "on-dark" in badge["class"]
    form = page.forms["label-form"]
    form["color_code"] = "blue"
    page = form.submit("preview")
    assert page.html.select_one(".label-preview .issue-label") is None
    assert labels() == before


# Editing


def test_editing_a_label(world, session, web, admin, bug, labels):
    issue = world.issue(web)
    issues.add_label(session, issue, world.user("alice"), bug)
    session.commit()
    events = session.query(Event).count()
    page = admin.get(f"/web/labels/{bug.id}/edit/")
    form = page.forms["label-form"]
    assert (form["name"].value, form["color"].value, form["inverted"].checked) == (
        "bug",
        "#FF0000",
        False,
    )
    form["name"] = "Bug"
    form["color"] = "#00ff00"
    answer = form.submit()
    assert answer.location == "http://localhost/web/labels/"
    assert messages(answer.follow()) == ["Label modified successfully."]
    assert labels()["Bug"] == ("#00FF00", False)
    # No event; those that tell of it keep what it was.
    assert session.query(Event).count() == events
    page = admin.get("/web/issues/1/")
    fills = [rect["fill"] for rect in page.html.select(".timeline .issue-label rect")]
    assert fills == ["#FF0000"]
    assert page.html.select_one(".side-labels rect")["fill"] == "#00FF00"


def test_editing_for_an_issue_puts_the_label_on_it(world, session, web, admin, bug):
    issue = world.issue(web)
    form = admin.get(f"/web/labels/{bug.id}/edit/?issue=1").forms["label-form"]
    assert form.submit().location == "http://localhost/web/issues/1/"
    session.expire_all()
    assert set(issue.label_ids) == {bug.id}


def test_a_name_that_another_has_is_refused(web, admin, bug):
    page = admin.post_form(f"/web/labels/{bug.id}/edit/", {**GOOD, "name": "FEATURE"}, status=422)
    assert errors(page, "name") == ["There is already a label with this name."]


def test_two_who_edit_one_label(web, admin, bug, labels):
    first = admin.get(f"/web/labels/{bug.id}/edit/").forms["label-form"]
    second = admin.get(f"/web/labels/{bug.id}/edit/").forms["label-form"]
    first["name"] = "first"
    first.submit().follow()
    second["name"] = "second"
    page = second.submit(status=422)
    assert "Someone else has changed this since you opened it." in page
    page.forms["label-form"].submit().follow()
    assert "second" in labels()


# Deleting


def test_deleting_a_label(world, session, web, admin, bug, labels):
    alice = world.user("alice")
    on_it = [world.issue(web, alice, title=f"{n}") for n in range(3)]
    feature = session.scalars(select(Label).where(Label.name == "feature")).one()
    for issue in on_it[:2]:
        issues.add_label(session, issue, alice, bug)
        issues.add_label(session, issue, alice, feature)
    issues.close_issue(session, on_it[1], alice)
    session.commit()
    page = admin.get("/web/labels/").click(href=f"labels/{bug.id}/delete/")
    assert page.html.select_one("#label-use").text == "It is on 2 issues, and is taken off them."
    answer = page.forms["confirm-form"].submit()
    assert answer.location == "http://localhost/web/labels/"
    assert messages(answer.follow()) == ["Label deleted successfully."]
    assert set(labels()) == {"feature", "documentation"}
    session.expire_all()
    assert [set(issue.label_ids) for issue in on_it] == [{feature.id}, {feature.id}, set()]
    events = session.scalars(select(Event).where(Event.kind == EventKind.UNLABELED)).all()
    assert [event.issue_id for event in events] == [issue.id for issue in on_it[:2]]
    for event in events:
        assert event.args == {"name": "bug", "color": "#FF0000", "inverted": False}
        assert (event.label_id, event.actor.username) == (bug.id, "admin")
    assert len({event.batch for event in events}) == 1
    assert on_it[0].last_event_id == events[0].id


def test_a_deleted_label_is_gone_and_its_name_is_free(world, web, admin, bug, labels):
    world.issue(web)
    label_id = bug.id
    for path in (
        f"/web/labels/{label_id}/edit/",
        f"/web/labels/{label_id}/delete/",
        f"/web/issues/1/add-label/{label_id}/",
        f"/web/issues/1/remove-label/{label_id}/",
    ):
        admin.get(path)
    admin.post_form(f"/web/labels/{label_id}/delete/")
    for path in ("edit/", "delete/", ""):
        admin.get(f"/web/labels/{label_id}/{path}", status=404)
    for verb in ("add-label", "remove-label"):
        admin.get(f"/web/issues/1/{verb}/{label_id}/", status=404)
        admin.post_form(f"/web/issues/1/{verb}/{label_id}/", status=404)
    assert f"add-label/{label_id}/" not in admin.get("/web/issues/1/")
    admin.post_form("/web/labels/add/", {**GOOD, "name": "bug"})
    assert labels()["bug"] == ("#1D3DBE", True)


def test_a_label_on_no_issue(web, admin, bug, labels):
    page = admin.get(f"/web/labels/{bug.id}/delete/")
    assert page.html.select_one("#label-use").text == "It is on no issue."
    page.forms["confirm-form"].submit()
    assert "bug" not in labels()


# Who may


@pytest.mark.parametrize(
    ("right", "allowed"),
    [("manage_tags", {"add", "edit"}), ("delete_tags", {"delete"}), ("manage_issue", set())],
)
def test_who_may(world, web, visitor_as, bug, right, allowed):
    alice = world.user("alice")
    world.grant(right, project=web, user_id=alice.id)
    browser = visitor_as(alice)
    page = browser.get("/web/labels/")
    paths = {"add": "add/", "edit": f"{bug.id}/edit/", "delete": f"{bug.id}/delete/"}
    for name, path in paths.items():
        status = 200 if name in allowed else 403
        browser.get(f"/web/labels/{path}", status=status)
        assert bool(page.html.select(f'a[href$="/labels/{path}"]')) is (name in allowed)
        if name not in allowed:
            browser.post_form(f"/web/labels/{path}", GOOD, status=403)


def test_the_label_of_another_project_is_not_there(world, web, admin, bug):
    world.issue(world.project("other"))
    admin.get(f"/other/labels/{bug.id}/edit/", status=404)
    admin.post_form(f"/other/issues/1/add-label/{bug.id}/", status=404)


# What no form asks for


@pytest.mark.parametrize("path", ["/web/labels/add/", "/web/labels/{}/edit/"])
def test_bad_input(admin, database, bug, path):
    path = path.format(bug.id)
    assert withstands(admin, database, path, GOOD, "label-form") > len(TEXTS) // 2


@pytest.mark.parametrize(
    "name", ["0", "-1", "x", "01", "9" * 9, "9" * 30, "%D9%A1", "%00", "@@edit", "1/edit/x"]
)
def test_bad_addresses(world, web, admin, name):
    world.issue(web)
    for path in (f"/web/labels/{name}/", f"/web/issues/1/add-label/{name}/"):
        answer = admin.get(path, expect_errors=True)
        assert answer.status_int in (400, 404), path


# On the page of an issue


def test_labels_come_and_go_by_the_page_of_the_issue(world, session, web, admin, bug):
    issue = world.issue(web)
    page = admin.get("/web/issues/1/")
    assert page.html.select_one(".side-labels").text.strip() == "None yet"
    choices = [button.text.strip() for button in page.html.select("#add-label-form button")]
    assert choices == ["bug", "documentation", "feature"]
    path = page.html.select_one("#add-label-form button")["formaction"]
    assert path == f"/web/issues/1/add-label/{bug.id}/"
    token = page.forms["add-label-form"]["csrf_token"].value
    answer = admin.post(path, {"csrf_token": token})
    assert answer.location == "http://localhost/web/issues/1/"
    page = answer.follow()
    assert messages(page) == []
    choices = [button.text.strip() for button in page.html.select("#add-label-form button")]
    assert choices == ["documentation", "feature"]
    path = page.html.select_one("#remove-label-form button")["formaction"]
    page = admin.post(path, {"csrf_token": token}).follow()
    assert page.html.select_one(".side-labels").text.strip() == "None yet"
    kinds = session.scalars(select(Event.kind).where(Event.issue_id == issue.id).order_by(Event.id))
    assert kinds.all() == [EventKind.OPENED, EventKind.LABELED, EventKind.UNLABELED]


def test_a_page_asks_first(world, session, web, admin, bug):
    issue = world.issue(web)
    page = admin.get(f"/web/issues/1/add-label/{bug.id}/")
    assert "Do you want to put the label “bug” on this issue?" in page
    page.forms["confirm-form"].submit()
    page = admin.get(f"/web/issues/1/remove-label/{bug.id}/")
    assert "Do you want to take the label “bug” off this issue?" in page
    session.expire_all()
    assert set(issue.label_ids) == {bug.id}
    page.forms["confirm-form"].submit()
    session.expire_all()
    assert not set(issue.label_ids)


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("add-label", "This issue has this label already."),
        ("remove-label", "This issue does not have this label."),
    ],
)
def test_twice_leaves_one_event(world, session, web, admin, bug, verb, message):
    issue = world.issue(web)
    if verb == "add-label":
        admin.post_form(f"/web/issues/1/add-label/{bug.id}/")
    before = session.query(Event).filter_by(issue_id=issue.id).count()
    page = admin.post_form(f"/web/issues/1/{verb}/{bug.id}/").follow()
    assert messages(page) == [message]
    assert session.query(Event).filter_by(issue_id=issue.id).count() == before


def test_whoever_may_not_change_them_sees_them(world, session, web, visitor, visitor_as, bug):
    issue = world.issue(web)
    issues.add_label(session, issue, world.user("alice"), bug)
    session.commit()
    for browser in (visitor, visitor_as("alice")):
        page = browser.get("/web/issues/1/")
        assert page.html.select_one(".side-labels").text.strip() == "bug"
        assert not page.html.select(".side-menu, #remove-label-form")


def test_the_menus_cost_two_queries(world, session, web, visitor_as, database):
    world.issue(web)
    alice = world.user("alice")
    world.grant("manage_tags", project=web, user_id=alice.id)
    world.grant("manage_issue", project=web, user_id=world.user("bob").id)
    counts = {}
    for name in ("alice", "bob"):
        browser = visitor_as(name)
        browser.get("/web/issues/1/")
        with count_queries(database) as queries:
            browser.get("/web/issues/1/")
        counts[name] = len(queries)
    assert counts["alice"] == counts["bob"] + 2
