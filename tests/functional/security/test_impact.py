"""What is said before a removal is what comes true by it, in any world."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ponytracker.models import Access, Grant, Group, Team, User
from ponytracker.security import impact
from tests.databases import count_queries
from tests.functional.security.worlds import GROUPS, PROJECTS, SITES, TEAMS, USERS, store


def removals(site):
    """Return what could be removed: how to say it, and the site as it would be."""

    def without(**changes):
        return dataclasses.replace(site, **changes)

    for id_, key in enumerate(site.grants, 1):
        rest = {other: names for other, names in site.grants.items() if other != key}
        yield ("grant", id_), without(grants=rest)
    for group, user in site.group_users:
        yield ("group user", group, user), without(group_users=site.group_users - {(group, user)})
    for team, user in site.team_users:
        yield ("team user", team, user), without(team_users=site.team_users - {(team, user)})
    for team, group in site.team_groups:
        yield ("team group", team, group), without(team_groups=site.team_groups - {(team, group)})
    for user in USERS:
        yield (
            ("user", user),
            without(
                group_users={pair for pair in site.group_users if pair[1] != user},
                team_users={pair for pair in site.team_users if pair[1] != user},
                grants={k: names for k, names in site.grants.items() if k[1] != ("user", user)},
            ),
        )
    for group in GROUPS:
        yield (
            ("group", group),
            without(
                group_users={pair for pair in site.group_users if pair[0] != group},
                team_groups={pair for pair in site.team_groups if pair[1] != group},
                grants={k: names for k, names in site.grants.items() if k[1] != ("group", group)},
            ),
        )
    for team in TEAMS:
        yield (
            ("team", team),
            without(
                team_users={pair for pair in site.team_users if pair[0] != team},
                team_groups={pair for pair in site.team_groups if pair[0] != team},
                grants={k: names for k, names in site.grants.items() if k[1] != ("team", team)},
            ),
        )


def said(session, what, *ids):
    """Return what the program says that would be lost."""
    match what:
        case "grant":
            removal = impact.grant_removal(session.get(Grant, *ids))
        case "user":
            removal = impact.user_removal(session.get(User, *ids))
        case "group":
            removal = impact.group_removal(session.get(Group, *ids))
        case "team":
            removal = impact.team_removal(session.get(Team, *ids))
        case "group user":
            group, user = session.get(Group, ids[0]), session.get(User, ids[1])
            removal = impact.group_user_removal(group, user)
        case "team user":
            team, user = session.get(Team, ids[0]), session.get(User, ids[1])
            removal = impact.team_user_removal(team, user)
        case "team group":
            team, group = session.get(Team, ids[0]), session.get(Group, ids[1])
            removal = impact.team_group_removal(team, group)
    found = impact.assess(session, removal)
    return found.people, found.projects, dict(found.rights)


def comes_true(before, after):
    """Return what people lose from one site to the other, plainly."""
    people = [user for user in USERS if user not in before.disabled | before.superusers]
    lost = {
        (user, project)
        for user in people
        for project in PROJECTS
        if before.sees(user, project) and not after.sees(user, project)
    }
    rights: dict[str, set[int]] = {}
    for user in people:
        for project in (None, *PROJECTS):
            had = before.granted(user, project)[0] - after.granted(user, project)[0]
            kept = after.granted(user, None)[0] | after.granted(user, project)[0]
            for permission in had - kept:
                rights.setdefault(permission, set()).add(user)
    return (
        len({user for user, _ in lost}),
        len({project for _, project in lost}),
        {permission: len(users) for permission, users in rights.items()},
    )


@given(site=SITES, data=st.data())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_is_said_comes_true(database, site, data):
    removal, after = data.draw(st.sampled_from(list(removals(site))))
    with database.session(write=True) as session:
        store(session, site)
        expected = comes_true(site, after)
        event(f"{removal[0]} {'matters' if any(expected) else 'does not'}")
        assert said(session, *removal) == expected
        session.rollback()


@pytest.fixture
def core(world, session):
    """A team of a group of three, with the sight of two private projects and a right on one."""
    users = [world.user(f"user{n}") for n in range(3)]
    team = Team(name="core", groups=[Group(name="devs", users=users)])
    session.add(team)
    session.commit()
    world.grant("manage_issue", project=world.project("a", access=Access.PRIVATE), team_id=team.id)
    world.grant(project=world.project("b", access=Access.PRIVATE), team_id=team.id)
    return team


def test_three_people_lose_sight_of_two_projects(world, session, database, core):
    session.refresh(core)
    with count_queries(database) as queries:
        found = impact.assess(session, impact.team_removal(core))
    assert (found.people, found.projects, found.rights) == (3, 2, {"manage_issue": 3})
    assert len(queries) == 5


def test_what_another_grant_gives_too_is_not_lost(world, session, core):
    world.grant("access_project", "manage_issue", user_id=session.query(User).first().id)
    found = impact.assess(session, impact.team_group_removal(core, core.groups[0]))
    assert (found.people, found.projects, found.rights) == (2, 2, {"manage_issue": 2})


def test_a_grant_that_gives_nothing_takes_nothing_with_it(world, session, core):
    empty = world.grant(user_id=session.query(User).first().id)
    assert not impact.assess(session, impact.grant_removal(empty))


def test_of_too_many_it_says_the_most_there_may_be(world, session, core, monkeypatch):
    world.grant("access_project", user_id=session.query(User).first().id)
    monkeypatch.setattr(impact, "MAX_PAIRS", 5)
    found = impact.assess(session, impact.team_removal(core))
    assert found == impact.Impact(3, 2, {"manage_issue": 3}, exact=False)
    monkeypatch.setattr(impact, "MAX_PAIRS", 6)
    assert impact.assess(session, impact.team_removal(core)).exact
