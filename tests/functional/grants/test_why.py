from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy import insert

from ponytracker.cli import main
from ponytracker.cli.site import Site
from ponytracker.issues.service import comment
from ponytracker.models import Access, Grant, Group, Team, User
from tests.databases import count_queries


@pytest.fixture
def web(world, session):
    """A private project with an issue and a comment; alice manages what may be done in it."""
    alice, bob = world.user("alice"), world.user("bob")
    session.query(Grant).delete()
    web = world.project("web", access=Access.PRIVATE)
    world.grant("manage_project_permission", project=web, user_id=alice.id)
    issue = world.issue(web, bob)
    event = comment(session, issue, bob, text="So it is.")
    session.commit()
    web.comment_id = event.id
    return web


def answers(page):
    """Return each answer with its reasons, as the page has them."""
    return {
        item.strong.text: [reason.text for reason in item.select("li")]
        for item in page.html.select(".answers > li")
    }


def ask(browser, path, **query):
    return browser.get(f"/web/{path}why/", query)


def team_by_group(world, session, user, *permissions, **place):
    group = Group(name="devs", users=[user])
    team = Team(name="core", groups=[group])
    session.add(team)
    session.commit()
    return world.grant(*permissions, team_id=team.id, **place)


def test_the_sentence_names_the_grant_and_how_it_reaches_them(world, session, web, visitor_as):
    carol = world.user("carol")
    team_by_group(world, session, carol, "manage_issue", project=web)
    page = ask(visitor_as("alice"), "issues/1/", permission="manage_issue", user="carol")
    assert answers(page) == {
        "carol may close and reopen issues.": [
            "Team core, with carol in it through group devs, has manage_issue on Web."
        ]
    }
    team = session.query(Team).one()
    team.users.append(carol)
    session.commit()
    page = ask(visitor_as("alice"), "", permission="manage_issue", user="carol")
    assert "Team core, with carol in it, has manage_issue on Web." in page


@pytest.mark.parametrize(
    ("permission", "answer", "reason"),
    [
        ("view", "bob may not see the project.", "a grant on Web"),
        ("manage_issue", "bob may not close and reopen issues.", "manage_issue on Web"),
    ],
)
def test_a_refusal_says_which_grant_would_be_needed(web, visitor_as, permission, answer, reason):
    page = ask(visitor_as("alice"), "issues/1/", permission=permission, user="bob")
    assert answers(page) == {
        answer: [f"What is needed is {reason}, given to bob or to a group or team they are in."]
    }


def test_what_is_asked_about_nobody_in_particular_lists_who_may(world, web, visitor_as):
    world.user("root", is_superuser=True)
    world.user("gone", is_superuser=True, is_active=False)
    page = ask(visitor_as("alice"), "")
    assert answers(page) == {
        "Whoever is not signed in may not see the project.": ["They would have to sign in first."],
        "alice may see the project.": ["alice has a grant on Web."],
        "root may see the project.": ["root is a superuser."],
    }
    assert "2 people with an account may." in page


def test_own_texts_are_explained_by_who_wrote_them(world, web, visitor_as):
    world.grant("modify_own_comment", project=web)
    path = f"issues/1/comments/{web.comment_id}/"
    page = ask(visitor_as("alice"), path, permission="modify_comment", user="bob")
    assert answers(page)["bob may edit any comment."][:2] == [
        "Whoever is signed in has modify_own_comment on Web.",
        "bob wrote it, and may still edit it.",
    ]
    page = ask(visitor_as("alice"), path, permission="modify_comment")
    assert [answer.split()[0] for answer in answers(page)] == ["Whoever", "bob"]


def test_an_archived_project_says_so(session, web, visitor_as):
    web.archived = True
    session.commit()
    page = ask(visitor_as("alice"), "", permission="create_issue", user="alice")
    assert answers(page) == {
        "alice may not open issues.": ["The project is archived: it can be read, not changed."]
    }


@pytest.mark.parametrize("access", [Access.PUBLIC, Access.REGISTERED])
def test_what_a_project_shows_by_itself_needs_no_grant(session, web, visitor_as, access):
    web.access = access
    session.commit()
    page = ask(visitor_as("alice"), "", user="bob")
    reason = {
        Access.PUBLIC: "The project is public.",
        Access.REGISTERED: "Whoever is signed in sees this project.",
    }
    assert answers(page) == {"bob may see the project.": [reason[access]]}


def test_a_disabled_account_is_said_to_be_one(world, web, visitor_as):
    world.user("gone", is_active=False)
    page = ask(visitor_as("alice"), "", user="gone")
    assert "The account of gone is disabled: nobody can sign in to it." in page
    assert list(answers(page)) == ["Whoever is not signed in may not see the project."]


