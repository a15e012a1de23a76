from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select

from ponytracker.accounts.query import MAX_TYPED
from ponytracker.grants.names import NAMES
from ponytracker.models import Access, AuditEntry, Grant, GrantPermission, Group, Team, User
from ponytracker.security.permissions import GLOBAL_ONLY, NEVER_GRANTED, ON_PROJECT, Permission
from tests.databases import count_queries

PLACES = {"project": "/web/permissions/", "site": "/admin/permissions/"}
MANAGER = {
    "project": Permission.MANAGE_PROJECT_PERMISSION,
    "site": Permission.MANAGE_GLOBAL_PERMISSION,
}


@pytest.fixture
def web(world, session):
    session.execute(delete(Grant))  # a fresh database has one for anyone signed in
    return world.project("web")


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


class Place:
    """One of the two places that have grants: the same is asked of both."""

    def __init__(self, kind, world, web):
        self.path = PLACES[kind]
        self.manager = MANAGER[kind]
        self.project = web if kind == "project" else None
        self.world = world

    def grant(self, *permissions, **grantee):
        return self.world.grant(*permissions, project=self.project, **grantee)


@pytest.fixture(params=PLACES)
def place(request, world, web):
    return Place(request.param, world, web)


def stored(session, place):
    """Return what was given at *place*: permissions by grantee."""
    session.expire_all()
    project_id = place.project and place.project.id
    grants = session.scalars(select(Grant).where(Grant.project_id.is_not_distinct_from(project_id)))
    return {
        (grant.user and grant.user.username)
        or (grant.group and grant.group.name)
        or (grant.team and grant.team.name): {row.permission for row in grant.permissions}
        for grant in grants
    }


def log(session):
    session.expire_all()
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [entry for entry in entries if entry.action.startswith("grant.")]


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error div")]


def buttons(page, grant):
    """Return which rights a page shows of a grant, and whether each is given."""
    return {
        button.code.text: button["aria-pressed"] == "true"
        for button in page.html.select(f"#grant-{grant.id} button")
    }


# The list


def test_an_empty_list_says_so(place, admin):
    assert "No permissions defined yet." in admin.get(place.path)


def test_each_grant_says_to_whom_and_which_rights(world, place, admin, alice):
    group, team = world.group("devs"), world.team("core")
    grants = {
        "User alice": place.grant("create_issue", user_id=alice.id),
        "Group devs": place.grant("manage_issue", group_id=group.id),
        "Team core": place.grant(team_id=team.id),
        "Anyone signed in": place.grant("create_comment"),
    }
    page = admin.get(place.path, {"show": "projects"})
    titles = [title.text for title in page.html.select(".grant-list h2")]
    assert titles == ["Anyone signed in", "Team core", "Group devs", "User alice"]
    for who, given in (("User alice", "create_issue"), ("Team core", None)):
        shown = buttons(page, grants[who])
        assert set(shown) == set(ON_PROJECT)
        assert {name for name, is_given in shown.items() if is_given} == {given} - {None}


def test_what_is_on_ponytracker_has_a_tab_of_its_own(world, web, admin, alice):
    grant = world.grant("manage_accounts", "create_issue", user_id=alice.id)
    page = admin.get("/admin/permissions/")
    assert buttons(page, grant) == {str(name): name == "manage_accounts" for name in GLOBAL_ONLY}
    other = page.click("On all projects")
    assert buttons(other, grant) == {str(name): name == "create_issue" for name in ON_PROJECT}


def test_every_right_that_can_be_given_says_what_it_is(place, admin, alice):
    place.grant(user_id=alice.id)
    page = admin.get(place.path, {"show": "projects"})
    names = [span.text for span in page.html.select(".toggle-name")]
    assert "close and reopen issues" in names
    assert set(NAMES) == set(Permission)
    assert set(NAMES) - NEVER_GRANTED == ON_PROJECT | GLOBAL_ONLY


