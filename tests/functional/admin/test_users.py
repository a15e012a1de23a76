from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import func, select
from webtest import AppError

from ponytracker.accounts import service
from ponytracker.models import (
    Access,
    AccountToken,
    AuditEntry,
    Event,
    Grant,
    Issue,
    Notifications,
    ProjectSubscription,
    SignInSession,
    TokenPurpose,
    User,
)
from ponytracker.models.account import group_users, team_users
from ponytracker.models.base import now
from ponytracker.security.principals import identify
from tests.functional.conftest import make_test_app
from tests.site import PASSWORD, Visitor

NEW = "an entirely new phrase"


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


@pytest.fixture
def manager(world, visitor_as):
    """Someone who manages accounts and is no superuser."""
    user = world.user("manager")
    world.grant("manage_accounts", user_id=user.id)
    return visitor_as("manager")


@pytest.fixture
def alice(world):
    return world.user("alice", first_name="Alice", last_name="Liddell", email="alice@example.org")


def path(user, view=""):
    return f"/admin/users/{user.id}/" + (f"{view}/" if view else "")


def stored(session, username):
    session.expire_all()
    return session.scalar(select(User).where(User.username == username))


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error")]


def entries(session):
    return session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()


def last_entry(session):
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    return entry.actor_name, entry.action, entry.target, entry.before, entry.after


def signs_in(browser, username, password):
    """Return whether someone with another browser can sign in."""
    fields = {"username": username, "password": password}
    answer = Visitor(browser.app).post_form("/login", fields, expect_errors=True)
    return answer.status_int == 303


def listed(page):
    return [row.text.strip() for row in page.html.select(".row-list .row-title")]


# The list.


def test_the_list_of_users(world, admin, alice):
    world.user("bob", is_active=False)
    page = admin.get("/admin/users/")
    assert listed(page) == ["admin", "alice", "bob"]
    rows = [row.text for row in page.html.select(".row-list > li")]
    assert "Superuser" in rows[0]
    assert "Disabled" not in rows[0]
    assert "Alice Liddell" in rows[1]
    assert "alice@example.org" in rows[1]
    assert "Disabled" in rows[2]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("emil", ["user1"]),
        ("émile", ["user2"]),
        ("ÉMILE", ["user2"]),
        ("ПАВЕЛ", ["user3"]),
        ("zola", ["user2"]),
        ("émile zola", ["user2"]),
        ("EXAMPLE.ORG", ["user1"]),
        ("USER", ["user1", "user2", "user3"]),
        ("100%", ["user3"]),
        ("%", ["user3"]),
        ("_", []),
        ("nobody", []),
        ("", ["admin", "user1", "user2", "user3"]),
        ("\x00", ["admin", "user1", "user2", "user3"]),
    ],
)
def test_searching(world, admin, text, found):
    world.user("user1", first_name="Emil", email="emil@example.org")
    world.user("user2", first_name="Émile", last_name="Zola")
    world.user("user3", first_name="Павел", last_name="100%")
    page = admin.get("/admin/users/", {"q": text})
    assert listed(page) == found
    assert page.html.select_one("#q")["value"] == text.replace("\x00", "")


def test_the_list_has_pages_that_keep_the_search(world, admin, session):
    session.add_all([User(username=f"user{n:02}") for n in range(40)])
    session.commit()
    page = admin.get("/admin/users/?q=user")
    assert len(listed(page)) == 25
    page = page.click("^2$")
    assert listed(page)[0] == "user25"
    assert "q=user" in page.request.query_string
    for odd in ("abc", "-1", "99999"):
        assert admin.get(f"/admin/users/?page={odd}").status_int == 200


def test_only_who_manages_accounts_sees_it(world, visitor, visitor_as, alice, manager):
    browser = visitor_as("alice")
    for address in ("/admin/users/", path(alice), path(alice, "edit"), "/admin/users/add/"):
        assert "/login" in visitor.get(address).location
        # What is of one account is not there for them: which there are is none of their business.
        assert browser.get(address, status=404 if str(alice.id) in address else 403)
        assert manager.get(address).status_int == 200
    for grant in ("manage_settings", "manage_global_permission"):
        other = world.user(grant)
        world.grant(grant, user_id=other.id)
        assert visitor_as(other).get("/admin/users/", status=403)


# Adding.


def add(browser, **fields):
    fields = {"username": "bob", "notifications": "others", "time_zone": "UTC", **fields}
    return browser.post_form("/admin/users/add/", fields, expect_errors=True)


