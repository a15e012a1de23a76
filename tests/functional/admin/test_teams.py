from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.accounts import teams
from ponytracker.errors import Conflict
from ponytracker.models import Access, AuditEntry, Group, Team, User
from ponytracker.models.account import team_groups, team_users
from ponytracker.security.principals import identify


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
def core(world):
    return world.team("core")


def path(team, view=""):
    return f"/admin/teams/{team.id}/" + (f"{view}/" if view else "")


def names(session):
    session.expire_all()
    return session.scalars(select(Team.name).order_by(Team.name)).all()


def members(session, team):
    session.expire_all()
    users = select(User.username).join(team_users).where(team_users.c.team_id == team.id)
    groups = select(Group.name).join(team_groups).where(team_groups.c.team_id == team.id)
    return [*session.scalars(users.order_by(User.username)), *session.scalars(groups)]


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error")]


def entries(session):
    """What the log says about teams: action, target, before, after."""
    found = session.scalars(
        select(AuditEntry).where(AuditEntry.action.startswith("team")).order_by(AuditEntry.id)
    )
    return [(entry.action, entry.target, entry.before, entry.after) for entry in found]


def listed(page):
    return [" ".join(row.text.split()) for row in page.html.select(".row-list > li")]


def suggestions(browser, address, query):
    found = browser.get(address, {"query": query}).json
    return [one["value"] for one in found["suggestions"]]


def test_there_are_none(admin):
    assert "There are no teams quite yet." in admin.get("/admin/teams/")


def test_the_list_of_teams(world, admin, alice):
    world.team("zebra", alice, world.group("g", alice, world.user("bob")))
    world.team("Apes")
    assert listed(admin.get("/admin/teams/")) == ["Apes 0 0", "zebra 1 1"]
    assert listed(admin.get("/admin/teams/?q=APE")) == ["Apes 0 0"]
    assert "No teams match your search." in admin.get("/admin/teams/?q=none")


def test_adding_editing_and_deleting(admin, session):
    form = admin.get("/admin/teams/add/").forms["team-form"]
    form["name"] = "Core"
    page = form.submit().follow()
    assert "Team added successfully." in page
    form = page.click("Edit").forms["team-form"]
    form["name"] = "Kernel"
    page = form.submit().follow()
    assert "Team modified successfully." in page
    assert names(session) == ["Kernel"]
    page = page.click("Delete").forms["confirm-form"].submit().follow()
    assert "Team deleted successfully." in page
    assert names(session) == []
    assert entries(session) == [
        ("team.add", "Core", None, None),
        ("team.edit", "Core", {"name": "Core"}, {"name": "Kernel"}),
        ("team.delete", "Kernel", NOTHING_LOST, None),
    ]


NOTHING_LOST = {
    "users": 0,
    "user_names": [],
    "groups": 0,
    "group_names": [],
    "grants": 0,
    "granted": [],
}


def test_the_log_keeps_what_goes_with_a_team(admin, world, session, alice):
    team = world.team("core", alice, world.group("developers"))
    world.grant("manage_issue", project=world.project("web"), team_id=team.id)
    admin.post_form(path(team, "delete"), status=303)
    assert entries(session)[-1][2] == {
        "users": 1,
        "user_names": ["alice"],
        "groups": 1,
        "group_names": ["developers"],
        "grants": 1,
        "granted": ["team core on web (manage_issue)"],
    }


def test_a_manager_moves_no_superuser(manager, world, session, core):
    root = world.user("root", is_superuser=True)
    message = "Only a superuser can change the groups and teams of a superuser."
    page = manager.post_form(path(core, "add-user"), {"user": "root"}, status=422)
    assert message in page
    actor = identify(session, session.scalars(select(User).filter_by(username="manager")).one())
    with pytest.raises(Conflict, match="Only a superuser"):
        teams.add_user(session, actor, core, root)

    team = world.team("operators", root)
    assert not manager.get(path(team)).html.select('a[href*="remove-user"]')
    address = path(team, f"remove-user/{root.id}")
    assert message in manager.get(address, status=409)
    manager.post_form(address, status=409)
    with pytest.raises(Conflict, match="Only a superuser"):
        teams.remove_user(session, actor, team, root)
    assert members(session, team) == ["root"]
    manager.post_form(path(team, "delete"), status=303)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Give the team a name."),
        ("x" * 129, "At most 128 characters."),
        ("core", "There is already a team with this name."),
    ],
)
def test_names_that_will_not_do(admin, world, session, core, typed, message):
    other = world.team("other")
    for address in ("/admin/teams/add/", path(other, "edit")):
        page = admin.post_form(address, {"name": typed}, status=422)
        assert errors(page, "name") == [message]
        assert page.forms["team-form"]["name"].value == typed
    assert names(session) == ["core", "other"]