def test_a_project_shows_nothing_of_others_or_of_the_site(world, web, admin, alice):
    world.grant("create_issue", user_id=alice.id)
    world.grant("create_issue", user_id=alice.id, project=world.project("other"))
    assert "User alice" not in admin.get("/web/permissions/")


def test_the_list_has_pages(place, admin, world, session):
    people = [world.user(f"user{number:02}") for number in range(30)]
    grants = [place.grant(user_id=person.id) for person in people]
    first, second = admin.get(place.path), admin.get(place.path, {"page": "2"})
    assert [len(page.html.select(".grant-list > li")) for page in (first, second)] == [25, 5]
    for raw in ("0", "-1", "abc", "99999999999", "\x00"):
        assert admin.get(place.path, {"page": raw}).status_int == 200
    # After a click or an edit one is where the grant is.
    form = admin.get(f"{place.path}{grants[29].id}/edit/").forms["grant-form"]
    there = form.submit()
    assert there.location.endswith(f"?page=2#grant-{grants[29].id}")
    assert "User user29" in there.follow()


# A click


def press(page, grant, permission):
    """Press the button of a right, as a browser without JavaScript does."""
    (button,) = (
        button
        for button in page.html.select(f"#grant-{grant.id} button")
        if button.code.text == permission
    )
    form = page.forms["grants-form"]
    fields = {name: form[name].value for name in ("csrf_token", "next")}
    return page.test_app.post(
        button["formaction"], {**fields, button["name"]: button["value"]}, expect_errors=True
    )


def test_one_click_gives_a_right_and_another_takes_it(place, admin, session, alice):
    grant = place.grant("create_issue", user_id=alice.id)
    page = admin.get(place.path, {"show": "projects"})
    answer = press(page, grant, "manage_issue")
    assert answer.location == f"http://localhost{page.request.path_qs}#grant-{grant.id}"
    assert stored(session, place) == {"alice": {"create_issue", "manage_issue"}}
    assert buttons(answer.follow(), grant)["manage_issue"]
    # Pressed on the old page again, which asks for what is so already, it changes nothing.
    press(page, grant, "manage_issue")
    assert stored(session, place) == {"alice": {"create_issue", "manage_issue"}}
    press(answer.follow(), grant, "create_issue")
    assert stored(session, place) == {"alice": {"manage_issue"}}
    assert [entry.action for entry in log(session)] == ["grant.edit"] * 2


def test_taking_a_right_away_says_who_loses_it(place, admin, alice):
    grant = place.grant("manage_issue", "create_issue", user_id=alice.id)
    page = admin.get(f"{place.path}{grant.id}/toggle/manage_issue/")
    text = " ".join(page.html.select_one(".impact").text.split())
    assert text.count("1 person may no longer") == 1
    assert "close and reopen issues" in text
    assert "loses sight" not in text
    page = admin.get(f"{place.path}{grant.id}/toggle/delete_issue/")
    assert page.html.select_one(".impact") is None


def test_taking_access_away_says_who_loses_sight(admin, world, session, web, alice):
    web.access = Access.PRIVATE
    grant = world.grant("access_project", "manage_issue", user_id=alice.id)
    lost = "1 person loses sight of 1 project."
    assert lost in admin.get(f"/admin/permissions/{grant.id}/toggle/access_project/")
    assert lost not in admin.get(f"/admin/permissions/{grant.id}/toggle/manage_issue/")


def test_a_toggle_that_does_not_say_what_it_wants_turns_it_round(place, admin, session, alice):
    grant = place.grant(user_id=alice.id)
    for expected in ({"create_issue"}, set()):
        admin.post_form(f"{place.path}{grant.id}/toggle/create_issue/")
        assert stored(session, place) == {"alice": expected}


def test_an_old_link_asks_first(place, admin, session, alice):
    grant = place.grant(user_id=alice.id)
    page = admin.get(f"{place.path}{grant.id}/toggle/manage_issue/")
    assert "Do you want to give the right to close and reopen issues?" in page
    assert stored(session, place) == {"alice": set()}
    for _ in range(2):
        page.forms["confirm-form"].submit()
        assert stored(session, place) == {"alice": {"manage_issue"}}
    page = admin.get(f"{place.path}{grant.id}/toggle/manage_issue/")
    assert "Do you want to take away the right to close and reopen issues?" in page