def test_adding_a_user(admin, session):
    form = admin.get("/admin/users/add/").forms["user-form"]
    form["username"] = " Bob "
    form["first_name"] = "Robert"
    form["last_name"] = "O’Neil"
    form["email"] = "bob@example.org"
    form["notifications"] = "always"
    form["time_zone"] = "Europe/Berlin"
    form["password"] = NEW
    page = form.submit().follow()
    assert "User added successfully." in page
    assert "Robert O’Neil" in page.html.text
    bob = stored(session, "Bob")
    assert (bob.full_name, bob.email, bob.time_zone) == (
        "Robert O’Neil",
        "bob@example.org",
        "Europe/Berlin",
    )
    assert bob.notifications is Notifications.ALWAYS
    assert (bob.is_active, bob.is_superuser) == (True, False)
    actor, action, target, before, after = last_entry(session)
    assert (actor, action, target, before) == ("admin", "user.add", "Bob", None)
    assert after["email"] == "bob@example.org"
    assert NEW not in repr(after)
    assert "argon2" not in repr(after)
    assert signs_in(admin, "bob", NEW)


def test_a_user_without_a_password_cannot_sign_in(admin, session):
    assert add(admin).status_int == 303
    assert stored(session, "bob").password_hash is None
    assert not signs_in(admin, "bob", "")
    assert not signs_in(admin, "bob", PASSWORD)


@pytest.mark.parametrize("name", ["ALICE", "alice", "Alice "])
def test_a_username_is_taken_whatever_its_case(admin, alice, name):
    page = add(admin, username=name, first_name="Kept")
    assert errors(page, "username") == ["There is already a user with this name."]
    assert page.forms["user-form"]["first_name"].value == "Kept"


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("username", "", "Enter a username."),
        ("username", "x" * 151, "A username has 1 to 150 characters, and no blanks at its ends."),
        ("first_name", "x" * 151, "At most 150 characters."),
        ("email", "alice", "Enter one mail address, such as alice@example.org."),
        ("email", "a@b@c", "Enter one mail address, such as alice@example.org."),
        ("email", "a b@c", "Enter one mail address, such as alice@example.org."),
        ("email", "a@b,c@d", "Enter one mail address, such as alice@example.org."),
        ("email", "A <a@b>", "Enter one mail address, such as alice@example.org."),
        ("email", "a" * 250 + "@b.org", "At most 254 characters."),
        ("notifications", "sometimes", "Choose one of these."),
        ("time_zone", "Mars/Olympus", "Choose one of these."),
        ("time_zone", "../UTC", "Choose one of these."),
        ("password", "short", "A password has at least 10 characters."),
    ],
)
def test_what_is_refused_comes_back_with_the_reason(admin, session, field, typed, message):
    page = add(admin, **{field: typed})
    assert page.status_int == 422
    assert errors(page, field)[0] == message
    form = page.forms["user-form"]
    if field == "password":
        assert form["password"].value == ""
    elif field not in ("notifications", "time_zone"):
        assert form[field].value == typed
    assert stored(session, "bob") is None


@pytest.mark.parametrize(
    "name",
    [
        "alice (Alice Liddell)",
        "(shell)",
        "(unknown account)",
        "two words",
        "al\u00a0ice",
        "al\u200bice",
        "\u202eecila",
        "al\u00adice",
        "ali\ufb01n",  # a ligature, which NFKC makes two letters
        "<b>",
        "a/b",
    ],
)
def test_a_username_has_letters_digits_and_few_marks(admin, session, alice, name):
    message = "Use only letters, digits and @ . + - _ [ ]."
    assert errors(add(admin, username=name), "username") == [message]
    form = admin.get(path(alice, "edit")).forms["user-form"]
    form["username"] = name
    assert errors(form.submit(status=422), "username") == [message]
    with pytest.raises(service.UnfitName, match="Use only letters"):
        service.create_user(session, username=name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ghost", "This name stands for people whose account was deleted."),
        ("GHOST", "This name stands for people whose account was deleted."),
        ("[..]", "A username has at least one letter or digit."),
    ],
)
def test_usernames_that_are_nobody_s(admin, name, message):
    assert errors(add(admin, username=name), "username") == [message]


@pytest.mark.parametrize("name", ["zoë", "李", "dependabot[bot]", "a.b+c-d_e@example.org", "7"])
def test_usernames_that_will_do(admin, session, name):
    add(admin, username=name)
    assert stored(session, name) is not None


