from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import select

from ponytracker.accounts import groups
from ponytracker.errors import Conflict
from ponytracker.models import Access, AuditEntry, Grant, Group, User
from ponytracker.models.account import group_users
from ponytracker.security.principals import identify
from tests.functional.conftest import make_test_app
from tests.site import Visitor


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


@pytest.fixture
def manager(world, visitor_as):
    user = world.user("manager")
    world.grant("manage_accounts", user_id=user.id)
    return visitor_as("manager")


@pytest.fixture
def alice(world):
    return world.user("alice", first_name="Alice", last_name="Liddell")


@pytest.fixture
def developers(world):
    return world.group("developers")


def path(group, view=""):
    return f"/admin/groups/{group.id}/" + (f"{view}/" if view else "")


def names(session):
    session.expire_all()
    return session.scalars(select(Group.name).order_by(Group.name)).all()


def members(session, group):
    session.expire_all()
    found = select(User.username).join(group_users).where(group_users.c.group_id == group.id)
    return session.scalars(found.order_by(User.username)).all()


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error")]


def entries(session):
    """What the log says about groups: action, target, before, after."""
    found = session.scalars(
        select(AuditEntry).where(AuditEntry.action.startswith("group")).order_by(AuditEntry.id)
    )
    return [(entry.action, entry.target, entry.before, entry.after) for entry in found]


def listed(page):
    return [" ".join(row.text.split()) for row in page.html.select(".row-list > li")]


def test_there_are_none(admin):
    assert "There are no groups quite yet." in admin.get("/admin/groups/")


def test_the_list_of_groups(world, admin, alice):
    world.group("zebra", alice, world.user("bob"))
    world.group("Émile’s")
    world.group("Apes")
    assert listed(admin.get("/admin/groups/")) == ["Apes 0", "zebra 2", "Émile’s 0"]
    assert listed(admin.get("/admin/groups/", {"q": "ÉMILE"})) == ["Émile’s 0"]
    assert listed(admin.get("/admin/groups/?q=e")) == ["Apes 0", "zebra 2", "Émile’s 0"]
    assert "No groups match your search." in admin.get("/admin/groups/?q=none")


def test_adding_editing_and_deleting(admin, session):
    form = admin.get("/admin/groups/add/").forms["group-form"]
    form["name"] = " Übersetzer "
    page = form.submit().follow()
    assert "Group added successfully." in page
    assert "No users belong to this group." in page
    assert names(session) == ["Übersetzer"]

    form = page.click("Edit").forms["group-form"]
    assert form["name"].value == "Übersetzer"
    form["name"] = "Translators"
    page = form.submit().follow()
    assert "Group modified successfully." in page
    assert names(session) == ["Translators"]

    page = page.click("Delete").forms["confirm-form"].submit().follow()
    assert "Group deleted successfully." in page
    assert names(session) == []
    assert entries(session) == [
        ("group.add", "Übersetzer", None, None),
        ("group.edit", "Übersetzer", {"name": "Übersetzer"}, {"name": "Translators"}),
        ("group.delete", "Translators", NOTHING_LOST, None),
    ]


NOTHING_LOST = {
    "users": 0,
    "user_names": [],
    "teams": 0,
    "team_names": [],
    "grants": 0,
    "granted": [],
}


def test_the_log_keeps_what_goes_with_a_group(admin, world, session, alice):
    group = world.group("developers", alice, world.user("bob"))
    world.team("core", group)
    world.grant("manage_issue", "create_issue", project=world.project("web"), group_id=group.id)
    world.grant("manage_settings", group_id=group.id)
    admin.post_form(path(group, "delete"), status=303)
    assert entries(session)[-1][2] == {
        "users": 2,
        "user_names": ["alice", "bob"],
        "teams": 1,
        "team_names": ["core"],
        "grants": 2,
        "granted": [
            "group developers on web (create_issue, manage_issue)",
            "group developers on PonyTracker (manage_settings)",
        ],
    }


def test_the_log_names_a_hundred_and_counts_them_all(admin, world, session):
    users = [User(username=f"user{n:03}") for n in range(101)]
    group = world.group("everyone", *users)
    admin.post_form(path(group, "delete"), status=303)
    before = entries(session)[-1][2]
    assert before["users"] == 101
    assert before["user_names"] == [f"user{n:03}" for n in range(100)]