def test_a_script_gets_an_answer_of_one_word(place, admin, session, alice):
    grant = place.grant(user_id=alice.id)
    for give in (True, True, False):
        answer = admin.post_form(
            f"{place.path}{grant.id}/toggle/manage_issue/", {"give": str(int(give))}, xhr=True
        )
        assert answer.json == {"given": give}
    assert stored(session, place) == {"alice": set()}


@pytest.mark.parametrize(
    "behind",
    [
        "",
        "nonsense/",
        "view/",
        "signed_in/",
        "read_audit_log/",
        "MANAGE_ISSUE/",
        "%00/",
        "manage_issue/x/",
        "manage_issue/manage_issue/",
        "../edit/x",
    ],
)
def test_a_right_that_cannot_be_given_is_not_there(place, admin, session, alice, behind):
    grant = place.grant(user_id=alice.id)
    path = f"{place.path}{grant.id}/toggle/{behind}"
    assert admin.get(path, expect_errors=True).status_int in (400, 404)
    assert admin.post_form(path, {"give": "1"}, expect_errors=True).status_int in (400, 404)
    assert stored(session, place) == {"alice": set()}


@pytest.mark.parametrize("permission", sorted(GLOBAL_ONLY))
def test_what_is_for_the_whole_site_cannot_be_given_on_a_project(
    world, web, admin, alice, permission
):
    grant = world.grant(user_id=alice.id, project=web)
    path = f"/web/permissions/{grant.id}/toggle/{permission}/"
    assert admin.post_form(path, expect_errors=True).status_int == 404
    fields = {"grantee_type": "anyone", "permissions": permission}
    assert admin.post_form("/web/permissions/add/", fields, status=422)


@pytest.mark.parametrize("give", ["2", "yes", "\ud800".encode("utf-8", "replace").decode(), "01"])
def test_a_wish_that_is_not_understood_is_refused(place, admin, session, alice, give):
    grant = place.grant(user_id=alice.id)
    admin.post_form(f"{place.path}{grant.id}/toggle/manage_issue/", {"give": give}, status=400)
    assert stored(session, place) == {"alice": set()}


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x"]
)
def test_a_click_leads_nowhere_else(place, admin, alice, elsewhere):
    grant = place.grant(user_id=alice.id)
    answer = admin.post_form(
        f"{place.path}{grant.id}/toggle/manage_issue/", {"next": elsewhere}, status=303
    )
    assert answer.location == f"http://localhost{place.path}?page=1#grant-{grant.id}"


# Adding and editing


def add(browser, place, **fields):
    fields = {"grantee_type": "user", "grantee_name": "", **fields}
    return browser.post_form(f"{place.path}add/", fields, expect_errors=True)


@pytest.fixture
def everyone(world, alice):
    alice.first_name, alice.last_name = "Alice", "Liddell"
    world.group("devs")
    world.team("core")


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("user", "alice", "alice"),
        ("user", " ALICE ", "alice"),
        ("user", "alice (Alice Liddell)", "alice"),
        ("group", "devs", "devs"),
        ("team", "core", "core"),
        ("anyone", "", None),
        ("anyone", "whatever was left there", None),
    ],
)
def test_adding(place, admin, session, everyone, kind, name, found):
    answer = add(
        admin,
        place,
        grantee_type=kind,
        grantee_name=name,
        permissions=["manage_issue", "create_issue"],
    )
    page = answer.follow()
    assert "Permission added successfully." in page
    assert stored(session, place) == {found: {"manage_issue", "create_issue"}}
    (entry,) = log(session)
    assert (entry.action, entry.actor_name) == ("grant.add", "admin")
    where = "web" if place.project else "PonyTracker"
    who = f"{kind} {found}" if found else "anyone signed in"
    assert entry.target == f"{who} on {where}"
    assert entry.after == {"grantee": who, "permissions": ["create_issue", "manage_issue"]}