def test_an_older_username_stays(admin, session, passwords):
    old = User(username="Old (name)", password_hash=passwords.hash(PASSWORD))
    session.add(old)
    session.commit()
    assert signs_in(admin, "old (name)", PASSWORD)
    form = admin.get(path(old, "edit")).forms["user-form"]
    form["first_name"] = "Old"
    form.submit(status=303)
    assert stored(session, "Old (name)").first_name == "Old"


def test_who_becomes_a_superuser_is_signed_out(admin, session, visitor_as, alice):
    theirs = visitor_as("alice")
    form = admin.get(path(alice, "edit")).forms["user-form"]
    form["first_name"] = "Alicia"
    form.submit(status=303)
    theirs.get("/profile/", status=200)
    session.add(
        AccountToken(
            token_hash="x" * 64,
            purpose=TokenPurpose.RESET,
            user_id=alice.id,
            expires_at=now() + dt.timedelta(hours=1),
        )
    )
    session.commit()
    form = admin.get(path(alice, "edit")).forms["user-form"]
    form["is_superuser"] = True
    form.submit(status=303)
    assert "/login" in theirs.get("/profile/").location
    assert session.scalar(select(func.count(AccountToken.token_hash))) == 0


def test_the_form_promises_a_link_only_where_it_is_mailed(admin, all_on):
    assert "by the link that is mailed" in admin.get("/admin/users/add/")
    app = make_test_app(dataclasses.replace(all_on, mail_default_sender=""))
    app.registry["ponytracker.database"] = admin.app.registry["ponytracker.database"]
    without_mail = Visitor(app)
    without_mail.sign_in("admin").follow()
    page = without_mail.get("/admin/users/add/")
    assert "the link that is mailed" not in page
    assert "then they cannot sign in until someone sets one here" in page


# Editing.


def test_editing_a_user(admin, session, alice):
    form = admin.get(path(alice, "edit")).forms["user-form"]
    assert form["username"].value == "alice"
    assert form["email"].value == "alice@example.org"
    assert "password" not in form.fields
    form["username"] = "ALICE"
    form["email"] = ""
    form["time_zone"] = "Asia/Tokyo"
    page = form.submit().follow()
    assert "User modified successfully." in page
    user = stored(session, "ALICE")
    assert (user.username_key, user.email, user.time_zone) == ("alice", None, "Asia/Tokyo")
    assert last_entry(session) == (
        "admin",
        "user.edit",
        "alice",
        {"username": "alice", "email": "alice@example.org", "time_zone": "UTC"},
        {"username": "ALICE", "email": None, "time_zone": "Asia/Tokyo"},
    )


def test_editing_without_a_change_leaves_no_entry(admin, session, alice):
    before = len(entries(session))
    admin.get(path(alice, "edit")).forms["user-form"].submit().follow()
    assert len(entries(session)) == before


def test_two_people_edit_a_user(admin, session, alice):
    first = admin.get(path(alice, "edit")).forms["user-form"]
    second = admin.get(path(alice, "edit")).forms["user-form"]
    first["first_name"] = "First"
    first.submit().follow()
    second["first_name"] = "Second"
    page = second.submit(status=422)
    assert "Someone else has changed this since you opened it." in page
    assert page.forms["user-form"]["first_name"].value == "Second"
    assert stored(session, "alice").first_name == "First"
    page.forms["user-form"].submit().follow()
    assert stored(session, "alice").first_name == "Second"


def test_a_superuser_makes_another_one(admin, session, alice):
    form = admin.get(path(alice, "edit")).forms["user-form"]
    form["is_superuser"] = True
    form.submit().follow()
    assert stored(session, "alice").is_superuser
    assert last_entry(session)[3:] == ({"is_superuser": False}, {"is_superuser": True})


# Who manages accounts and is no superuser.


def test_a_manager_makes_no_superuser(manager, session, alice):
    assert "is_superuser" not in manager.get("/admin/users/add/").forms["user-form"].fields
    assert add(manager, is_superuser="y").status_int == 303
    assert not stored(session, "bob").is_superuser
    form = manager.get(path(alice, "edit")).forms["user-form"]
    assert "is_superuser" not in form.fields
    fields = {**dict(form.submit_fields()), "is_superuser": "y"}
    manager.post(path(alice, "edit"), fields).follow()
    assert not stored(session, "alice").is_superuser


