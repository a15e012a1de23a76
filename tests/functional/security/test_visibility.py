from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from ponytracker.models import Access, Grant, GrantPermission, Group, Project, Team, User
from ponytracker.resources import ProjectResource, Root
from ponytracker.security.permissions import ON_PROJECT, Permission
from ponytracker.security.policy import may
from ponytracker.security.principals import ANONYMOUS, identify
from ponytracker.security.visibility import may_see_project

TWO = range(2)
PAIRS = st.sets(st.tuples(st.sampled_from(TWO), st.sampled_from(TWO)), max_size=3)

GRANTS = st.dictionaries(
    # On which project, or on all; and to which user, group or team, or anyone signed in.
    st.tuples(
        st.sampled_from([None, *TWO]),
        st.sampled_from([None, *((kind, n) for kind in ("user", "group", "team") for n in TWO)]),
    ),
    st.sets(st.sampled_from(sorted(Permission)), max_size=2),
    max_size=4,
)

WORLDS = st.fixed_dictionaries(
    {
        "access": st.tuples(*[st.sampled_from(Access)] * 2),
        "archived": st.booleans(),
        "superuser": st.booleans(),
        "group_users": PAIRS,
        "team_users": PAIRS,
        "team_groups": PAIRS,
        "grants": GRANTS,
    }
)


def make(session, drawn):
    """Store the world *drawn*; return its projects and everyone who may look at them."""
    session.execute(delete(Grant))  # a fresh database has one for anyone signed in
    users = [User(username=f"user{n}") for n in TWO]
    users[0].is_superuser = drawn["superuser"]
    groups = [Group(name=f"group{n}") for n in TWO]
    teams = [Team(name=f"team{n}") for n in TWO]
    for group, user in drawn["group_users"]:
        groups[group].users.append(users[user])
    for team, user in drawn["team_users"]:
        teams[team].users.append(users[user])
    for team, group in drawn["team_groups"]:
        teams[team].groups.append(groups[group])
    projects = [
        Project(name=f"p{n}", display_name=f"P{n}", access=access)
        for n, access in zip(TWO, drawn["access"], strict=True)
    ]
    projects[0].archived = drawn["archived"]
    grantees = {"user": users, "group": groups, "team": teams}
    for (project, grantee), permissions in drawn["grants"].items():
        grant = Grant(permissions=[GrantPermission(permission=name) for name in permissions])
        grant.project = None if project is None else projects[project]
        if grantee:
            setattr(grant, grantee[0], grantees[grantee[0]][grantee[1]])
        session.add(grant)
    session.add_all([*users, *groups, *teams, *projects])
    session.flush()
    return projects, [ANONYMOUS, *(identify(session, user) for user in users)]


PRIVATE = {
    "access": (Access.PRIVATE, Access.PRIVATE),
    "archived": True,
    "superuser": False,
    "group_users": {(0, 1)},
    "team_users": set(),
    "team_groups": {(1, 0)},
    "grants": {},
}


@given(drawn=WORLDS)
@example(drawn={**PRIVATE, "grants": {(0, ("team", 1)): set()}})
@example(drawn={**PRIVATE, "grants": {(None, ("team", 1)): {"access_project"}}})
@example(drawn={**PRIVATE, "grants": {(None, ("team", 1)): set(ON_PROJECT)}})
@example(drawn={**PRIVATE, "grants": {(None, None): {"access_project"}}})
@example(drawn={**PRIVATE, "grants": {(1, None): set()}})
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_lists_show_exactly_what_the_tree_does(database, drawn):
    with database.session(write=True) as session:
        projects, identities = make(session, drawn)
        for identity in identities:
            listed = session.scalars(select(Project).where(may_see_project(identity))).all()
            root = Root(session, identity)
            shown = [
                project
                for project in projects
                if may(identity, ProjectResource(root, project), Permission.VIEW)
            ]
            assert {project.name for project in listed} == {project.name for project in shown}
        session.rollback()