def test_nothing_is_given_by_default(place, admin, session, alice):
    page = admin.get(f"{place.path}add/")
    assert page.html.select("input[type=checkbox][checked]") == []
    assert len(page.html.select("input[type=checkbox]")) == len(
        ON_PROJECT | (set() if place.project else GLOBAL_ONLY)
    )
    add(admin, place, grantee_name="alice").follow()
    assert stored(session, place) == {"alice": set()}


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("user", "bob", "User 'bob' does not exists."),
        ("user", "<b>", "User '<b>' does not exists."),
        ("user", "${name}", "User '${name}' does not exists."),
        ("user", "devs", "User 'devs' does not exists."),
        ("user", "alice (Bob)", "User 'alice (Bob)' does not exists."),
        ("user", "", "User '' does not exists."),
        ("group", "alice", "Group 'alice' does not exists."),
        ("team", "devs", "Team 'devs' does not exists."),
        ("team", "n" * (MAX_TYPED + 1), f"At most {MAX_TYPED} characters."),
        ("group", "\x00\ufdfa", "Group '\ufdfa' does not exists."),
    ],
)
def test_someone_who_is_not_there(place, admin, session, everyone, kind, name, message):
    page = add(admin, place, grantee_type=kind, grantee_name=name, permissions=["manage_issue"])
    assert page.status_int == 422
    assert errors(page, "grantee_name") == [message]
    form = page.forms["grant-form"]
    assert form["grantee_name"].value == name.replace("\x00", "")
    assert form["grantee_type"].value == kind
    assert page.html.select_one("input[value=manage_issue]").has_attr("checked")
    assert stored(session, place) == {}


@pytest.mark.parametrize("grantee", ["user", "group", "team", "anyone"])
def test_whoever_has_a_grant_here_gets_no_second(place, admin, session, everyone, grantee):
    names = {"user": "alice", "group": "devs", "team": "core", "anyone": ""}
    fields = {"grantee_type": grantee, "grantee_name": names[grantee]}
    add(admin, place, **fields, permissions="create_issue")
    page = add(admin, place, **fields, permissions="manage_issue")
    assert errors(page, "grantee_name") == ["There are permissions for this one already."]
    edit = page.click("Edit the permissions there are for this one")
    assert edit.html.select_one("input[value=create_issue]").has_attr("checked")
    assert list(stored(session, place).values()) == [{"create_issue"}]


def test_a_grant_elsewhere_is_no_hindrance(world, web, admin, session, alice):
    world.grant(user_id=alice.id)
    world.grant(user_id=alice.id, project=world.project("other"))
    assert add(admin, Place("project", world, web), grantee_name="alice").status_int == 303


def test_editing(place, admin, session, everyone, alice):
    grant = place.grant("create_issue", "create_comment", user_id=alice.id)
    form = admin.get(f"{place.path}{grant.id}/edit/").forms["grant-form"]
    assert form["grantee_type"].value == "user"
    assert form["grantee_name"].value == "alice (Alice Liddell)"
    ticked = [box.value for box in form.fields["permissions"] if box.checked]
    assert set(ticked) == {"create_issue", "create_comment"}
    form["grantee_type"], form["grantee_name"] = "team", "core"
    for box in form.fields["permissions"]:
        box.checked = box._value in ("create_comment", "manage_issue")
    page = form.submit().follow()
    assert "Permission updated successfully." in page
    assert stored(session, place) == {"core": {"create_comment", "manage_issue"}}
    (entry,) = log(session)
    assert entry.action == "grant.edit"
    assert entry.before == {
        "grantee": "user alice",
        "permissions": ["create_comment", "create_issue"],
    }
    assert entry.after == {
        "grantee": "team core",
        "permissions": ["create_comment", "manage_issue"],
    }