def test_the_services_let_a_manager_make_no_superuser(world, session, alice, manager):
    actor = identify(session, stored(session, "manager"))
    with pytest.raises(service.Conflict, match="Only a superuser"):
        service.add_user(session, actor, username="bob", is_superuser=True)
    with pytest.raises(service.Conflict, match="Only a superuser"):
        service.edit_user(session, actor, alice.id, is_superuser=True)


def test_the_services_let_a_manager_change_no_superuser(world, session, manager):
    boss = world.user("boss", is_superuser=True)
    actor = identify(session, stored(session, "manager"))
    for verb in (
        lambda: service.edit_user(session, actor, boss.id, first_name="x"),
        lambda: service.set_password(session, actor, boss.id, "hash"),
        lambda: service.disable_user(session, actor, boss.id),
        lambda: service.activate_user(session, actor, boss.id),
        lambda: service.delete_user(session, actor, boss.id),
    ):
        with pytest.raises(service.Conflict, match="Only a superuser"):
            verb()


@pytest.mark.parametrize(
    "view",
    ["edit", "edit-password", "disable", "activate", "delete", "add-group", "add-team"],
)
def test_a_manager_cannot_touch_a_superuser(world, session, manager, view):
    boss = world.user("boss", is_superuser=True)
    page = manager.get(path(boss))
    assert "changed by superusers only" in page
    assert not page.html.select(f'a[href$="/{view}/"], form[action$="/{view}/"]')
    assert manager.get(path(boss, view), status=403)
    fields = {"username": "x", "password": NEW, "again": NEW, "group": "g", "team": "t"}
    assert manager.post_form(path(boss, view), fields, status=403)
    kept = stored(session, "boss")
    assert kept.is_active
    assert signs_in(manager, "boss", PASSWORD)


# Passwords.


def test_setting_a_password_ends_all_sessions(admin, session, visitor_as, alice):
    theirs = visitor_as("alice")
    form = admin.get(path(alice, "edit-password")).forms["password-form"]
    form["password"] = form["again"] = NEW
    page = form.submit().follow()
    assert "User password modified successfully." in page
    assert "/login" in theirs.get("/profile/").location
    assert not signs_in(admin, "alice", PASSWORD)
    assert signs_in(admin, "alice", NEW)
    found = [entry for entry in entries(session) if entry.action == "user.set_password"]
    assert [(entry.target, entry.before, entry.after) for entry in found] == [("alice", None, None)]


@pytest.mark.parametrize(
    ("password", "again", "field"),
    [
        ("", "", "password"),
        ("short", "short", "password"),
        (NEW, "another", "again"),
        (NEW, "", "again"),
        ("x" * 1025, "x" * 1025, "password"),
        ("alice@example.org", "alice@example.org", "password"),
    ],
)
def test_a_password_that_will_not_do(admin, session, alice, password, again, field):
    before = stored(session, "alice").password_hash
    fields = {"password": password, "again": again}
    page = admin.post_form(path(alice, "edit-password"), fields, status=422)
    assert errors(page, field)
    assert stored(session, "alice").password_hash == before
    assert page.forms["password-form"]["password"].value == ""


def test_one_s_own_password_signs_one_out(admin, session):
    me = stored(session, "admin")
    admin.post_form(path(me, "edit-password"), {"password": NEW, "again": NEW})
    assert "/login" in admin.get("/admin/users/").location


@pytest.fixture
def external(all_on, database, world):
    """A superuser's browser where people are known from elsewhere."""
    app = make_test_app(dataclasses.replace(all_on, sign_up=False, external_auth=True))
    app.registry["ponytracker.database"] = database
    world.user("root", is_superuser=True)
    browser = Visitor(app)
    browser.sign_in("root")
    return browser


def test_where_people_are_known_from_elsewhere(external, session, alice):
    assert "edit-password" not in external.get(path(alice))
    assert external.get(path(alice, "edit-password"), status=404)
    fields = {"password": NEW, "again": NEW}
    assert external.post_form(path(alice, "edit-password"), fields, status=404)
    form = external.get(path(alice, "edit")).forms["user-form"]
    assert "username" not in form.fields
    form["first_name"] = "Changed"
    fields = {**dict(form.submit_fields()), "username": "mallory"}
    external.post(path(alice, "edit"), fields).follow()
    assert stored(session, "alice").first_name == "Changed"
    assert "password" not in external.get("/admin/users/add/").forms["user-form"].fields
    add(external, password=NEW)
    assert stored(session, "bob").password_hash is None


