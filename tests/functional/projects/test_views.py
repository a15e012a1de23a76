from __future__ import annotations

import pytest
from sqlalchemy import func, select

from ponytracker.issues.service import comment
from ponytracker.models import (
    Access,
    AuditEntry,
    Base,
    Event,
    Grant,
    Issue,
    IssueSubscription,
    Label,
    Milestone,
    Project,
    ProjectReadMark,
    ProjectSubscription,
    ReadMark,
    SubscriptionReason,
    TextRevision,
)
from ponytracker.models.issue import IssueLabel
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


def log(session):
    session.expire_all()
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [entry for entry in entries if entry.action.startswith("project.")]


def test_what_is_done_to_a_project_is_in_the_audit_log(admin, session):
    add(admin, description="old")
    form = admin.get("/web/edit/").forms["project-form"]
    form.submit()  # without a change
    form["name"], form["access"] = "site", "private"
    form.submit()
    for action in ("archive", "unarchive"):
        admin.post_form(f"/site/{action}/", status=303)
    admin.post_form("/site/delete/", {"name": "site"}, status=303)
    added, edited, archived, unarchived, deleted = log(session)
    assert {entry.actor_name for entry in log(session)} == {"admin"}
    assert (added.action, added.target) == ("project.add", "web")
    given = f"user admin on web ({', '.join(sorted(ON_PROJECT))})"
    assert added.after == {
        "name": "web",
        "display_name": "Web site",
        "description": "old",
        "access": "public",
        "creator": "admin",
        "grants": 1,
        "granted": [given],
    }
    assert (edited.action, edited.target) == ("project.edit", "web")
    assert edited.before == {"name": "web", "access": "public"}
    assert edited.after == {"name": "site", "access": "private"}
    assert (archived.action, archived.target) == ("project.archive", "site")
    assert (unarchived.action, unarchived.target) == ("project.unarchive", "site")
    assert (deleted.action, deleted.target) == ("project.delete", "site")
    assert deleted.before["access"] == "private"
    assert deleted.before["labels"] == 3
    assert deleted.before["granted"] == [given.replace(" on web ", " on site ")]


# Archiving


def test_archiving_and_bringing_back(world, admin, session, web):
    page = admin.get("/web/edit/").forms["archive-form"].submit().follow()
    assert "Project archived." in page
    assert "Archived" in page.html.select_one(".project-header").text
    assert stored(session)[0].archived
    listed = [admin.get(path).html.select(".row-title") for path in ("/archived/", "/add/")]
    assert [[a.text for a in titles] for titles in listed] == [["Web"], []]
    page = admin.get("/web/edit/").forms["archive-form"].submit().follow()
    assert "Project un-archived." in page
    assert not stored(session)[0].archived


def test_a_project_that_is_in_that_state_already_is_a_conflict(admin, session, web):
    archive = admin.get("/web/archive/").forms["confirm-form"]
    unarchive = admin.get("/web/unarchive/").forms["confirm-form"]
    assert "This project is not archived." in unarchive.submit(status=409)
    archive.submit(status=303)
    assert "This project is archived already." in archive.submit(status=409)
    assert stored(session)[0].archived


def test_an_archived_project_is_edited_and_deleted_but_not_written_in(world, admin, session, web):
    world.issue(web)
    web.archived = True
    session.commit()
    before = {"issues": len(session.scalars(select(Issue)).all())}
    for path in ("issues/add/", "issues/1/edit/", "issues/1/comment/", "issues/1/close/"):
        assert admin.get(f"/web/{path}", status=403)
        fields = {"title": "x", "comment": "x"}
        assert admin.post_form(f"/web/{path}", fields, status=403)
    assert len(session.scalars(select(Issue)).all()) == before["issues"]
    form = admin.get("/web/edit/").forms["project-form"]
    form["display_name"] = "Old site"
    assert form.submit(status=303)
    assert admin.post_form("/web/delete/", {"name": "web"}, status=303)
    assert stored(session) == []


def test_the_menu_of_an_archived_project_names_the_archived_ones(world, session, visitor):
    for name in ("web", "old", "older"):
        world.project(name).archived = name != "web"
    session.commit()

    def menu(path):
        page = visitor.get(path)
        return [a.text for a in page.html.select("header .dropdown-item")]

    active = ["Web", "All projects", "Archived projects"]
    archived = ["Old", "Older", "Active projects", "Archived projects"]
    assert menu("/") == menu("/web/issues/") == active
    assert menu("/archived/") == menu("/old/issues/") == archived


# Deleting


@pytest.fixture
def full(world, session, web):
    """The project with something of every kind in it; and another with the same."""
    for project in (web, world.project("other")):
        user = world.user(f"user-of-{project.name}")
        issue = world.issue(project, user)
        event = comment(session, issue, user, text="Indeed")
        milestone = Milestone(project=project, name="1.0", slug="1.0")
        label = session.scalars(select(Label).where(Label.project_id == project.id)).first()
        session.add(milestone)
        session.flush()
        issue.milestone = milestone
        bob = world.user(f"bob-of-{project.name}")
        session.add_all(
            [
                IssueLabel(issue_id=issue.id, label_id=label.id),
                IssueSubscription(
                    issue_id=issue.id, user_id=bob.id, reason=SubscriptionReason.MANUAL
                ),
                ProjectSubscription(project_id=project.id, user_id=bob.id),
                ReadMark(user_id=bob.id, issue_id=issue.id, last_event_id=event.id),
                ProjectReadMark(user_id=bob.id, project_id=project.id, last_event_id=event.id),
                TextRevision(event_id=event.id, text="Hm"),
            ]
        )
        session.commit()
        world.grant("create_issue", "manage_issue", project=project, user_id=bob.id)
    return web