def test_editing_without_a_change_leaves_no_trace(place, admin, session, alice):
    grant = place.grant("create_issue", user_id=alice.id)
    admin.get(f"{place.path}{grant.id}/edit/").forms["grant-form"].submit().follow()
    assert stored(session, place) == {"alice": {"create_issue"}}
    assert log(session) == []


def test_who_would_save_over_anothers_change_is_told_so_once(place, admin, session, alice):
    grant = place.grant("create_issue", user_id=alice.id)
    form = admin.get(f"{place.path}{grant.id}/edit/").forms["grant-form"]
    admin.post_form(f"{place.path}{grant.id}/toggle/manage_issue/", {"give": "1"})
    page = form.submit(status=422)
    assert "Someone else has changed this since you opened it." in page
    assert stored(session, place) == {"alice": {"create_issue", "manage_issue"}}
    page.forms["grant-form"].submit(status=303)
    assert stored(session, place) == {"alice": {"create_issue"}}


BAD = [
    {},
    {"grantee_type": "everyone"},
    {"grantee_type": ""},
    {"grantee_type": "user\x00", "grantee_name": "alice"},
    {"grantee_type": "user", "grantee_name": "alice", "permissions": "nonsense"},
    {"grantee_type": "user", "grantee_name": "alice", "permissions": "view"},
    {"grantee_type": "user", "grantee_name": "alice", "permissions": ["create_issue", ""]},
    {"grantee_type": "user", "grantee_name": "a" * 100_000},
    {"grantee_type": "user", "grantee_name": " (" * 200},
    {"grantee_type": ["user", "team"], "grantee_name": ["bob", "core"]},
    {"grantee_type": "user", "grantee_name": "\u202e\ud7ff\U0010ffff"},
]


@pytest.mark.parametrize("fields", BAD)
def test_bad_input_comes_back(place, admin, session, alice, fields):
    grant = place.grant("create_comment", group_id=None)
    for path in ("add/", f"{grant.id}/edit/"):
        page = admin.post_form(place.path + path, fields, expect_errors=True)
        assert page.status_int == 422
        assert page.html.select(".invalid-feedback")
    assert stored(session, place) == {None: {"create_comment"}}


def test_a_file_is_no_name(place, admin, session, alice):
    token = admin.get(f"{place.path}add/").forms["grant-form"]["csrf_token"].value
    files = [("grantee_name", "alice", b"alice"), ("permissions", "x", b"manage_issue")]
    admin.post(
        f"{place.path}add/",
        {"csrf_token": token, "grantee_type": "user"},
        upload_files=files,
        status=422,
    )
    assert stored(session, place) == {}


# Deleting


def test_deleting_says_what_would_be_lost(world, session, web, admin, alice):
    web.access = Access.PRIVATE
    session.commit()
    grant = world.grant("manage_issue", project=web, user_id=alice.id)
    page = admin.get(f"/web/permissions/{grant.id}/delete/")
    text = " ".join(page.html.select_one("main").text.split())
    assert "1 person loses sight of 1 project." in text
    assert "1 person may no longer close and reopen issues" in text
    assert session.scalar(select(Grant).where(Grant.id == grant.id))
    answer = page.forms["confirm-form"].submit().follow()
    assert "Permission deleted successfully." in answer
    session.expire_all()
    assert session.scalars(select(Grant)).all() == []
    assert session.scalars(select(GrantPermission)).all() == []
    (entry,) = log(session)
    assert (entry.action, entry.target) == ("grant.delete", "user alice on web")
    assert entry.before == {"grantee": "user alice", "permissions": ["manage_issue"]}


def test_of_two_who_delete_a_grant_the_second_finds_nothing(place, admin, session, alice):
    grant = place.grant(user_id=alice.id)
    form = admin.get(f"{place.path}{grant.id}/delete/").forms["confirm-form"]
    form.submit(status=303)
    form.submit(status=404)
    for path in ("edit/", "toggle/manage_issue/"):
        assert admin.get(f"{place.path}{grant.id}/{path}", status=404)
    assert len(log(session)) == 1


# Who may


