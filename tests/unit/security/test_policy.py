from __future__ import annotations

import pytest
from pyramid.authorization import Everyone

from ponytracker.models import (
    Access,
    EditPolicy,
    Grant,
    GrantPermission,
    Issue,
    Project,
    SiteSettings,
)
from ponytracker.models.base import now
from ponytracker.resources import IssueResource, IssuesResource, ProjectResource, Root
from ponytracker.resources.base import Resource
from ponytracker.security.acl import allow
from ponytracker.security.permissions import ON_PROJECT, WHILE_ARCHIVED, Permission
from ponytracker.security.policy import may
from ponytracker.security.principals import ANONYMOUS, Identity

ALICE = Identity(user_id=1, username="alice")
BOB = Identity(user_id=2, username="bob", group_ids=frozenset({3}), team_ids=frozenset({4}))
ADMIN = Identity(user_id=9, username="admin", is_superuser=True)


def grant(*permissions, **grantee):
    return Grant(permissions=[GrantPermission(permission=name) for name in permissions], **grantee)


class Tree:
    """A site with one project and one issue of Alice's, without any database."""

    def __init__(self, *, access=Access.PUBLIC, archived=False, grants=(), site_grants=()):
        self.root = node(Root, None, "", everyone=True, grants=list(site_grants))
        self.root.settings = SiteSettings(edit_policy=EditPolicy.ALWAYS, edit_policy_minutes=30)
        self.project = node(ProjectResource, self.root, "web", session=None, grants=list(grants))
        self.project.project = Project(name="web", access=access, archived=archived)
        self.issues = IssuesResource(self.project)
        self.issue = IssueResource(
            self.issues, Issue(number=1, author_id=ALICE.user_id, created_at=now(), comment_count=0)
        )


def node(kind, parent, name, **attributes):
    made = kind.__new__(kind)
    Resource.__init__(made, parent, name)
    made.__dict__.update(attributes)
    return made


@pytest.mark.parametrize(
    ("access", "who"),
    [
        (Access.PUBLIC, {ANONYMOUS, ALICE, ADMIN}),
        (Access.REGISTERED, {ALICE, ADMIN}),
        (Access.PRIVATE, {ADMIN}),
    ],
)
def test_who_sees_a_project_and_all_in_it_without_a_grant(access, who):
    tree = Tree(access=access)
    for place in (tree.project, tree.issues, tree.issue):
        seen_by = {one for one in (ANONYMOUS, ALICE, ADMIN) if may(one, place, Permission.VIEW)}
        assert seen_by == who


@pytest.mark.parametrize("grantee", [{"user_id": 2}, {"group_id": 3}, {"team_id": 4}, {}])
def test_any_grant_on_a_private_project_shows_it_to_its_grantee(grantee):
    tree = Tree(access=Access.PRIVATE, grants=[grant(**grantee)])
    assert may(BOB, tree.issue, Permission.VIEW)
    assert not may(ANONYMOUS, tree.issue, Permission.VIEW)
    assert bool(may(ALICE, tree.issue, Permission.VIEW)) == (grantee == {})


def test_a_global_access_project_shows_private_projects():
    tree = Tree(access=Access.PRIVATE, site_grants=[grant("access_project", group_id=3)])
    assert may(BOB, tree.issue, Permission.VIEW)
    assert not may(ALICE, tree.issue, Permission.VIEW)


def test_another_global_grant_does_not():
    tree = Tree(access=Access.PRIVATE, site_grants=[grant(*ON_PROJECT, user_id=2)])
    assert not may(BOB, tree.issue, Permission.VIEW)
    assert not may(BOB, tree.issue, Permission.MANAGE_ISSUE)


def test_a_global_grant_counts_on_every_project_one_sees():
    tree = Tree(site_grants=[grant("manage_issue", user_id=2)])
    assert may(BOB, tree.issue, Permission.MANAGE_ISSUE)
    assert not may(ALICE, tree.issue, Permission.MANAGE_ISSUE)


def test_what_allowed_something_can_be_told():
    by_team = grant("manage_issue", team_id=4)
    tree = Tree(grants=[by_team])
    decision = may(BOB, tree.issue, Permission.MANAGE_ISSUE)
    assert decision.ace.grant is by_team
    assert decision.node is tree.project


@pytest.mark.parametrize("permission", Permission)
def test_an_archived_project_is_read_only_for_everyone(permission):
    tree = Tree(archived=True, grants=[grant(*ON_PROJECT, user_id=1)])
    for place in (tree.project, tree.issues, tree.issue):
        assert bool(may(ADMIN, place, permission)) == (permission in WHILE_ARCHIVED)
        assert permission in WHILE_ARCHIVED or not may(ALICE, place, permission)


def test_the_site_around_an_archived_project_is_not_read_only():
    tree = Tree(archived=True)
    assert all(may(ADMIN, tree.root, permission) for permission in Permission)


def test_authors_may_edit_what_they_wrote_where_that_is_granted():
    tree = Tree(site_grants=[grant("modify_own_comment")])
    assert may(ALICE, tree.issue, Permission.MODIFY_ISSUE)
    assert not may(BOB, tree.issue, Permission.MODIFY_ISSUE)
    assert not may(ALICE, tree.issues, Permission.MODIFY_ISSUE)
    assert not may(ALICE, Tree().issue, Permission.MODIFY_ISSUE)


def test_authors_may_edit_only_by_a_grant_to_themselves():
    tree = Tree(grants=[grant("modify_own_comment", team_id=4)])
    assert not may(ALICE, tree.issue, Permission.MODIFY_ISSUE)


def test_authors_lose_the_right_to_edit_with_the_sight_of_the_project():
    tree = Tree(access=Access.PRIVATE, site_grants=[grant("modify_own_comment")])
    assert not may(ALICE, tree.issue, Permission.MODIFY_ISSUE)
    seeing = Tree(access=Access.PRIVATE, grants=[grant("modify_own_comment", user_id=1)])
    assert may(ALICE, seeing.issue, Permission.MODIFY_ISSUE)


def test_nobody_is_the_author_of_what_a_ghost_wrote():
    tree = Tree(site_grants=[grant("modify_own_comment")])
    tree.issue.issue.author_id = None
    assert not may(ALICE, tree.issue, Permission.MODIFY_ISSUE)
    assert not may(ANONYMOUS, tree.issue, Permission.MODIFY_ISSUE)


@pytest.mark.parametrize("tree", [Tree(access=Access.PRIVATE), Tree(archived=True)])
def test_nothing_in_a_project_allows_what_the_project_refuses(tree):
    class Generous(Resource):
        def __acl__(self):
            return [allow(Everyone, set(Permission))]

    inside = Generous(tree.issue, "comments")
    assert not may(ALICE, inside, Permission.CREATE_COMMENT)
    assert may(ALICE, Generous(Tree().issue, "comments"), Permission.CREATE_COMMENT)