def test_a_manager_moves_no_superuser(manager, world, session, developers):
    root = world.user("root", is_superuser=True)
    message = "Only a superuser can change the groups and teams of a superuser."
    page = manager.post_form(path(developers, "add-user"), {"user": "root"}, status=422)
    assert message in page
    actor = identify(session, session.scalars(select(User).filter_by(username="manager")).one())
    with pytest.raises(Conflict, match="Only a superuser"):
        groups.add_user(session, actor, developers, root)
    assert members(session, developers) == []

    group = world.group("operators", root)
    assert not manager.get(path(group)).html.select('a[href*="remove-user"]')
    address = path(group, f"remove-user/{root.id}")
    assert message in manager.get(address, status=409)
    manager.post_form(address, status=409)
    with pytest.raises(Conflict, match="Only a superuser"):
        groups.remove_user(session, actor, group, root)
    assert members(session, group) == ["root"]
    manager.post_form(path(group, "delete"), status=303)


def test_a_suggested_name_that_fits_two_is_neither(admin, session, developers, alice):
    session.add(User(username="alice (Alice Liddell)"))
    session.commit()
    fields = {"user": "alice (Alice Liddell)"}
    page = admin.post_form(path(developers, "add-user"), fields, status=422)
    assert errors(page, "user") == ["User not found."]
    assert members(session, developers) == []
    admin.post_form(path(developers, "add-user"), {"user": "alice"}, status=303)
    assert members(session, developers) == ["alice"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Give the group a name."),
        (" \x00 ", "Give the group a name."),
        ("x" * 129, "At most 128 characters."),
        ("developers", "There is already a group with this name."),
    ],
)
def test_names_that_will_not_do(admin, world, session, developers, typed, message):
    other = world.group("other")
    for address in ("/admin/groups/add/", path(other, "edit")):
        page = admin.post_form(address, {"name": typed}, status=422)
        assert errors(page, "name") == [message]
        assert page.forms["group-form"]["name"].value == typed.replace("\x00", "").strip()
    assert names(session) == ["developers", "other"]


def test_the_longest_name(admin, session):
    admin.post_form("/admin/groups/add/", {"name": "\U0001f434" * 128}).follow()
    assert names(session) == ["\U0001f434" * 128]


def test_two_people_edit_a_group(admin, session, developers):
    first, second = (admin.get(path(developers, "edit")).forms["group-form"] for _ in range(2))
    first["name"] = "first"
    first.submit().follow()
    second["name"] = "second"
    page = second.submit(status=422)
    assert "Someone else has changed this" in page
    assert names(session) == ["first"]


# Who is in it.


@pytest.mark.parametrize("typed", ["alice", "ALICE", " alice ", "alice (Alice Liddell)"])
def test_adding_a_user(admin, session, developers, alice, typed):
    form = admin.get(path(developers)).forms["add-user-form"]
    form["user"] = typed
    page = form.submit().follow()
    assert "User added to group successfully." in page
    assert members(session, developers) == ["alice"]
    assert entries(session) == [("group.add_user", "developers", None, {"user": "alice"})]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Enter the name of a user."),
        ("nobody", "User not found."),
        ("alice (Someone Else)", "User not found."),
        ("x" * 5000, "User not found."),
        ("bob", "User already in group."),
        ("bob (", "User not found."),
    ],
)
def test_users_that_cannot_be_added(admin, world, session, developers, alice, typed, message):
    page = admin.post_form(path(developers, "add-user"), {"user": "bob"}, status=422)
    assert errors(page, "user") == ["User not found."]
    world.session.execute(
        group_users.insert().values(group_id=developers.id, user_id=world.user("bob").id)
    )
    world.session.commit()
    page = admin.post_form(path(developers, "add-user"), {"user": typed}, status=422)
    assert message in errors(page, "user")[0]
    assert page.forms["addition-form"]["user"].value == typed
    assert members(session, developers) == ["bob"]