@pytest.mark.parametrize("who", ["anonymous", "alice", "other manager"])
def test_nobody_else_gets_in(world, web, place, visitor, visitor_as, session, who):
    grant = place.grant("create_issue")
    browser = visitor
    if who != "anonymous":
        alice = world.user("alice")
        if who == "other manager":
            other = world.project("other")
            world.grant(*ON_PROJECT, project=other, user_id=alice.id)
            if place.project:
                world.grant(*(GLOBAL_ONLY - {"access_project"}), user_id=alice.id)
            else:
                world.grant(*ON_PROJECT, project=web, user_id=alice.id)
        browser = visitor_as("alice")
    before = stored(session, place)
    for path in ("", "add/", "add/?query=a"):
        answer = browser.get(place.path + path, expect_errors=True)
        assert answer.status_int == (303 if who == "anonymous" else 403)
    fields = {"grantee_type": "anyone", "permissions": "create_comment"}
    browser.post_form(f"{place.path}add/", fields, status=403)
    # A grant is as if it were not there.
    for path in ("edit/", "delete/", "toggle/manage_issue/"):
        answer = browser.get(f"{place.path}{grant.id}/{path}", expect_errors=True)
        assert answer.status_int == (303 if who == "anonymous" else 404)
        status = 403 if who == "anonymous" else 404
        browser.post_form(f"{place.path}{grant.id}/{path}", fields, status=status)
    assert stored(session, place) == before


def test_a_hidden_project_has_no_permissions_to_find(world, session, web, visitor_as):
    web.access = Access.PRIVATE
    session.commit()
    alice = world.user("alice")
    world.grant(*(GLOBAL_ONLY - {"access_project"}), *ON_PROJECT, user_id=alice.id)
    grant = world.grant("create_issue", project=web)
    session.delete(grant)  # which would show the project to anyone
    session.commit()
    browser = visitor_as("alice")
    for path in ("", "add/", "1/edit/", "1/delete/", "1/toggle/manage_issue/"):
        answers = [
            browser.get(f"/{name}/permissions/{path}", expect_errors=True)
            for name in ("web", "absent")
        ]
        assert [answer.status_int for answer in answers] == [404, 404]
        posts = [
            browser.post_form(f"/{name}/permissions/{path}", expect_errors=True)
            for name in ("web", "absent")
        ]
        assert [answer.status_int for answer in posts] == [404, 404]


def test_the_grants_of_another_place_are_not_there(world, web, admin, session, alice):
    elsewhere = [
        world.grant("create_issue", user_id=alice.id),
        world.grant("create_issue", user_id=alice.id, project=world.project("other")),
    ]
    here = world.grant("create_issue", user_id=alice.id, project=web)
    strange = [("/web/permissions/", grant.id) for grant in elsewhere]
    strange += [("/admin/permissions/", here.id), ("/admin/permissions/", elsewhere[1].id)]
    strange += [
        ("/web/permissions/", number) for number in (0, -1, 999_999_999, "x", "1e3", "%D9%A1")
    ]
    for path, id_ in strange:
        for action in ("edit/", "delete/", "toggle/manage_issue/"):
            assert admin.get(f"{path}{id_}/{action}", status=404)
            assert admin.post_form(f"{path}{id_}/{action}", {"grantee_type": "anyone"}, status=404)
    assert len(session.scalars(select(Grant)).all()) == 3


def test_a_stale_token_changes_nothing_and_loses_nothing(place, admin, session, alice):
    grant = place.grant(user_id=alice.id)
    fields = {"csrf_token": "stale", "grantee_type": "user", "grantee_name": "alice"}
    page = admin.post(f"{place.path}{grant.id}/edit/", fields, status=400)
    assert page.forms["again-form"]["grantee_name"].value == "alice"
    admin.post(f"{place.path}{grant.id}/toggle/manage_issue/", fields, status=400)
    admin.post(f"{place.path}{grant.id}/delete/", fields, status=400)
    assert stored(session, place) == {"alice": set()}


