from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import delete, insert, select

from ponytracker.models import (
    Access,
    AuditEntry,
    Grant,
    Group,
    Project,
    ProjectSubscription,
    SignInSession,
    Team,
    User,
)
from ponytracker.models.account import group_users
from ponytracker.security.passwords import Passwords
from tests.databases import count_queries
from tests.functional.conftest import make_test_app
from tests.site import PASSWORD, Visitor

ANOTHER = "another horse another staple"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"


@pytest.fixture
def alice(world):
    return world.user("alice", email="alice@example.org")


@pytest.fixture
def hers(alice, visitor_as):
    return visitor_as("alice")


def audited(session, action):
    session.expire_all()
    return session.scalars(select(AuditEntry).where(AuditEntry.action == action)).all()


def test_it_is_for_who_is_signed_in(visitor):
    assert visitor.get("/profile/").location.startswith("http://localhost/login?next=")


def test_changing_what_one_says_of_oneself(alice, hers, session):
    form = hers.get("/profile/").forms["profile-form"]
    assert form["email"].value == "alice@example.org"
    assert form["notifications"].value == "others"
    assert form["time_zone"].value == "UTC"
    form["first_name"], form["last_name"], form["email"] = "Alice", "Liddell", "al@example.org"
    form["notifications"], form["time_zone"] = "always", "Europe/Paris"
    form["password"] = PASSWORD
    page = form.submit("update-profile").follow()
    assert "Profile updated successfully." in page
    session.expire_all()
    assert (alice.full_name, alice.email) == ("Alice Liddell", "al@example.org")
    assert (alice.notifications, alice.time_zone) == ("always", "Europe/Paris")
    (entry,) = audited(session, "user.edit")
    assert (entry.actor_name, entry.target) == ("alice", "alice")
    assert entry.before["email"] == "alice@example.org"
    assert entry.after["email"] == "al@example.org"
    assert "username" not in entry.before


def test_an_address_may_be_taken_away(alice, hers, session):
    form = hers.get("/profile/").forms["profile-form"]
    form["email"], form["password"] = "", PASSWORD
    form.submit("update-profile").follow()
    session.expire_all()
    assert alice.email is None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("first_name", "x" * 151, "At most 150 characters."),
        ("email", "alice", "Enter one mail address"),
        ("email", "a@b@c", "Enter one mail address"),
        ("email", "a b@example.org", "Enter one mail address"),
        ("email", "x" * 254 + "@example.org", "At most 254 characters."),
        ("notifications", "sometimes", ""),
        ("notifications", "", ""),
        ("time_zone", "Mars/Olympus", ""),
        ("time_zone", "../../etc/passwd", ""),
        ("time_zone", "\x00", ""),
    ],
)
def test_what_cannot_be_said(alice, hers, session, field, value, message):
    typed = {"first_name": "Typed", "email": "typed@x.org", "notifications": "never"}
    typed |= {"time_zone": "UTC", "update-profile": "1", field: value}
    page = hers.post_form("/profile/", typed, status=422)
    assert message in page
    form = page.forms["profile-form"]
    if field != "first_name":
        assert form["first_name"].value == "Typed"
    session.expire_all()
    assert alice.email == "alice@example.org"


def change_email(hers, password, **kw):
    form = hers.get("/profile/").forms["profile-form"]
    form["first_name"], form["email"] = "Typed", "eve@example.org"
    form["notifications"], form["time_zone"] = "never", "Europe/Paris"
    form["password"] = password
    return form.submit("update-profile", **kw)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "Enter your password to change the email address."),
        ("wrong", "This is not your password."),
        ("x" * 100_000, "This is not your password."),
    ],
)
def test_another_address_needs_the_password(alice, hers, session, password, message):
    page = change_email(hers, password, status=422)
    assert message in page
    form = page.forms["profile-form"]
    typed = [form[name].value for name in ("first_name", "email", "notifications", "time_zone")]
    assert typed == ["Typed", "eve@example.org", "never", "Europe/Paris"]
    assert form["password"].value == ""
    session.expire_all()
    assert (alice.email, alice.first_name) == ("alice@example.org", "")
    change_email(hers, PASSWORD).follow()
    session.expire_all()
    assert (alice.email, alice.first_name) == ("eve@example.org", "Typed")


