"""Lists, tree, explanations and a plain reading of the design give one answer, in any world."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from pyramid.location import lineage
from pyramid.traversal import traverse
from sqlalchemy import select

from ponytracker.grants.explain import Rule, explain
from ponytracker.models import Project, User
from ponytracker.resources import Root
from ponytracker.resources.supposing import suppose
from ponytracker.security.holders import holds
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import may
from ponytracker.security.principals import ANONYMOUS, SHELL, find_identities
from ponytracker.security.visibility import each_user, may_see_project
from tests.functional.security.worlds import (
    EVERY_PERMISSION,
    PROJECTS,
    SITES,
    USERS,
    comment_id,
    store,
)

WORLDS = 2000
CHUNKS = 8
"""Parts that run side by side."""


def find(root, project):
    """Return the nodes of *project* that traversal leads to, by what they are; maybe none."""
    found = traverse(root, f"/p{project}/issues/1/comments/{comment_id(project)}")
    if found["view_name"]:
        return None
    comment, _, issue, _, place, _ = lineage(found["context"])
    return {"project": place, "issue": issue, "comment": comment}


@pytest.mark.parametrize("chunk", range(CHUNKS))
@given(
    site=SITES,
    asked=st.lists(st.sampled_from(EVERY_PERMISSION), max_size=3, unique=True),
    explained=st.sampled_from(["project", "issue", "comment"]),
)
@settings(
    max_examples=WORLDS // CHUNKS,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_one_predicate(database, chunk, site, asked, explained):
    asked = {*asked, Permission.VIEW, Permission.MODIFY_COMMENT}
    with database.session(write=True) as session:
        store(session, site)
        known = {identity.user_id: identity for identity in find_identities(session)}
        # Who is disabled cannot sign in, and is like anyone.
        identities = {user: known.get(user, ANONYMOUS) for user in (None, *USERS)}
        root = Root(session, SHELL, everyone=True)
        whole = {project: find(root, project) for project in PROJECTS}
        for user, identity in identities.items():
            listed = session.scalars(select(Project.id).where(may_see_project(identity)))
            assert set(listed) == {project for project in PROJECTS if site.sees(user, project)}
            for project in PROJECTS:
                found = find(Root(session, identity), project)
                assert (found is not None) == site.sees(user, project)
                # What they do not find is explained by someone who does.
                nodes = found or whole[project]
                check_tree(site, user, identity, project, nodes, asked)
                for permission in asked:
                    check_explanation(identity, nodes[explained], permission)
        check_everyone(session, site, whole, asked, explained)
        session.rollback()


def check_tree(site, user, identity, project, nodes, asked):
    for (thing, node), permission in product(nodes.items(), asked):
        expected = site.may(user, permission, project, thing)
        assert bool(may(identity, node, permission)) == expected, (thing, permission)


def check_explanation(identity, node, permission):
    expected = bool(may(identity, node, permission))
    why = explain(identity, node, permission)
    assert why.allowed == expected
    event(f"{why.rule}, {expected}")
    for named in (why.grants, why.sight, {*why.grants, *why.sight}):
        if named:
            assert not may(identity, suppose(node, without=named), permission)
    if why.missing is not None:
        assert may(identity, suppose(node, plus=why.missing), permission)
    if expected:
        assert bool(why.grants) == (why.rule is Rule.GRANTS)
    else:
        assert bool(why.missing) == (why.rule is Rule.GRANTS)
        assert identity.is_signed_in or why.rule is Rule.NOT_SIGNED_IN


def check_everyone(session, site, whole, asked, thing):
    """The answers about all users at once are those about each."""
    pairs = session.execute(select(User.id, Project.id).join(Project, may_see_project(each_user())))
    seen = {(user, project) for user in USERS for project in PROJECTS if site.sees(user, project)}
    assert {tuple(pair) for pair in pairs} == seen
    for project, nodes in whole.items():
        answers = [holds(nodes[thing], permission).label(permission) for permission in asked]
        for row in session.execute(select(User.id, *answers)).mappings():
            for permission in asked:
                active = row["id"] not in site.disabled
                expected = active and site.may(row["id"], permission, project, thing)
                assert bool(row[permission]) == expected, (row["id"], thing, permission)