# Disabling and activating.


def test_disabling_and_activating(admin, session, visitor_as, alice):
    theirs = visitor_as("alice")
    page = admin.get(path(alice)).click("Disable")
    page = page.forms["confirm-form"].submit().follow()
    assert "Account disabled successfully." in page
    assert not stored(session, "alice").is_active
    assert "/login" in theirs.get("/profile/").location
    assert (
        session.scalars(select(SignInSession.id).where(SignInSession.user_id == alice.id)).all()
        == []
    )
    assert not signs_in(admin, "alice", PASSWORD)
    assert "Account already disabled." in admin.post_form(path(alice, "disable")).follow()

    page = admin.get(path(alice)).click("Activate")
    page = page.forms["confirm-form"].submit().follow()
    assert "Account activated successfully." in page
    assert "Account already activated." in admin.post_form(path(alice, "activate")).follow()
    # What ended stays ended.
    assert "/login" in theirs.get("/profile/").location
    assert signs_in(admin, "alice", PASSWORD)
    actions = [entry.action for entry in entries(session) if entry.actor_name == "admin"]
    assert actions == ["user.sign_in", "user.disable", "user.activate"]


# The last superuser.

LAST = "This is the last active superuser"


@pytest.mark.parametrize("view", ["disable", "delete"])
def test_the_last_superuser_stays(world, admin, session, view):
    world.user("asleep", is_superuser=True, is_active=False)
    me = stored(session, "admin")
    page = admin.post_form(path(me, view), status=409)
    assert LAST in page
    me = stored(session, "admin")
    assert (me.is_active, me.is_superuser) == (True, True)


def test_the_last_superuser_stays_one(world, admin, session):
    world.user("asleep", is_superuser=True, is_active=False)
    me = stored(session, "admin")
    form = admin.get(path(me, "edit")).forms["user-form"]
    form["is_superuser"] = False
    form["first_name"] = "Kept"
    page = form.submit(status=422)
    assert LAST in errors(page, "is_superuser")[0]
    assert page.forms["user-form"]["first_name"].value == "Kept"
    assert stored(session, "admin").is_superuser


@pytest.mark.parametrize("view", ["disable", "delete"])
def test_one_of_two_superusers_can_go(world, admin, session, view):
    other = world.user("other", is_superuser=True)
    admin.post_form(path(other, view)).follow()
    kept = stored(session, "other")
    assert kept is None or not kept.is_active


def test_a_superuser_who_sleeps_can_go(world, admin, session):
    other = world.user("other", is_superuser=True, is_active=False)
    admin.post_form(path(other, "delete")).follow()
    assert stored(session, "other") is None


# Deleting.


@pytest.fixture
def busy(world, alice):
    """Alice, with something of everything that refers to an account."""
    project = world.project("web", alice, access=Access.PRIVATE)
    world.issue(project, alice)
    world.team("core", alice)
    world.group("developers", alice)
    world.grant("manage_tags", user_id=alice.id)
    return alice


def test_deleting_says_what_happens(admin, busy):
    page = admin.get(path(busy, "delete"))
    text = " ".join(page.html.main.text.split())
    assert "under “ghost” (issues: 1, comments: 0)" in text
    assert "groups: 1, teams: 1, permissions: 2" in text
    assert "subscriptions (2)" in text
    assert "1 person loses sight of 1 project." in text
    assert "1 person may no longer delete issues" in text


def test_deleting_a_user_who_wrote(admin, session, busy, visitor_as):
    theirs = visitor_as("alice")
    page = admin.get(path(busy, "delete")).forms["confirm-form"].submit().follow()
    assert "User deleted successfully." in page
    assert stored(session, "alice") is None
    assert session.scalars(select(Issue.author_id)).all() == [None]
    assert session.scalars(select(Event.actor_id)).all() == [None]
    for column in (
        group_users.c.user_id,
        team_users.c.user_id,
        Grant.user_id,
        ProjectSubscription.user_id,
    ):
        assert session.scalar(select(func.count(column))) == 0
    assert "ghost" in admin.get("/web/issues/1/")
    assert "/login" in theirs.get("/profile/").location
    actor, action, target, before, after = last_entry(session)
    assert (actor, action, target, after) == ("admin", "user.delete", "alice", None)
    assert before["email"] == "alice@example.org"
    lost = {name: before[name] for name in ("groups", "group_names", "teams", "team_names")}
    assert lost == {"groups": 1, "group_names": ["developers"], "teams": 1, "team_names": ["core"]}
    assert before["grants"] == 2
    assert before["granted"][0].startswith("user alice on web (create_comment, ")
    assert before["granted"][1] == "user alice on PonyTracker (manage_tags)"


