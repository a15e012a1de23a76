from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.models import Access, Grant, Label, Project, ProjectSubscription
from ponytracker.resources import RESERVED_NAMES
from ponytracker.security.permissions import ON_PROJECT
from tests.databases import count_queries


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


def add(browser, **fields):
    """Fill the form of a new project, with something good where *fields* say nothing."""
    fields = {"display_name": "Web site", "name": "web", "access": "public", **fields}
    return browser.post_form("/add/", fields, expect_errors=True)


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error")]


def stored(session):
    session.expire_all()
    return session.scalars(select(Project).order_by(Project.id)).all()


def test_a_first_project_is_asked_for(admin):
    page = admin.get("/").follow()
    assert "Start by creating a project." in page
    assert page.request.path == "/add/"


def test_someone_who_may_not_create_one_is_told_there_is_none(world, visitor, visitor_as):
    world.user("alice")
    assert "There are no public projects." in visitor.get("/")
    page = visitor_as("alice").get("/")
    assert "Sorry, you don't have access to any project." in page.html.text


def test_a_project_as_it_was_typed(admin, session):
    answer = add(admin, description=" One\r\ntwo <b>", access="private")
    assert answer.location == "http://localhost/web/issues/"
    page = answer.follow()
    assert "Project added successfully." in page
    assert "Private" in page.html.select_one(".project-header").text
    (project,) = stored(session)
    assert (project.name, project.display_name) == ("web", "Web site")
    assert (project.description, project.access) == (" One\ntwo <b>", Access.PRIVATE)
    labels = session.scalars(select(Label.name).where(Label.project_id == project.id))
    assert set(labels) == {"bug", "feature", "documentation"}


def test_who_creates_a_project_gets_every_right_on_it_and_watches_it(world, session, visitor_as):
    alice = world.user("alice")
    world.grant("create_project", user_id=alice.id)
    browser = visitor_as("alice")
    add(browser, access="private")
    grant = session.scalars(select(Grant).where(Grant.project_id.is_not(None))).one()
    assert grant.user_id == alice.id
    assert {row.permission for row in grant.permissions} == set(ON_PROJECT)
    assert session.scalars(select(ProjectSubscription.user_id)).all() == [alice.id]
    assert browser.get("/web/edit/").status_int == 200
    assert browser.post_form("/web/issues/add/", {"title": "x"}).follow().status_int == 200


def test_creating_needs_its_right(world, visitor_as, session):
    world.user("alice")
    browser = visitor_as("alice")
    assert add(browser).status_int == 403
    assert stored(session) == []
    assert "New project" not in browser.get("/")


@pytest.mark.parametrize(
    "name", sorted(RESERVED_NAMES - {"favicon.ico", "opensearch.xml", "robots.txt"})
)
def test_a_reserved_name_is_refused(admin, session, name):
    for written in (name, name.upper()):
        page = add(admin, name=written)
        assert page.status_int == 422
        assert "Sorry, this URL is reserved and can not be used." in errors(page, "name")
    assert stored(session) == []


ONLY = "Use only letters, digits, hyphens and underscores."


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("name", "", "Give the project a name for its address."),
        ("name", "   ", "Give the project a name for its address."),
        ("name", "a b", ONLY),
        ("name", "a/b", ONLY),
        ("name", "a.b", ONLY),
        ("name", "..", ONLY),
        ("name", "é", ONLY),
        ("name", "a\nb", ONLY),
        ("name", "@@edit", ONLY),
        ("name", "n" * 33, "At most 32 characters."),
        ("display_name", "", "Give the project a name."),
        ("display_name", "\t\x00", "Give the project a name."),
        ("display_name", "n" * 33, "At most 32 characters."),
        ("description", "n" * 4097, "At most 4096 characters."),
    ],
)
def test_what_is_refused_comes_back_with_the_reason(admin, session, field, typed, message):
    page = add(admin, **{field: typed})
    assert page.status_int == 422
    assert message in errors(page, field)
    kept = page.forms["project-form"]
    for name, value in {"display_name": "Web site", "name": "web"}.items():
        assert name == field or kept[name].value == value
    if typed.isprintable():
        assert kept[field].value == typed.strip()
    assert stored(session) == []


def test_the_longest_names_are_taken(admin, session):
    longest = {"name": "n" * 32, "display_name": "\U0001f434" * 32, "description": "d" * 4096}
    assert add(admin, **longest).status_int == 303
    assert stored(session)[0].display_name == longest["display_name"]