@pytest.mark.parametrize("archived", [False, True])
def test_who_manages_a_project_finds_its_permissions(world, session, web, visitor_as, archived):
    alice = world.user("alice")
    world.grant(Permission.MANAGE_PROJECT_PERMISSION, project=web, user_id=alice.id)
    web.archived = archived
    session.commit()
    page = visitor_as("alice").get("/web/issues/").click("Permissions")
    assert "User alice" in page


# Nobody gives themselves more than they have

REFUSED = "You cannot give yourself what you may not do here yourself: delete_issue."


@pytest.fixture(params=["user", "group", "team", "team by group", "anyone"])
def own(request, world, session, place):
    """Someone who manages permissions, and the columns and name of a grant to them."""
    manager = world.user("manager")
    place.grant(place.manager, "create_issue", user_id=manager.id)
    if request.param == "user":
        session.execute(delete(Grant))
        group = world.group("managers", manager)
        place.grant(place.manager, "create_issue", group_id=group.id)
        return "user", "manager", {"user_id": manager.id}
    group = world.group("devs", manager)
    team = world.team("core", group if request.param == "team by group" else manager)
    match request.param:
        case "group":
            return "group", "devs", {"group_id": group.id}
        case "anyone":
            return "anyone", "", {}
    return "team", "core", {"team_id": team.id}


def test_nobody_gives_themselves_what_they_lack(place, own, session, visitor_as):
    kind, name, columns = own
    browser = visitor_as("manager")
    before = stored(session, place)
    fields = {"grantee_type": kind, "grantee_name": name}
    both = ["create_issue", "delete_issue"]
    page = browser.post_form(f"{place.path}add/", {**fields, "permissions": both}, status=422)
    assert errors(page, "permissions") == [REFUSED]
    assert stored(session, place) == before
    # What they have, they may give.
    browser.post_form(f"{place.path}add/", {**fields, "permissions": "create_issue"}, status=303)
    grant = session.scalars(select(Grant).order_by(Grant.id.desc()).limit(1)).one()
    assert {key: getattr(grant, key) for key in columns} == columns
    path = f"{place.path}{grant.id}/"
    page = browser.post_form(f"{path}edit/", {**fields, "permissions": both}, status=422)
    assert errors(page, "permissions") == [REFUSED]
    for xhr in (False, True):
        page = browser.post_form(f"{path}toggle/delete_issue/", {"give": "1"}, xhr=xhr, status=409)
        assert REFUSED in page.html.text
    # Taking away asks for nothing.
    browser.post_form(f"{path}toggle/create_issue/", {"give": "0"}, status=303)
    browser.post_form(f"{path}delete/", status=303)
    assert stored(session, place) == before


def test_nobody_takes_over_what_was_given_to_another(place, own, world, session, visitor_as):
    kind, name, _columns = own
    grant = place.grant("delete_issue", user_id=world.user("bob").id)
    fields = {"grantee_type": kind, "grantee_name": name, "permissions": "delete_issue"}
    page = visitor_as("manager").post_form(f"{place.path}{grant.id}/edit/", fields, status=422)
    assert errors(page, "permissions") == [REFUSED]
    assert "delete_issue" in stored(session, place)["bob"]


def test_giving_to_others_is_free(place, own, world, session, visitor_as):
    bob = world.user("bob")
    browser = visitor_as("manager")
    fields = {"grantee_type": "user", "grantee_name": "bob", "permissions": "delete_issue"}
    browser.post_form(f"{place.path}add/", fields, status=303)
    grant = session.scalars(select(Grant).where(Grant.user_id == bob.id)).one()
    path = f"{place.path}{grant.id}/toggle/modify_issue/"
    browser.post_form(path, {"give": "1"}, status=303)
    assert stored(session, place)["bob"] == {"delete_issue", "modify_issue"}