def rows(session):
    """Return how many rows each table has, but for those that no deletion of a project touches."""
    session.expire_all()
    return {
        table.name: session.scalar(select(func.count()).select_from(table))
        for table in Base.metadata.sorted_tables
        if table.name not in ("audit_log", "sign_in_sessions", "attempts")
    }


def test_deleting_says_what_will_be_lost(admin, full):
    page = admin.get("/web/edit/").click("Delete this project…")
    assert [li.text for li in page.html.select("#contents li")] == [
        "1 issue",
        "1 comment",
        "3 labels",
        "1 milestone",
        "1 subscription to the project",
        "1 permission of a user, group or team",
    ]


def test_deleting_takes_everything_of_this_project_and_nothing_else(admin, session, database, full):
    before = rows(session)
    form = admin.get("/web/delete/").forms["delete-form"]
    form["name"] = " web "
    page = form.submit().follow()
    assert page.request.path == "/"
    assert "Project deleted successfully." in page
    after = rows(session)
    gone = {name: before[name] - after[name] for name in before if before[name] != after[name]}
    assert gone == {
        "projects": 1,
        "issues": 1,
        "events": 2,
        "text_revisions": 1,
        "labels": 3,
        "milestones": 1,
        "issue_labels": 1,
        "issue_subscriptions": 2,
        "project_subscriptions": 1,
        "read_marks": 1,
        "project_read_marks": 1,
        "grants": 1,
        "grant_permissions": 2,
    }
    assert {event.project.name for event in session.scalars(select(Issue))} == {"other"}
    assert admin.get("/web/issues/", status=404)


def test_deleting_costs_the_same_however_much_there_is(world, admin, session, database):
    counts = []
    for issues in (1, 30):
        project = world.project("web")
        for _ in range(issues):
            comment(session, world.issue(project), None, text="Indeed")
        session.commit()
        form = admin.get("/web/delete/").forms["delete-form"]
        form["name"] = "web"
        with count_queries(database) as queries:
            form.submit(status=303)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14
    assert session.scalars(select(Event)).all() == []


@pytest.mark.parametrize("typed", ["", "Web", "WEB", "other", "we b", "web\x00x", "w" * 10_000])
def test_deleting_wants_the_name_typed(admin, session, web, typed):
    page = admin.post_form("/web/delete/", {"name": typed}, status=422)
    assert errors(page, "name") == ["This is not the name of the project, so nothing was deleted."]
    assert page.forms["delete-form"]["name"].value == typed.replace("\x00", "")
    assert len(stored(session)) == 1


def test_deleting_without_a_name_deletes_nothing(admin, session, web):
    admin.post_form("/web/delete/", status=422)
    token = admin.get("/web/delete/").forms["delete-form"]["csrf_token"].value
    files = [("name", "web", b"web")]
    admin.post("/web/delete/", {"csrf_token": token}, upload_files=files, status=422)
    assert len(stored(session)) == 1


def test_of_two_who_delete_a_project_the_second_finds_nothing(admin, session, web):
    form = admin.get("/web/delete/").forms["delete-form"]
    form["name"] = "web"
    form.submit(status=303)
    form.submit(status=404)
    assert [entry.action for entry in log(session)].count("project.delete") == 1


ACTIONS = ["archive", "unarchive", "delete"]


@pytest.mark.parametrize("action", ACTIONS)
def test_each_needs_its_right_on_this_project(world, session, web, visitor, visitor_as, action):
    alice = world.user("alice")
    other = world.project("other")
    world.grant(*ON_PROJECT, project=other, user_id=alice.id)
    rest = ON_PROJECT - {"delete_project" if action == "delete" else "modify_project"}
    world.grant(*rest, project=web, user_id=alice.id)
    web.archived = action == "unarchive"
    session.commit()
    browser = visitor_as("alice")
    assert browser.get(f"/web/{action}/", status=403)
    assert browser.post_form(f"/web/{action}/", {"name": "web"}, status=403)
    assert visitor.get(f"/web/{action}/", status=303)
    assert visitor.post_form(f"/web/{action}/", {"name": "web"}, status=403)
    web, _ = stored(session)
    assert web.archived == (action == "unarchive")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_hidden_project_is_not_there_to_be_changed(world, session, visitor_as, action):
    alice = world.user("alice")
    world.grant(*ON_PROJECT, user_id=alice.id)  # on all projects, which shows no private one
    world.project("secret", access=Access.PRIVATE)
    browser = visitor_as("alice")
    for name in ("secret", "absent"):
        assert browser.get(f"/{name}/{action}/", status=404)
        assert browser.post_form(f"/{name}/{action}/", {"name": name}, status=404)
    assert len(stored(session)) == 1


def test_who_may_only_delete_finds_the_way(world, web, visitor_as):
    alice = world.user("alice")
    world.grant("delete_project", project=web, user_id=alice.id)
    page = visitor_as("alice").get("/web/issues/")
    assert "Edit project" not in page
    assert page.click("Delete project").forms["delete-form"]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_stale_token_changes_nothing(admin, session, web, action):
    web.archived = action == "unarchive"
    session.commit()
    page = admin.post(f"/web/{action}/", {"csrf_token": "old", "name": "web"}, status=400)
    assert page.forms["again-form"].submit(status=303)


def test_editing_says_what_making_it_private_means(admin, session, web):
    warning = "loses sight of it at once"
    assert warning in admin.get("/web/edit/")
    web.access = Access.PRIVATE
    session.commit()
    assert warning not in admin.get("/web/edit/")
