from __future__ import annotations

import re

import pytest

from ponytracker.models import Access, Group, Team
from tests.databases import count_queries

ASKING_WHO_MAY = re.compile(
    r"\b(sign_in_sessions|group_users|team_users|team_groups|grants|grant_permissions)\b"
)


@pytest.fixture
def member(world, session, visitor_as):
    """Someone who sees a private project by a group in a team, on a site with many grants."""
    users = [world.user(f"user{number}") for number in range(20)]
    group = Group(name="devs", users=users)
    team = Team(name="core", groups=[group], users=users[:3])
    session.add(team)
    session.commit()
    web = world.project("web", access=Access.PRIVATE)
    world.grant("create_issue", "manage_issue", project=web, team_id=team.id)
    for user in users[1:]:
        world.grant("manage_tags", project=web, user_id=user.id)
        world.grant("create_comment", user_id=user.id)
    issue = world.issue(web, users[1])
    for _ in range(3):
        world.issue(web, issue.author)
    return visitor_as("user0")


@pytest.mark.parametrize(
    "address", ["/web/issues/", "/web/issues/1/", "/web/issues/add/", "/web/subscribe/"]
)
def test_a_page_spends_three_queries_on_who_may(database, member, address):
    with count_queries(database) as queries:
        member.get(address)
    # The menu is a list of projects; it asks the predicate, as each list does, in its one query.
    menu = [query for query in queries if "LIMIT" in query and "FROM projects" in query]
    # So does the timeline, for where the issue was referenced.
    lists = [*menu, *(query for query in queries if "FROM events" in query)]
    asked = [query for query in queries if ASKING_WHO_MAY.search(query) and query not in lists]
    assert len(menu) == 1
    assert len(asked) == 3


def test_a_request_reads_only_the_grants_that_reach_whoever_asks(database, session, member):
    with count_queries(database) as queries:
        member.get("/web/issues/")
    grants = [query for query in queries if "FROM grants LEFT OUTER JOIN" in query]
    assert len(grants) == 1
    assert "grants.user_id = " in grants[0]


def test_someone_who_is_not_signed_in_costs_none(world, database, visitor):
    world.issue(world.project("web"))
    visitor.get("/web/issues/")
    with count_queries(database) as queries:
        visitor.get("/web/issues/1/")
    assert [query for query in queries if ASKING_WHO_MAY.search(query)] == []