@pytest.mark.parametrize(
    "query",
    [
        {"permission": "nope"},
        {"permission": "manage_settings"},
        {"permission": ["view", "x"], "page": "0"},
        {"page": "abc"},
        {"page": "999999999"},
        {"user": "nobody"},
        {"user": "\x00"},
        {"user": "x" * 5000},
        {"user": "a (b (c"},
    ],
)
def test_any_question_gets_an_answer(web, visitor_as, query):
    page = ask(visitor_as("alice"), "", **query)
    assert page.status_int == 200
    if len(query.get("user", "").strip("\x00")) > 1:
        assert "User not found." in page
        assert answers(page) == {}


def test_only_who_manages_permissions_may_ask(world, web, session, visitor, visitor_as):
    world.user("stranger")
    member = world.user("member")
    world.grant("manage_issue", "modify_project", project=web, user_id=member.id)
    paths = ("", "issues/1/", f"issues/1/comments/{web.comment_id}/")
    for path in paths:
        address = f"/web/{path}why/"
        assert visitor.get(address).status_int == 303
        assert visitor_as("stranger").get(address, expect_errors=True).status_int == 404
        assert visitor_as("member").get(address, expect_errors=True).status_int == 403
        assert visitor_as("alice").get(address).status_int == 200


def test_a_comment_is_found_by_its_own_issue_only(world, web, visitor_as):
    other = world.issue(web)
    for path in (
        f"issues/{other.number}/comments/{web.comment_id}/",
        "issues/1/comments/0/",
        "issues/1/comments/x/",
        "issues/1/comments/999999999/",
    ):
        assert visitor_as("alice").get(f"/web/{path}why/", expect_errors=True).status_int == 404


def test_the_list_costs_the_same_for_five_thousand(world, database, session, web, visitor_as):
    alice = visitor_as("alice")
    numbers = []
    for many in (90, 5000):
        users = [
            {"username": name, "username_key": name}
            for name in (f"user{many}-{n}" for n in range(many))
        ]
        ids = session.scalars(insert(User).returning(User.id), users).all()
        session.execute(insert(Group), [{"name": f"group{many}-{n}"} for n in range(many // 17)])
        session.execute(insert(Grant), [{"project_id": web.id, "user_id": id_} for id_ in ids[::3]])
        session.commit()
        with count_queries(database) as queries:
            page = ask(alice, "")
        assert len(answers(page)) == 26
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] <= 14


@pytest.fixture
def shell(monkeypatch, settings, database, tmp_path):
    """Return a function that runs a command on the database of this test."""
    ini = tmp_path / "any.ini"
    ini.touch()
    monkeypatch.setattr("ponytracker.cli.why.open_site", lambda ini: Site(ini, settings, database))

    def run(*words):
        return CliRunner().invoke(main, ["why", *words, "--ini", str(ini)])

    return run


def test_the_shell_says_why(world, session, web, shell):
    carol = world.user("carol")
    team_by_group(world, session, carol, "manage_issue", project=web)
    done = shell("carol", "manage_issue", "web/issues/1")
    assert done.exit_code == 0
    assert done.output == (
        "carol may close and reopen issues.\n"
        "  Team core, with carol in it through group devs, has manage_issue on Web.\n"
    )


def test_what_shows_the_project_is_said_where_it_is_something_else(world, session, web, shell):
    carol = world.user("carol")
    world.grant("manage_issue")
    world.grant("access_project", user_id=carol.id)
    assert shell("carol", "manage_issue", "web/issues/1").output == (
        "carol may close and reopen issues.\n"
        "  Whoever is signed in has manage_issue on all projects.\n"
        "And this shows them the project:\n"
        "  carol has access_project on all projects.\n"
    )


def test_the_shell_says_why_not(world, web, shell):
    for words, said in (
        (("bob", "manage_issue", "web/issues/1"), "needed is manage_issue on Web, given to bob"),
        (("bob", "create_project", "/"), "needed is create_project on PonyTracker, given to bob"),
        (("bob", "view", "admin/users"), "needed is manage_accounts on PonyTracker"),
        (("bob", "read_audit_log", "/admin"), "Only superusers may."),
        (("-", "view", "http://localhost/web/"), "They would have to sign in first."),
    ):
        done = shell(*words)
        assert done.exit_code == 0
        assert said in done.output


def test_the_shell_says_what_is_not_there(world, web, shell):
    world.user("gone", is_active=False)
    for words, said in (
        (("nobody", "view", "web"), "There is no user called nobody."),
        (("bob", "view", "web/issues/99"), "There is nothing at web/issues/99."),
        (("bob", "nope", "web"), "'nope' is not one of"),
    ):
        done = shell(*words)
        assert done.exit_code != 0
        assert said in done.output
    assert "The account of gone is disabled" in shell("gone", "view", "web").output