def test_adding_on_the_user_s_page(admin, session, developers, alice):
    form = admin.get(f"/admin/users/{alice.id}/").forms["add-group-form"]
    form["group"] = "developers"
    page = form.submit().follow()
    assert page.request.path == f"/admin/users/{alice.id}/"
    assert "User added to group successfully." in page
    assert members(session, developers) == ["alice"]
    for typed, message in (("none", "Group not found."), ("developers", "User already in group.")):
        page = admin.post_form(f"/admin/users/{alice.id}/add-group/", {"group": typed}, status=422)
        assert errors(page, "group") == [message]
        assert page.forms["addition-form"]["group"].value == typed


def test_a_manager_cannot_add_themselves(manager, world, session, developers, alice):
    me = session.scalars(select(User).where(User.username == "manager")).one()
    for address, fields in (
        (path(developers, "add-user"), {"user": "manager"}),
        (f"/admin/users/{me.id}/add-group/", {"group": "developers"}),
    ):
        page = manager.post_form(address, fields, status=422)
        assert "You cannot add yourself" in page
    with pytest.raises(Conflict, match="You cannot add yourself"):
        groups.add_user(session, identify(session, me), developers, me)
    assert members(session, developers) == []
    manager.post_form(path(developers, "add-user"), {"user": "alice"}).follow()
    assert members(session, developers) == ["alice"]


def test_a_superuser_can_add_themselves(admin, session, developers):
    admin.post_form(path(developers, "add-user"), {"user": "admin"}).follow()
    assert members(session, developers) == ["admin"]


@pytest.mark.parametrize("side", ["group", "user"])
def test_removing_a_user(admin, world, session, alice, side):
    developers = world.group("developers", alice, world.user("bob"))
    secret = world.project("secret", access=Access.PRIVATE)
    world.grant("manage_issue", "create_issue", project=secret, group_id=developers.id)
    start = path(developers) if side == "group" else f"/admin/users/{alice.id}/"
    link = next(
        a["href"] for a in admin.get(start).html.select("a.removal") if str(alice.id) in a["href"]
    )
    page = admin.get(link)
    text = page.html.main.text
    assert "Do you want to remove alice from this group?" in text
    assert "1 person loses sight of 1 project." in text
    assert "1 person may no longer close and reopen issues" in text
    assert "open issues\n" not in text.replace("reopen issues", "")  # that anyone may anyway
    page = page.forms["confirm-form"].submit().follow()
    assert page.request.path == start
    assert "User removed from group successfully." in page
    assert members(session, developers) == ["bob"]
    assert entries(session) == [("group.remove_user", "developers", {"user": "alice"}, None)]


def test_removing_who_loses_nothing(admin, world, alice):
    developers = world.group("developers", alice)
    page = admin.get(path(developers, f"remove-user/{alice.id}"))
    assert "Nobody loses anything by this." in page


def test_removing_twice(admin, world, session, alice):
    developers = world.group("developers", alice)
    address = path(developers, f"remove-user/{alice.id}")
    pages = [admin.get(address) for _ in range(2)]
    pages[0].forms["confirm-form"].submit().follow()
    page = pages[1].forms["confirm-form"].submit(status=409)
    assert "alice is not in group developers." in page
    assert admin.get(address, status=409)
    assert len(entries(session)) == 1


def test_deleting_says_what_people_lose(admin, world, session, alice):
    people = [alice, *(world.user(f"user{n}") for n in range(3))]
    developers = world.group("developers", *people)
    for name in ("one", "two"):
        project = world.project(name, access=Access.PRIVATE)
        world.grant("delete_issue", project=project, group_id=developers.id)
    world.grant(project=project, user_id=alice.id)
    text = admin.get(path(developers, "delete")).html.main.text
    assert "4 people lose sight of 2 projects." in text
    assert "4 people may no longer delete issues" in text
    admin.post_form(path(developers, "delete")).follow()
    assert session.scalars(select(Grant).where(Grant.group_id.is_not(None))).all() == []
    assert session.scalars(select(User).where(User.username == "alice")).one()
    action, target, before, after = entries(session)[-1]
    assert (action, target, after) == ("group.delete", "developers", None)
    assert (before["users"], before["grants"]) == (4, 2)


