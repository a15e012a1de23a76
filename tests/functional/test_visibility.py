"""Who finds which project: in lists, in menus, by its address."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from ponytracker.models import Access, Grant, Group, Project, Team, User
from ponytracker.security.permissions import ON_PROJECT

KINDS = {"open": Access.PUBLIC, "members": Access.REGISTERED, "secret": Access.PRIVATE}


@pytest.fixture
def projects(world):
    projects = {name: world.project(name, access=access) for name, access in KINDS.items()}
    for project in projects.values():
        world.issue(project, title=f"An issue of {project.name}")
    return projects


@pytest.fixture
def viewer(world, session, projects, visitor, visitor_as):
    """Return a function that gives a browser of someone who was granted something *how*."""

    def make(how):
        if how == "anonymous":
            return visitor
        user = world.user("viewer", is_superuser=how == "superuser")
        secret = projects["secret"]
        group = Group(name="group", users=[user])
        team = Team(name="team", users=[user])
        team_of_groups = Team(name="team of groups", groups=[group])
        session.add_all([group, team, team_of_groups])
        session.commit()
        match how:
            case "user":
                world.grant("create_comment", project=secret, user_id=user.id)
            case "group":
                world.grant("create_comment", project=secret, group_id=group.id)
            case "team":
                world.grant("create_comment", project=secret, team_id=team.id)
            case "team by group":
                world.grant("create_comment", project=secret, team_id=team_of_groups.id)
            case "anyone signed in":
                world.grant("create_comment", project=secret)
            case "empty grant":
                world.grant(project=secret, user_id=user.id)
            case "access_project":
                world.grant("access_project", user_id=user.id)
            case "access_project by team":
                world.grant("access_project", team_id=team_of_groups.id)
            case "other grants":
                other = world.user("other")
                theirs = Group(name="theirs", users=[other])
                session.add_all([theirs, Team(name="empty")])
                session.commit()
                world.grant("create_comment", project=secret, user_id=other.id)
                world.grant("create_comment", project=secret, group_id=theirs.id)
                world.grant("access_project", group_id=theirs.id)
                world.grant(*ON_PROJECT, user_id=user.id)
                world.grant(*ON_PROJECT, project=projects["open"], user_id=user.id)
        return visitor_as(user)

    return make


ALL = {"open", "members", "secret"}


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ("anonymous", {"open"}),
        ("stranger", {"open", "members"}),
        ("other grants", {"open", "members"}),
        ("user", ALL),
        ("group", ALL),
        ("team", ALL),
        ("team by group", ALL),
        ("anyone signed in", ALL),
        ("empty grant", ALL),
        ("access_project", ALL),
        ("access_project by team", ALL),
        ("superuser", ALL),
    ],
)
def test_who_sees_which_project(viewer, how, seen):
    browser = viewer(how)
    page = browser.get("/")
    listed = {a["href"].strip("/").split("/")[0] for a in page.html.select("main .row-title")}
    in_menu = {a.text.lower() for a in page.html.select(".dropdown-item")} & ALL
    assert listed == in_menu == seen
    for name in KINDS:
        for address in (f"/{name}/issues/", f"/{name}/issues/1/"):
            answer = browser.get(address, expect_errors=True)
            if name in seen:
                assert answer.status_int == 200
                assert f"An issue of {name}" in answer
            elif how == "anonymous":
                assert answer.status_int == 303
                assert answer.follow().forms["login-form"]["next"].value == address
            else:
                assert answer.status_int == 404
            assert (f"An issue of {name}" in answer) == (name in seen)


PLACES = [
    *("/", "/nope", "/edit/", "/archive/", "/delete/", "/subscribe/", "/markread/", "/why/"),
    *("/issues/", "/issues/add/?x=1", "/issues/1/", "/issues/1/edit/", "/issues/1/why/"),
    *("/issues/1/comments/1/why/", "/permissions/", "/permissions/add/?query=a"),
    "/permissions/1/toggle/manage_issue/",
]


# Drawn anew for each answer, and so telling nothing.
RANDOM_HEADERS = {"Set-Cookie", "X-Request-ID"}


def alike(answer, name):
    """Everything that *answer* says, as it would be of a project called NAME."""
    return [
        answer.status,
        sorted(
            (key, value.replace(name, "NAME"))
            for key, value in answer.headers.items()
            if key not in RANDOM_HEADERS
        ),
        answer.text.replace(name, "NAME"),
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_hidden_and_absent_are_answered_alike(
    world, projects, visitor, visitor_as, method, signed_in
):
    world.user("stranger")
    browser = visitor_as("stranger") if signed_in else visitor
    token = browser.get("/login").forms["login-form"]["csrf_token"].value
    for place in PLACES:
        for body in (b"", f"csrf_token={token}&title=x".encode()) if method == "POST" else (b"",):
            answers = [
                browser.request(f"/{name}{place}", method=method, body=body, expect_errors=True)
                for name in ("secret", "absent")
            ]
            out = 303 if method in ("GET", "HEAD") else 403
            assert answers[0].status_int == (404 if signed_in else out)
            assert alike(answers[0], "secret") == alike(answers[1], "absent")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize(
    "place",
    [
        "/admin/users/ID/",
        "/admin/users/ID/edit/",
        "/admin/users/ID/remove-group/ID/",
        "/admin/groups/ID/delete/",
        "/admin/groups/ID/remove-user/ID/",
        "/admin/teams/ID/",
        "/admin/teams/ID/remove-group/ID/",
        "/admin/permissions/ID/edit/",
        "/open/permissions/ID/",
        "/open/permissions/ID/toggle/manage_issue/",
    ],
)
def test_nobody_can_count_accounts_and_grants(
    world, session, projects, visitor, visitor_as, place, method, signed_in
):
    there, absent = 900_000_001, 900_000_002
    user = User(id=there, username="someone")
    group = Group(id=there, name="some", users=[user])
    session.add(Team(id=there, name="others", groups=[group]))
    project = projects["open"] if place.startswith("/open") else None
    session.add(Grant(id=there, project=project, user=user))
    world.user("stranger")
    browser = visitor_as("stranger") if signed_in else visitor
    token = browser.get("/login").forms["login-form"]["csrf_token"].value
    body = f"csrf_token={token}".encode() if method == "POST" else b""
    first, second = (
        browser.request(place.replace("ID", str(id_)), method=method, body=body, expect_errors=True)
        for id_ in (there, absent)
    )
    assert first.status_int == 404 if signed_in else first.status_int in (303, 403)
    assert alike(first, str(there)) == alike(second, str(absent))


def test_someone_signed_out_is_sent_to_sign_in_and_from_there_on(world, projects, visitor):
    member = world.user("member")
    world.grant("manage_issue", project=projects["secret"], user_id=member.id)
    page = visitor.get("/secret/issues/1/?x=1").follow()
    form = page.forms["login-form"]
    form["username"] = "member"
    form["password"] = "correct horse battery staple"
    answer = form.submit()
    assert answer.location == "http://localhost/secret/issues/1/?x=1"
    assert "An issue of secret" in answer.follow()


def test_who_loses_a_grant_loses_the_project_at_the_next_click(session, projects, viewer):
    browser = viewer("group")
    assert browser.get("/secret/issues/1/").status_int == 200
    for grant in session.query(Grant).filter(Grant.project_id == projects["secret"].id):
        session.delete(grant)
    session.commit()
    assert browser.get("/secret/issues/1/", expect_errors=True).status_int == 404


def test_archived_projects_have_a_list_of_their_own(world, session, projects, visitor):
    session.add_all([projects["open"], projects["secret"]])
    projects["open"].archived = projects["secret"].archived = True
    session.commit()
    assert "There are no public projects" in visitor.get("/")
    page = visitor.get("/archived/")
    assert [a.text for a in page.html.select(".row-title")] == ["Open"]
    assert visitor.get("/open/issues/1/").status_int == 200


def test_an_archived_project_is_only_read(world, session, visitor_as):
    admin = world.user("admin", is_superuser=True)
    project = world.project("web", admin)
    world.issue(project, admin)
    project.archived = True
    session.commit()
    browser = visitor_as("admin")
    page = browser.get("/web/issues/1/")
    assert "This project is archived: it can be read, not changed." in page
    assert page.html.select("main form") == []
    for address in ("issues/add/", "issues/1/comment/", "issues/1/close/", "issues/1/edit/"):
        fields = {"title": "x", "comment": "x"}
        assert browser.post_form(f"/web/{address}", fields, status=403)
    assert browser.get("/web/edit/").status_int == 200


def test_the_menu_names_at_most_twenty_projects_and_the_list_all(session, visitor):
    names = [f"project-{number:02}" for number in range(30)]
    session.execute(
        insert(Project),
        [
            {"name": n, "name_key": n, "display_name": n, "display_name_key": n, "access": "public"}
            for n in names
        ],
    )
    session.commit()
    page = visitor.get("/")
    assert [a.text for a in page.html.select(".row-title")] == names
    assert sum(a.text in names for a in page.html.select(".dropdown-item")) == 20