def test_a_name_that_grows_when_its_case_is_folded_is_never_an_error(admin, session):
    # U+FDFA is the one character that becomes eighteen.
    page = add(admin, display_name="\ufdfa" * 32)
    assert page.status_int == 422
    assert "simpler characters" in errors(page, "display_name")[0]
    assert add(admin, display_name="\ufdfa" * 7).status_int == 303
    assert stored(session)[0].display_name == "\ufdfa" * 7


@pytest.mark.parametrize("access", ["everyone", "", "PUBLIC", "1"])
def test_an_unknown_kind_of_access_is_refused(admin, session, access):
    page = add(admin, access=access)
    assert page.status_int == 422
    assert errors(page, "access")
    assert stored(session) == []


def test_a_form_without_any_field_is_no_error(admin, session):
    page = admin.post_form("/add/", status=422)
    assert errors(page, "name")
    assert stored(session) == []


def test_a_file_is_no_name(admin, session):
    token = admin.get("/add/").forms["project-form"]["csrf_token"].value
    files = [("name", "a.txt", b"web"), ("description", "b.txt", b"x"), ("access", "c", b"public")]
    page = admin.post("/add/", {"csrf_token": token}, upload_files=files, status=422)
    assert errors(page, "name")
    assert stored(session) == []


@pytest.mark.parametrize("similar", ["web", "WEB", "wEb"])
def test_addresses_that_differ_only_in_case_are_one(world, admin, session, similar):
    world.project("Web")
    page = add(admin, name=similar)
    assert errors(page, "name") == ["There is already a project at this address."]


@pytest.mark.parametrize("similar", ["Straße", "STRASSE", " strasse "])
def test_names_that_differ_only_in_case_are_one(world, admin, similar):
    world.project("one", display_name="strasse")
    page = add(admin, display_name=similar)
    assert errors(page, "display_name") == ["There is already a project with a similar name."]


def test_a_hidden_project_keeps_its_name_too(world, visitor_as):
    alice = world.user("alice")
    world.grant("create_project", user_id=alice.id)
    world.project("web", access=Access.PRIVATE)
    assert add(visitor_as("alice"), display_name="Other").status_int == 422


@pytest.fixture
def web(world):
    return world.project("web", display_name="Web", description="old")


def test_editing_a_project(admin, session, web):
    form = admin.get("/web/edit/").forms["project-form"]
    assert (form["name"].value, form["access"].value) == ("web", "public")
    form["name"] = "WEB-site"
    form["display_name"] = "WEB"
    form["description"] = "new"
    form["access"] = "registered"
    page = form.submit().follow()
    assert "Project modified successfully." in page
    assert page.request.path == "/WEB-site/issues/"
    (project,) = stored(session)
    assert (project.name, project.display_name) == ("WEB-site", "WEB")
    assert (project.description, project.access) == ("new", Access.REGISTERED)
    assert admin.get("/web/", status=404)


def test_editing_without_a_change_keeps_everything(admin, session, web):
    admin.get("/web/edit/").forms["project-form"].submit().follow()
    (project,) = stored(session)
    assert (project.name, project.display_name, project.description) == ("web", "Web", "old")


def test_editing_cannot_take_the_name_of_another(world, admin, session, web):
    world.project("other", display_name="Other")
    form = admin.get("/web/edit/").forms["project-form"]
    form["name"], form["display_name"] = "OTHER", "other"
    page = form.submit(status=422)
    assert errors(page, "name") == ["There is already a project at this address."]
    assert errors(page, "display_name") == ["There is already a project with a similar name."]
    assert stored(session)[0].name == "web"


def test_editing_needs_its_right_on_this_project(world, session, web, visitor_as):
    alice = world.user("alice")
    other = world.project("other")
    world.grant("modify_project", project=other, user_id=alice.id)
    browser = visitor_as("alice")
    assert browser.get("/web/edit/", status=403)
    assert "Edit project" not in browser.get("/web/issues/")
    assert "Edit project" in browser.get("/other/issues/")
    browser.post_form("/web/edit/", {"name": "x", "display_name": "x"}, status=403)
    assert stored(session)[0].name == "web"


@pytest.mark.parametrize("who", ["anonymous", "alice", "admin"])
def test_the_list_asks_the_same_of_the_database_for_many_projects_as_for_few(
    world, database, visitor, visitor_as, who
):
    if who != "anonymous":
        world.user(who, is_superuser=who == "admin")
    browser = visitor if who == "anonymous" else visitor_as(who)
    counts = []
    for total in (3, 40):
        for number in range(total - (counts != []) * 3):
            world.project(f"p{total}-{number}")
        with count_queries(database) as queries:
            page = browser.get("/")
        assert len(page.html.select(".row-list > li")) == total
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6
