"""Random sites for property tests, and who may what on them, straight from the design's words.

Nothing here asks the program: the evaluator reads the drawn values alone, slowly and plainly.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from ponytracker.models import (
    Access,
    EditPolicy,
    Event,
    EventKind,
    Grant,
    GrantPermission,
    Group,
    Issue,
    Project,
    SiteSettings,
    Team,
    User,
)
from ponytracker.models.account import group_users, team_groups, team_users
from ponytracker.models.base import now
from ponytracker.security.permissions import GLOBAL_ONLY, ON_PROJECT, Permission

USERS = (1, 2)
GROUPS = (1, 2)
TEAMS = (1, 2)
PROJECTS = (1, 2)
GRANTABLE = sorted(ON_PROJECT | GLOBAL_ONLY)
FREQUENT = [
    "access_project",
    "manage_issue",
    "modify_own_comment",
    "modify_comment",
    "modify_issue",
]


def pairs(left, right):
    return st.sets(st.tuples(st.sampled_from(left), st.sampled_from(right)), max_size=3)


@dataclasses.dataclass(frozen=True)
class Site:
    """A site as it was drawn; ids are the numbers themselves."""

    superusers: frozenset[int]
    disabled: frozenset[int]
    access: tuple[Access, ...]
    archived: tuple[bool, ...]
    group_users: set[tuple[int, int]]
    team_users: set[tuple[int, int]]
    team_groups: set[tuple[int, int]]
    # (project or None, (kind, id) or None for anyone signed in) -> permissions
    grants: dict[tuple[int | None, tuple[str, int] | None], frozenset[str]]
    policy: EditPolicy
    minutes_old: int
    issue_author: int | None
    comment_author: int | None
    has_later_comment: bool

    def groups_of(self, user):
        return {group for group, member in self.group_users if member == user}

    def teams_of(self, user):
        groups = self.groups_of(user)
        direct = {team for team, member in self.team_users if member == user}
        return direct | {team for team, group in self.team_groups if group in groups}

    def is_given_to(self, grantee, user):
        if grantee is None:
            return True
        kind, id_ = grantee
        mine = {"user": {user}, "group": self.groups_of(user), "team": self.teams_of(user)}
        return id_ in mine[kind]

    def granted(self, user, project):
        """Return the permissions granted to *user* on *project*, and whether any grant is on it."""
        here = [
            permissions
            for (where, grantee), permissions in self.grants.items()
            if where == project and self.is_given_to(grantee, user)
        ]
        return frozenset().union(*here), bool(here)

    def sees(self, user, project):
        """A project is seen by everyone (public), by anyone signed in (registration required), or
        by those with a grant on it or the global access_project (private)."""
        access = self.access[project - 1]
        if access is Access.PUBLIC:
            return True
        if user is None or user in self.disabled:
            return False
        if user in self.superusers or access is Access.REGISTERED:
            return True
        return self.granted(user, project)[1] or "access_project" in self.granted(user, None)[0]

    def may(self, user, permission, project, thing="project"):
        """Grants only add; nothing denies, but for two rules: an archived project is read-only,
        and a right on a project counts only for whoever may see it."""
        if not self.sees(user, project):
            return False
        if permission == "view":
            return True
        if self.archived[project - 1] and permission not in READ_ONLY:
            return False
        if user is None or user in self.disabled:
            return False
        if user in self.superusers or permission == "signed_in":
            return True
        rights = self.granted(user, project)[0] | self.granted(user, None)[0]
        if permission in rights:
            return True
        if "modify_own_comment" not in rights:
            return False
        # A comment is in its issue, so what holds of the issue holds there too.
        of_issue = permission == "modify_issue" and thing in ("issue", "comment")
        of_comment = permission == "modify_comment" and thing == "comment"
        return (of_issue and user == self.issue_author and self.is_still_editable("issue")) or (
            of_comment and user == self.comment_author and self.is_still_editable("comment")
        )

    def is_still_editable(self, thing):
        match self.policy:
            case EditPolicy.ALWAYS:
                return True
            case EditPolicy.MINUTES:
                return self.minutes_old < 30
            case EditPolicy.UNTIL_NEXT_COMMENT:
                # The comment of each world comes after its issue's description.
                return thing == "comment" and not self.has_later_comment


READ_ONLY = {"view", "signed_in", "modify_project", "delete_project", "manage_project_permission"}
"""An archived project can be read, brought back or deleted, and its permissions managed."""

SITES = st.builds(
    Site,
    superusers=st.frozensets(st.sampled_from(USERS), max_size=1),
    disabled=st.frozensets(st.sampled_from(USERS), max_size=1),
    access=st.tuples(*[st.sampled_from(Access)] * len(PROJECTS)),
    archived=st.tuples(*[st.sampled_from([False, False, True])] * len(PROJECTS)),
    group_users=pairs(GROUPS, USERS),
    team_users=pairs(TEAMS, USERS),
    team_groups=pairs(TEAMS, GROUPS),
    grants=st.dictionaries(
        st.tuples(
            st.sampled_from([None, *PROJECTS]),
            st.one_of(
                st.none(),
                st.tuples(st.just("user"), st.sampled_from(USERS)),
                st.tuples(st.just("group"), st.sampled_from(GROUPS)),
                st.tuples(st.just("team"), st.sampled_from(TEAMS)),
            ),
        ),
        st.frozensets(st.one_of(st.sampled_from(FREQUENT), st.sampled_from(GRANTABLE)), max_size=3),
        max_size=5,
    ),
    policy=st.sampled_from(EditPolicy),
    minutes_old=st.sampled_from([0, 29, 31]),
    issue_author=st.sampled_from([None, *USERS]),
    comment_author=st.sampled_from([None, *USERS]),
    has_later_comment=st.booleans(),
)


def store(session: Session, site: Site) -> None:
    """Write *site* into an empty database, in few statements; its grants get ids from 1 on."""
    session.execute(delete(Grant))  # a fresh database has one for anyone signed in
    rows: list[tuple[Any, list[dict[str, Any]]]] = [
        (User, [_user(site, user) for user in USERS]),
        (Group, [{"id": group, "name": f"group{group}"} for group in GROUPS]),
        (Team, [{"id": team, "name": f"team{team}"} for team in TEAMS]),
        (group_users, _members(site.group_users, "group", "user")),
        (team_users, _members(site.team_users, "team", "user")),
        (team_groups, _members(site.team_groups, "team", "group")),
        (Project, [_project(site, project) for project in PROJECTS]),
        (Grant, [_grant(id_, *key) for id_, key in enumerate(site.grants, 1)]),
        (
            GrantPermission,
            [
                {"grant_id": id_, "permission": permission}
                for id_, permissions in enumerate(site.grants.values(), 1)
                for permission in permissions
            ],
        ),
        (Issue, [_issue(site, project) for project in PROJECTS]),
        (Event, [event for project in PROJECTS for event in _events(site, project)]),
    ]
    for table, values in rows:
        if values:
            session.execute(insert(table), values)
    session.execute(update(SiteSettings).values(edit_policy=site.policy, edit_policy_minutes=30))


def comment_id(project: int) -> int:
    return project * 10 + 1


def _user(site: Site, user: int) -> dict[str, Any]:
    name = f"user{user}"
    return {
        "id": user,
        "username": name,
        "username_key": name,
        "is_superuser": user in site.superusers,
        "is_active": user not in site.disabled,
    }


def _members(members: set[tuple[int, int]], owner: str, member: str) -> list[dict[str, int]]:
    return [{f"{owner}_id": left, f"{member}_id": right} for left, right in members]


def _project(site: Site, project: int) -> dict[str, Any]:
    name = f"p{project}"
    return {
        "id": project,
        "name": name,
        "name_key": name,
        "display_name": name,
        "display_name_key": name,
        "access": site.access[project - 1],
        "archived": site.archived[project - 1],
    }


def _grant(id_: int, project: int | None, grantee: tuple[str, int] | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(("user_id", "group_id", "team_id"))
    if grantee is not None:
        row[f"{grantee[0]}_id"] = grantee[1]
    return {"id": id_, "project_id": project, **row}


def _issue(site: Site, project: int) -> dict[str, Any]:
    return {
        "id": project,
        "project_id": project,
        "number": 1,
        "title": "It does not work",
        "author_id": site.issue_author,
        "created_at": _written(site),
        "updated_at": _written(site),
        "comment_count": 2 if site.has_later_comment else 1,
    }


def _events(site: Site, project: int) -> list[dict[str, Any]]:
    authors = [site.comment_author, None] if site.has_later_comment else [site.comment_author]
    return [
        {
            "id": comment_id(project) + n,
            "issue_id": project,
            "project_id": project,
            "actor_id": author,
            "created_at": _written(site),
            "kind": EventKind.COMMENTED,
        }
        for n, author in enumerate(authors)
    ]


def _written(site: Site) -> dt.datetime:
    return now() - dt.timedelta(minutes=site.minutes_old)


EVERY_PERMISSION = sorted(Permission)