def test_adding_users_and_groups(admin, world, session, core, alice):
    world.group("developers")
    form = admin.get(path(core)).forms["add-user-form"]
    form["user"] = "alice (Alice Liddell)"
    page = form.submit().follow()
    assert "User added to team successfully." in page
    form = page.forms["add-group-form"]
    form["group"] = "developers"
    page = form.submit().follow()
    assert "Group added to team successfully." in page
    assert members(session, core) == ["alice", "developers"]
    assert entries(session) == [
        ("team.add_user", "core", None, {"user": "alice"}),
        ("team.add_group", "core", None, {"group": "developers"}),
    ]


def test_adding_on_the_user_s_page(admin, session, core, alice):
    form = admin.get(f"/admin/users/{alice.id}/").forms["add-team-form"]
    form["team"] = "core"
    page = form.submit().follow()
    assert "User added to team successfully." in page
    assert page.request.path == f"/admin/users/{alice.id}/"
    assert members(session, core) == ["alice"]


def test_what_cannot_be_added(admin, world, session, core, alice):
    for view, field, typed, message in (
        ("add-user", "user", "nobody", "User not found."),
        ("add-group", "group", "none", "Group not found."),
        ("add-group", "group", "x" * 5000, "Group not found."),
        ("add-group", "group", "", "Enter the name of a group."),
    ):
        page = admin.post_form(path(core, view), {field: typed}, status=422)
        assert message in errors(page, field)[0]
        assert page.forms["addition-form"][field].value == typed
    of_alice = f"/admin/users/{alice.id}/add-team/"
    page = admin.post_form(of_alice, {"team": "none"}, status=422)
    assert errors(page, "team") == ["Team not found."]
    full = world.team("full", alice, world.group("developers"))
    for address, field, typed, message in (
        (path(full, "add-user"), "user", "alice", "User already in team."),
        (path(full, "add-group"), "group", "developers", "Group already in team."),
        (of_alice, "team", "full", "User already in team."),
    ):
        page = admin.post_form(address, {field: typed}, status=422)
        assert errors(page, field) == [message]
    assert members(session, full) == ["alice", "developers"]


def test_who_is_in_through_a_group_can_be_added_themselves(admin, world, session, alice):
    team = world.team("core", world.group("developers", alice))
    admin.post_form(path(team, "add-user"), {"user": "alice"}).follow()
    assert members(session, team) == ["alice", "developers"]


def test_a_manager_adds_neither_themselves_nor_a_group_of_theirs(manager, world, session, core):
    me = session.scalars(select(User).where(User.username == "manager")).one()
    mine = world.group("mine", me)
    world.group("theirs")
    for address, fields in (
        (path(core, "add-user"), {"user": "manager"}),
        (f"/admin/users/{me.id}/add-team/", {"team": "core"}),
        (path(core, "add-group"), {"group": "mine"}),
    ):
        page = manager.post_form(address, fields, status=422)
        assert "You cannot add" in page
    actor = identify(session, me)
    with pytest.raises(Conflict, match="You cannot add yourself"):
        teams.add_user(session, actor, core, me)
    with pytest.raises(Conflict, match="You cannot add a group that you are in"):
        teams.add_group(session, actor, core, mine)
    assert members(session, core) == []
    manager.post_form(path(core, "add-group"), {"group": "theirs"}).follow()
    assert members(session, core) == ["theirs"]