def test_a_right_on_one_project_is_none_on_all(world, web, session, visitor_as):
    alice = world.user("alice")
    world.grant("manage_global_permission", user_id=alice.id)
    world.grant("delete_issue", project=web, user_id=alice.id)
    grant = session.scalars(select(Grant).where(Grant.project_id.is_(None))).one()
    path = f"/admin/permissions/{grant.id}/toggle/delete_issue/"
    assert visitor_as("alice").post_form(path, status=409)
    path = f"/admin/permissions/{grant.id}/toggle/manage_accounts/"
    assert visitor_as("alice").post_form(path, status=409)


def test_a_right_on_all_projects_is_one_on_each(world, web, session, visitor_as):
    alice = world.user("alice")
    world.grant("delete_issue", user_id=alice.id)
    grant = world.grant("manage_project_permission", project=web, user_id=alice.id)
    path = f"/web/permissions/{grant.id}/toggle/delete_issue/"
    assert visitor_as("alice").post_form(path, {"give": "1"}, status=303)


# What is suggested while a name is typed


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"query": "LI", "type": "user"}, ["alice (Alice Liddell)"]),
        ({"query": "li"}, ["alice (Alice Liddell)"]),
        ({"query": "ev", "type": "group"}, ["devs"]),
        ({"query": "CO", "type": "team"}, ["core"]),
        ({"query": "%", "type": "user"}, []),
        ({"query": "_", "type": "user"}, []),
        ({"query": "a\x00l", "type": "user"}, ["alice (Alice Liddell)"]),
        ({"query": "x" * 5000, "type": "user"}, []),
        ({"query": "a", "type": "anyone"}, []),
    ],
)
def test_suggestions(place, admin, session, everyone, query, names):
    answer = admin.get(f"{place.path}add/", query)
    found = answer.json["suggestions"]
    assert [suggestion["value"] for suggestion in found] == names
    assert all(type(suggestion["data"]) is int for suggestion in found)


@pytest.mark.parametrize(
    "query", [{"query": ""}, {"query": "  "}, {"query": "a", "type": "x"}, {"query": "\x00"}]
)
def test_there_are_no_suggestions_for_nothing(place, admin, query):
    assert admin.get(f"{place.path}add/", query, expect_errors=True).status_int == 404


def test_at_most_ten_are_suggested(place, admin, session):
    session.add_all(User(username=f"user{number}") for number in range(15))
    session.commit()
    answer = admin.get(f"{place.path}add/", {"query": "user", "type": "user"})
    assert len(answer.json["suggestions"]) == 10


# What a list costs


def crowd(session, project_ids, users, groups, teams, start):
    """Store so many grantees and a grant for each on each of *project_ids*."""
    tables = [(User, users, "user_id"), (Group, groups, "group_id"), (Team, teams, "team_id")]
    for model, count, column in tables:
        names = [f"{column}-{start + number:05}" for number in range(count)]
        rows = [{"username": n, "username_key": n} if model is User else {"name": n} for n in names]
        ids = session.scalars(insert(model).returning(model.id), rows).all()
        grants = [{"project_id": p, column: id_} for p in project_ids for id_ in ids]
        grant_ids = session.scalars(insert(Grant).returning(Grant.id), grants).all()
        permissions = ("create_issue", "manage_issue", "delete_issue")
        session.execute(
            insert(GrantPermission),
            [{"grant_id": id_, "permission": p} for id_ in grant_ids for p in permissions],
        )
    session.commit()


def test_the_list_asks_the_same_of_the_database_for_thousands_as_for_few(
    world, web, database, session, place, visitor_as
):
    manager = world.user("manager")
    place.grant(place.manager, user_id=manager.id)
    browser = visitor_as("manager")
    counts = []
    for size in (
        {"users": 10, "groups": 10, "teams": 10},
        {"users": 5000, "groups": 300, "teams": 200},
    ):
        crowd(session, [web.id, None], **size, start=len(counts) * 10_000)
        for query in ({}, {"page": "2"}):
            with count_queries(database) as queries:
                page = browser.get(place.path, query)
            assert len(page.html.select(".grant-list > li")) >= 6
            counts.append(len(queries))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 9
