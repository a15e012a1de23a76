"""The pages of the administration cost the same on a large site as on a small one."""

from __future__ import annotations

import pytest
from sqlalchemy import func, insert, select

from ponytracker.models import Grant, Group, Team, User
from ponytracker.models.account import group_users, team_groups, team_users
from ponytracker.models.grant import GrantPermission
from tests.databases import count_queries

SMALL = {"users": 30, "groups": 10, "teams": 8}
LARGE = {"users": 5000, "groups": 300, "teams": 200}


def fill(session, size, prefix):
    """Add as many accounts, each user in some groups and teams, each of which has a grant."""
    session.execute(
        insert(User),
        [
            {"username": f"{prefix}{n:04}", "first_name": "Ann", "email": f"{prefix}{n}@b.org"}
            | {"username_key": f"{prefix}{n:04}"}
            for n in range(size["users"])
        ],
    )
    for model, total in ((Group, size["groups"]), (Team, size["teams"])):
        session.execute(insert(model), [{"name": f"{prefix}{n:03}"} for n in range(total)])
    users, groups, teams = (
        session.scalars(select(model.id).order_by(model.id)).all() for model in (User, Group, Team)
    )
    pairs = {(group, user) for group in groups for user in (users[0], users[1])}
    pairs |= {(groups[0], user) for user in users}
    present = set(session.execute(select(group_users)).all())
    rows = [{"group_id": g, "user_id": u} for g, u in sorted(pairs - present)]
    session.execute(insert(group_users), rows)
    for table, members, name in ((team_users, users, "user_id"), (team_groups, groups, "group_id")):
        pairs = {(team, member) for team in teams for member in members[:2]}
        pairs |= {(teams[0], member) for member in members}
        present = set(session.execute(select(table)).all())
        rows = [{"team_id": t, name: m} for t, m in sorted(pairs - present)]
        session.execute(insert(table), rows)
    for column, ids in ((Grant.group_id, groups), (Grant.team_id, teams)):
        given = set(session.scalars(select(column).where(column.is_not(None))))
        session.execute(insert(Grant), [{column.key: id_} for id_ in ids if id_ not in given])
    bare = select(Grant.id).outerjoin(GrantPermission).where(GrantPermission.grant_id.is_(None))
    rows = [{"grant_id": id_, "permission": "create_issue"} for id_ in session.scalars(bare)]
    session.execute(insert(GrantPermission), rows)
    session.commit()


def test_pages_cost_the_same_on_a_large_site(world, session, database, visitor_as):
    someone = world.user("0-first")
    group, team = world.group("0-first"), world.team("0-first")
    world.user("admin", is_superuser=True)
    browser = visitor_as("admin")
    pages = {
        "/admin/users/": 8,
        "/admin/users/?q=ann": 8,
        f"/admin/users/{someone.id}/": 12,
        f"/admin/users/{someone.id}/delete/": 10,
        "/admin/groups/": 8,
        f"/admin/groups/{group.id}/": 9,
        f"/admin/groups/{group.id}/delete/": 10,
        "/admin/teams/": 8,
        f"/admin/teams/{team.id}/": 11,
        f"/admin/teams/{team.id}/delete/": 10,
        f"/admin/groups/{group.id}/add-user/?query=ann": 6,
    }
    counts = {path: [] for path in pages}
    for prefix, size in (("small", SMALL), ("large", LARGE)):
        fill(session, size, prefix)
        for path in pages:
            with count_queries(database) as queries:
                assert browser.get(path).status_int == 200
            counts[path].append(len(queries))
    assert session.scalar(select(func.count(User.id))) > 5000
    for path, most in pages.items():
        few, many = counts[path]
        assert few == many <= most, (path, few, many)


@pytest.mark.parametrize("path", ["/admin/users/", "/admin/groups/", "/admin/teams/"])
def test_lists_show_a_page_only(world, session, visitor_as, path):
    fill(session, {"users": 60, "groups": 60, "teams": 60}, "a")
    world.user("admin", is_superuser=True)
    assert len(visitor_as("admin").get(path).html.select(".row-list > li")) == 25