def test_a_post_without_the_password_changes_no_address(alice, hers, session):
    fields = {"email": "eve@example.org", "notifications": "never", "time_zone": "UTC"}
    hers.post_form("/profile/", {**fields, "update-profile": "1"}, status=422)
    session.expire_all()
    assert alice.email == "alice@example.org"


def test_the_rest_needs_no_password(alice, hers, session):
    form = hers.get("/profile/").forms["profile-form"]
    form["first_name"] = "Alice"
    form.submit("update-profile").follow()
    session.expire_all()
    assert (alice.first_name, alice.email) == ("Alice", "alice@example.org")


def test_guessing_the_password_by_the_address_is_slowed_down(alice, hers, still, monkeypatch):
    for _ in range(5):
        change_email(hers, "wrong", status=422)
    monkeypatch.setattr(Passwords, "check", None)  # it is not even looked at
    page = change_email(hers, PASSWORD, status=429)
    assert "That was tried too often. Wait 1 second, then try again." in page
    assert page.forms["profile-form"]["email"].value == "eve@example.org"


@pytest.fixture
def meanwhile(monkeypatch):
    """Return a function that lets something happen while a password is checked."""
    check = Passwords.check

    def meanwhile(happens):
        def slow_check(*arguments):
            happens()
            return check(*arguments)

        monkeypatch.setattr(Passwords, "check", slow_check)

    return meanwhile


def get_another_password(alice, session, passwords):
    alice.password_hash = passwords.hash("someone has changed it")


def be_disabled(alice, session, passwords):
    alice.is_active = False


def be_signed_out(alice, session, passwords):
    session.execute(delete(SignInSession))


@pytest.mark.parametrize("event", [get_another_password, be_disabled, be_signed_out])
@pytest.mark.parametrize("what", ["password", "email"])
def test_what_happens_while_the_password_is_checked(
    alice, hers, session, passwords, meanwhile, what, event
):
    stored = []

    def happens():
        event(alice, session, passwords)
        session.commit()
        stored.append(alice.password_hash)

    meanwhile(happens)
    if what == "password":
        page = update_password(hers, status=409)
    else:
        page = change_email(hers, PASSWORD, status=409)
    assert "You were signed out, or your password was changed meanwhile." in page
    session.expire_all()
    assert [alice.password_hash] == stored
    assert (alice.email, alice.first_name) == ("alice@example.org", "")


@pytest.mark.parametrize("value", ["\x00", ["a", "b"], "a\r\nb", "<b>", "\u202e"])
def test_odd_names_are_no_error(hers, value):
    fields = {"first_name": value, "last_name": value, "notifications": "never"}
    fields |= {"time_zone": "UTC", "update-profile": "1", "email": "alice@example.org"}
    assert hers.post_form("/profile/", fields).follow().status_int == 200


def test_a_post_without_its_button_changes_nothing(alice, hers, session):
    hers.post_form("/profile/", {"email": "other@example.org", "first_name": "Eve"})
    session.expire_all()
    assert (alice.email, alice.first_name) == ("alice@example.org", "")


def test_a_stale_form_keeps_what_was_typed_and_no_password(hers):
    fields = {"csrf_token": "x", "first_name": "Typed", "update-profile": "1"}
    page = hers.post("/profile/", fields, status=400)
    form = page.forms["again-form"]
    assert form["first_name"].value == "Typed"
    assert form["update-profile"].value == "1"
    fields = {
        "csrf_token": "x",
        "old": PASSWORD,
        "new1": ANOTHER,
        "new2": ANOTHER,
        "again": ANOTHER,
    }
    page = hers.post("/profile/", {**fields, "update-password": "1"}, status=400)
    assert page.forms["again-form"]["update-password"].value == "1"
    assert PASSWORD not in page
    assert ANOTHER not in page


def update_password(hers, old=PASSWORD, new1=ANOTHER, new2=None, **kw):
    form = hers.get("/profile/").forms["password-form"]
    form["old"], form["new1"], form["new2"] = old, new1, new1 if new2 is None else new2
    return form.submit("update-password", **kw)