@pytest.mark.parametrize("side", ["team", "user"])
def test_removing_a_user(admin, world, session, alice, side):
    core = world.team("core", alice)
    secret = world.project("secret", access=Access.PRIVATE)
    world.grant("manage_issue", project=secret, team_id=core.id)
    start, address = (
        (path(core), path(core, f"remove-user/{alice.id}"))
        if side == "team"
        else (f"/admin/users/{alice.id}/", f"/admin/users/{alice.id}/remove-team/{core.id}/")
    )
    page = admin.get(start)
    assert address in [a["href"] for a in page.html.select("a.removal")]
    page = admin.get(address)
    assert "1 person loses sight of 1 project." in page
    page = page.forms["confirm-form"].submit().follow()
    assert page.request.path == start
    assert "User removed from team successfully." in page
    assert members(session, core) == []
    assert entries(session) == [("team.remove_user", "core", {"user": "alice"}, None)]
    page = admin.post_form(address, status=409)
    assert "alice is not in team core." in page


def test_removing_who_stays_through_a_group(admin, world, session, alice):
    core = world.team("core", alice, world.group("developers", alice))
    world.grant("delete_issue", team_id=core.id)
    page = admin.get(path(core, f"remove-user/{alice.id}"))
    assert "member through group developers" in page
    assert "Nobody loses anything by this." in page
    page.forms["confirm-form"].submit().follow()
    assert members(session, core) == ["developers"]
    # Now only the group keeps them.
    page = admin.post_form(path(core, f"remove-user/{alice.id}"), status=409)
    assert "alice is a member through group developers" in page


def test_removing_a_group(admin, world, session, alice):
    developers = world.group("developers", alice, world.user("bob"))
    core = world.team("core", developers)
    secret = world.project("secret", access=Access.PRIVATE)
    world.grant(project=secret, team_id=core.id)
    link = admin.get(path(core)).html.select_one("a.removal")["href"]
    page = admin.get(link)
    assert "2 people lose sight of 1 project." in page
    page = page.forms["confirm-form"].submit().follow()
    assert "Group removed from team successfully." in page
    assert members(session, core) == []
    assert entries(session) == [("team.remove_group", "core", {"group": "developers"}, None)]
    assert "developers is not in team core." in admin.post_form(link, status=409)
    assert admin.get(link, status=409)


def test_two_people_delete_a_team(admin, session, core):
    pages = [admin.get(path(core, "delete")) for _ in range(2)]
    actor = identify(session, session.scalars(select(User)).one())
    pages[0].forms["confirm-form"].submit().follow()
    pages[1].forms["confirm-form"].submit(status=404)
    for verb in (
        lambda: teams.delete_team(session, actor, core),
        lambda: teams.edit_team(session, actor, core, name="x"),
    ):
        with pytest.raises(Conflict, match="was deleted meanwhile"):
            verb()


def test_suggestions_leave_out_who_is_in(admin, world, alice):
    world.user("alan")
    core = world.team("core", alice, world.group("Gals", world.user("ally")))
    world.group("Gallery")
    world.team("calm")
    # Those in through a group too, as in the original.
    assert suggestions(admin, path(core, "add-user"), "al") == ["alan"]
    assert suggestions(admin, path(core, "add-group"), "GAL") == ["Gallery"]
    assert suggestions(admin, f"/admin/users/{alice.id}/add-team/", "c") == ["calm"]
    for view in ("add-user", "add-group"):
        assert admin.get(path(core, view) + "?query=", status=404)


def test_long_lists_have_pages_of_their_own(admin, world, session):
    users = [User(username=f"user{n:02}") for n in range(30)]
    groups = [Group(name=f"group{n:02}") for n in range(30)]
    core = world.team("core", *users, *groups)
    page = admin.get(path(core) + "?page=2&groups=1")
    assert listed(page)[:5] == [f"user{n}" for n in range(25, 30)]
    assert len(listed(page)) == 30
    page = admin.get(path(core) + "?page=2&groups=2")
    assert listed(page)[5:] == [f"group{n}" for n in range(25, 30)]
    assert page.html.select('a[href="?groups=2&page=1"], a[href="?page=2&groups=1"]')


def test_ids_of_others_are_not_found(admin, world, core, alice):
    group = world.group("developers")
    for address in (
        path(core, f"remove-user/{alice.id + 1000}"),
        path(core, f"remove-group/{group.id + 1000}"),
        path(core, "remove-user"),
        path(core, "remove-user/x"),
        path(core, f"remove-user/{alice.id}/x"),
        f"/admin/users/{alice.id}/remove-team/{core.id + 1000}/",
        f"/admin/users/{alice.id}/remove-user/{alice.id}/",
    ):
        assert admin.get(address, status=404)
        assert admin.post_form(address, status=404)