def test_two_people_delete_a_group(admin, session, developers):
    pages = [admin.get(path(developers, "delete")) for _ in range(2)]
    actor = identify(session, session.scalars(select(User)).one())
    pages[0].forms["confirm-form"].submit().follow()
    pages[1].forms["confirm-form"].submit(status=404)
    # Between the look at the address and the lock.
    for verb in (
        lambda: groups.delete_group(session, actor, developers),
        lambda: groups.edit_group(session, actor, developers, name="x"),
    ):
        with pytest.raises(Conflict, match="was deleted meanwhile"):
            verb()


def test_long_lists_of_members_have_pages_and_a_search(admin, world, session):
    developers = world.group("developers", *(User(username=f"user{n:02}") for n in range(40)))
    page = admin.get(path(developers))
    assert len(listed(page)) == 25
    assert listed(page.click("^2$"))[0] == "user25"
    assert listed(admin.get(path(developers) + "?q=USER3")) == [f"user3{n}" for n in range(10)]
    assert "No users match your search." in admin.get(path(developers) + "?q=none")


# What is suggested.


def suggestions(browser, address, query):
    found = browser.get(address, {"query": query}).json
    assert list(found) == ["suggestions"]
    assert all(list(one) == ["value", "data"] for one in found["suggestions"])
    return [one["value"] for one in found["suggestions"]]


def test_users_are_suggested(admin, world, session, alice):
    developers = world.group("developers", world.user("alina"))
    world.user("bob", first_name="Ábel", email="al@example.org")
    address = path(developers, "add-user")
    assert suggestions(admin, address, "al") == ["alice (Alice Liddell)"]
    assert suggestions(admin, address, "LIDD") == ["alice (Alice Liddell)"]
    assert suggestions(admin, address, "alice lid") == ["alice (Alice Liddell)"]
    assert suggestions(admin, address, "ábel") == ["bob (Ábel)"]
    assert suggestions(admin, address, "%") == []
    session.add_all([User(username=f"many{n:02}") for n in range(30)])
    session.commit()
    assert suggestions(admin, address, "many") == [f"many{n:02}" for n in range(10)]


def test_groups_are_suggested(admin, world, alice):
    world.group("Designers", alice)
    world.group("developers")
    world.group("DevOps")
    address = f"/admin/users/{alice.id}/add-group/"
    assert suggestions(admin, address, "DE") == ["developers", "DevOps"]


@pytest.mark.parametrize("query", ["", " ", "\x00"])
def test_nothing_is_suggested_for_nothing(admin, developers, alice, query):
    for address in (path(developers, "add-user"), f"/admin/users/{alice.id}/add-group/"):
        assert admin.get(address, {"query": query}, status=404)


def test_suggestions_are_for_who_manages_accounts(visitor_as, alice, developers):
    assert visitor_as("alice").get(path(developers, "add-user") + "?query=a", status=404)


# Where a directory manages the groups.


@pytest.fixture
def elsewhere(all_on, database, world):
    app = make_test_app(dataclasses.replace(all_on, group_management=False))
    app.registry["ponytracker.database"] = database
    world.user("root", is_superuser=True)
    browser = Visitor(app)
    browser.sign_in("root")
    return browser


def test_groups_that_are_managed_elsewhere(elsewhere, world, session, alice):
    developers = world.group("developers", alice)
    for address in ("/admin/groups/", path(developers), f"/admin/users/{alice.id}/"):
        page = elsewhere.get(address)
        assert "developers" in page
        hrefs = [a["href"] for a in page.html.main.select("a")]
        hrefs += [form["action"] for form in page.html.main.select("form[action]")]
        assert not [
            href for href in hrefs if "/groups/" in href and ("add" in href or "e/" in href)
        ]
        assert not [href for href in hrefs if "group/" in href]
    for address in (
        "/admin/groups/add/",
        path(developers, "edit"),
        path(developers, "delete"),
        path(developers, "add-user"),
        path(developers, "add-user") + "?query=a",
        path(developers, f"remove-user/{alice.id}"),
        f"/admin/users/{alice.id}/add-group/",
        f"/admin/users/{alice.id}/remove-group/{developers.id}/",
    ):
        assert elsewhere.get(address, status=404)
        fields = {"name": "x", "user": "root", "group": "developers"}
        assert elsewhere.post_form(address, fields, status=404)
    assert (names(session), members(session, developers)) == (["developers"], ["alice"])