def test_another_password_signs_out_everyone_else(alice, hers, visitor_as, visitor, session):
    others = [visitor_as("alice"), visitor_as("alice")]
    cookie = hers.cookies["ponytracker"]
    page = update_password(hers).follow()
    assert "Password updated successfully." in page
    assert all("Sign out" not in other.get("/") for other in others)
    assert hers.cookies["ponytracker"] != cookie
    hers.set_cookie("ponytracker", cookie)
    assert "Sign out" not in hers.get("/")
    assert len(session.scalars(select(SignInSession)).all()) == 1
    visitor.sign_in("alice", PASSWORD, status=422)
    assert visitor.sign_in("alice", ANOTHER).status_int == 303
    (entry,) = audited(session, "user.password_changed")
    assert (entry.actor_name, entry.target, entry.before, entry.after) == (
        "alice",
        "alice",
        None,
        None,
    )


def test_whoever_wanted_to_stay_signed_in_still_does(alice, visitor):
    form = visitor.get("/login").forms["login-form"]
    form["username"], form["password"], form["stay"] = "alice", PASSWORD, True
    form.submit()
    assert "Max-Age" in update_password(visitor).headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("old", "new1", "new2", "message"),
    [
        ("", ANOTHER, ANOTHER, "Enter your password."),
        ("wrong", ANOTHER, ANOTHER, "This is not your password."),
        (PASSWORD, "", "", "Enter a password."),
        (PASSWORD, "short", "short", "A password has at least 10 characters."),
        (PASSWORD, ANOTHER, PASSWORD, "This is not the same as above."),
        (PASSWORD, "alice@example.org", "alice@example.org", "must not be the username"),
        (PASSWORD, "qwertyuiop", "qwertyuiop", "tried first"),
        ("\x00", ANOTHER, ANOTHER, "This is not your password."),
        ("x" * 100_000, ANOTHER, ANOTHER, "This is not your password."),
    ],
)
def test_a_password_that_will_not_do(hers, visitor, old, new1, new2, message):
    page = update_password(hers, old, new1, new2, status=422)
    assert message in page
    form = page.forms["password-form"]
    assert [form[name].value for name in ("old", "new1", "new2")] == ["", "", ""]
    assert page.forms["profile-form"]["email"].value == "alice@example.org"
    assert visitor.sign_in("alice").status_int == 303


@pytest.mark.parametrize("fields", [{}, {"old": ["a", "b"], "new1": ["c", "d"]}])
def test_fields_that_are_missing_or_doubled(hers, fields):
    hers.post_form("/profile/", {**fields, "update-password": "1"}, status=422)


def test_guessing_the_old_password_is_slowed_down(hers, still, monkeypatch):
    for _ in range(5):
        update_password(hers, "wrong", status=422)
    monkeypatch.setattr(Passwords, "check", None)  # it is not even looked at
    page = update_password(hers, status=429)
    assert page.headers["Retry-After"] == "1"
    assert "That was tried too often. Wait 1 second, then try again." in page
    assert hers.get("/profile/").status_int == 200


def test_an_account_from_elsewhere_has_no_password_here(alice, all_on, database):
    app = make_test_app(dataclasses.replace(all_on, sign_up=False, external_auth=True))
    app.registry["ponytracker.database"] = database
    hers = Visitor(app)
    hers.sign_in("alice")
    page = hers.get("/profile/")
    assert "password-form" not in page.forms
    form = page.forms["profile-form"]
    assert "password" not in form.fields
    form["email"] = "al@example.org"
    assert "Profile updated successfully." in form.submit("update-profile").follow()
    fields = {"update-password": "1", "old": PASSWORD, "new1": ANOTHER, "new2": ANOTHER}
    hers.post_form("/profile/", fields)
    assert Visitor(app).sign_in("alice").status_int == 303


def listed(page, heading):
    section = page.html.find("h2", string=heading).find_parent("section")
    return [" ".join(item.stripped_strings) for item in section.find_all("li")]


def test_what_one_is_in(alice, hers, world, session):
    page = hers.get("/profile/")
    assert "You belong to no groups." in page
    assert "You belong to no teams." in page
    staff, board = Group(name="staff", users=[alice]), Group(name="board", users=[alice])
    session.add_all(
        [
            Team(name="core", users=[alice]),
            Team(name="both", users=[alice], groups=[staff]),
            Team(name="through", groups=[staff, board]),
            Team(name="others", groups=[Group(name="elsewhere")]),
        ]
    )
    session.commit()
    page = hers.get("/profile/")
    assert listed(page, "Groups") == ["board", "staff"]
    assert listed(page, "Teams") == [
        "both through group staff",
        "core",
        "through through group board through group staff",
    ]