def test_two_people_delete_a_user(admin, session, alice):
    pages = [admin.get(path(alice, "delete")) for _ in range(2)]
    pages[0].forms["confirm-form"].submit().follow()
    pages[1].forms["confirm-form"].submit(status=404)
    form = pages[1].forms["confirm-form"]
    for view in ("edit", "edit-password", "disable", "activate", "add-team"):
        fields = {"csrf_token": form["csrf_token"].value}
        assert admin.post(path(alice, view), fields, status=404)


def test_a_user_who_is_gone_while_a_form_is_on_its_way(world, session, admin, alice):
    """Between the look at the address and the lock: the services say so."""
    actor = identify(session, stored(session, "admin"))
    gone = alice.id
    service.delete_user(session, actor, gone)
    session.expunge_all()
    for verb in (
        lambda: service.edit_user(session, actor, gone, first_name="x"),
        lambda: service.set_password(session, actor, gone, "hash"),
        lambda: service.disable_user(session, actor, gone),
        lambda: service.activate_user(session, actor, gone),
        lambda: service.delete_user(session, actor, gone),
    ):
        with pytest.raises(service.Conflict, match="was deleted meanwhile"):
            verb()


def test_a_stale_token_loses_nothing(admin, session, alice):
    form = admin.get(path(alice, "edit")).forms["user-form"]
    fields = {**dict(form.submit_fields()), "csrf_token": "stale", "first_name": "Typed"}
    page = admin.post(path(alice, "edit"), fields, status=400)
    again = page.forms["again-form"]
    assert again["first_name"].value == "Typed"
    again.submit().follow()
    assert stored(session, "alice").first_name == "Typed"


# A user's page.


def test_a_user_s_page(world, admin, session, alice):
    through = world.group("developers", alice)
    world.team("core", alice, through)
    world.team("docs", through)
    world.team("strangers")
    web = world.project("web", display_name="Web")
    world.grant("manage_issue", project=web, group_id=through.id)
    world.grant("create_project", user_id=alice.id)
    session.add(
        SignInSession(user_id=alice.id, token_hash="x", expires_at=now() + dt.timedelta(days=1))
    )
    session.add(
        SignInSession(user_id=alice.id, token_hash="y", expires_at=now() - dt.timedelta(days=1))
    )
    session.commit()
    page = admin.get(path(alice))
    text = " ".join(page.html.main.text.split())
    assert "Alice Liddell" in text
    assert "Last sign-innever" in text
    assert "in 1 browser" in text
    teams = page.html.find(id="teams").find_parent("section")
    rows = [" ".join(row.text.split()) for row in teams.select(".row-list > li")]
    assert rows == ["core member through group developers", "docs member through group developers"]
    # Only where they are in it themselves they can be removed.
    assert len(teams.select("a.removal")) == 1
    grants = page.html.find(id="grants").find_parent("section")
    rows = [" ".join(row.text.split()) for row in grants.select(".row-list > li")]
    assert rows[0].startswith("On all projects like anyone signed in")
    assert rows[1:] == [
        "On all projects create projects",
        "Web through group developers close and reopen issues",
    ]
    assert grants.find("a", string="Web")["href"] == "/web/permissions/"


def test_a_manager_learns_of_no_project_they_may_not_see(world, manager, alice):
    for name, access in (("open", Access.PUBLIC), ("secret", Access.PRIVATE)):
        project = world.project(name, access=access)
        world.grant("manage_issue", project=project, user_id=alice.id)
    page = manager.get(path(alice))
    assert "Open" in page
    assert "ecret" not in page


def test_a_user_in_nothing(admin, alice):
    text = admin.get(path(alice)).html.main.text
    assert "This user belong to no groups." in text
    assert "This user belong to no teams." in text


def test_ids_that_are_none(admin):
    for odd in ("0", "abc", "-1", "1.5", "%D9%A3", "999999999", "9999999999", "1e3"):
        with pytest.raises(AppError, match="404"):
            admin.get(f"/admin/users/{odd}/")