def test_watched_projects(alice, hers, world, session):
    assert "You are not watching any projects." in hers.get("/profile/")
    world.project("web", alice)
    hidden = world.project("secret", alice, access=Access.PRIVATE)
    session.execute(delete(Grant).where(Grant.project_id == hidden.id))
    session.commit()
    page = hers.get("/profile/")
    assert listed(page, "Watched projects") == [
        "Web Unwatch",
        "A project that you may not see any more Unwatch",
    ]
    assert "secret" not in page.text.lower()
    form = page.forms["unwatch-form"]
    page = form.submit("project", index=1).follow()
    assert "You will not receive any notifications for this project anymore." in page
    assert listed(page, "Watched projects") == ["Web Unwatch"]
    assert "You are not subscribed to this project." in form.submit("project", index=1).follow()
    assert session.scalars(select(ProjectSubscription.user_id)).all() == [alice.id]


@pytest.mark.parametrize("project", ["", "0", "-1", "x", "99", "9" * 30, "\x00", "\u0661", "1.5"])
def test_a_project_that_is_none(hers, project):
    page = hers.post_form("/profile/unwatch", {"project": project}).follow()
    assert "You are not subscribed to this project." in page


def test_nobody_unwatches_for_another(alice, world, visitor_as, session):
    project = world.project("web", alice)
    world.user("bob")
    visitor_as("bob").post_form("/profile/unwatch", {"project": project.id})
    assert len(session.scalars(select(ProjectSubscription)).all()) == 1


def test_an_address_with_an_id_asks_first(alice, hers, world, session):
    project = world.project("web", alice)
    page = hers.get(f"/profile/unwatch?project={project.id}")
    assert "Do you want to stop watching this project?" in page
    page.forms["confirm-form"].submit().follow()
    assert session.scalars(select(ProjectSubscription)).all() == []


def test_where_one_is_signed_in(alice, hers, visitor_as, app, session):
    other = Visitor(app, extra_environ={"HTTP_USER_AGENT": FIREFOX, "REMOTE_ADDR": "192.0.2.7"})
    other.sign_in("alice")
    page = hers.get("/profile/")
    first, second = listed(page, "Where you are signed in")
    assert first.startswith("Firefox on Linux Signed in ")
    assert "from 192.0.2.7" in first
    assert "This browser" not in first
    assert "Unknown browser This browser" in second
    assert "This browser" in listed(other.get("/profile/"), "Where you are signed in")[0]

    form = page.forms["session-form"]
    page = form.submit("session", index=0).follow()
    assert "Signed out there successfully." in page
    assert "Sign out" not in other.get("/")
    assert "This session has ended already." in form.submit("session", index=0).follow()
    assert [entry.target for entry in audited(session, "user.sign_out")] == ["alice"]


def test_nobody_signs_out_another(alice, hers, world, visitor_as, session):
    world.user("bob")
    (row,) = session.scalars(select(SignInSession))
    page = visitor_as("bob").post_form("/profile/end-session", {"session": row.id}).follow()
    assert "This session has ended already." in page
    assert "Sign out" in hers.get("/")


def test_signing_out_everywhere(alice, hers, visitor_as, session):
    other = visitor_as("alice")
    page = hers.get("/profile/sign-out-everywhere").forms["confirm-form"].submit().follow()
    assert "You are signed out everywhere." in page
    for each in (hers, other):
        assert "Sign out" not in each.get("/")
    assert session.scalars(select(SignInSession)).all() == []
    assert len(audited(session, "user.sign_out_everywhere")) == 1


def test_who_is_in_and_watches_much_costs_no_more_queries(alice, hers, database, world, session):
    def cost():
        with count_queries(database) as queries:
            hers.get("/profile/")
        return len(queries)

    one_of_each(session, alice, "first")
    few = cost()
    for n in range(30):
        one_of_each(session, alice, f"x{n}")
    assert cost() == few


def one_of_each(session, user, name):
    group = Group(name=name)
    project = Project(name=name, display_name=name)
    session.add_all([Team(name=f"{name}-a", users=[user], groups=[group]), group, project])
    session.flush()
    session.execute(insert(group_users).values(group_id=group.id, user_id=user.id))
    session.add(ProjectSubscription(project_id=project.id, user_id=user.id))
    session.commit()


def test_who_is_disabled_has_no_profile(alice, hers, session):
    session.get_one(User, alice.id).is_active = False
    session.commit()
    assert "/login" in hers.get("/profile/").location
