"""Every view, for every kind of visitor, on every kind of project: who gets in.

What is expected is derived from the design's rules by `expected`, which asks the program nothing
but which views there are.
"""

from __future__ import annotations

import dataclasses
from itertools import product

import pytest
from markupsafe import Markup
from pyramid.security import NO_PERMISSION_REQUIRED

from ponytracker import resources as tree
from ponytracker.models import (
    Access,
    Attachment,
    Event,
    EventKind,
    Grant,
    GrantPermission,
    Group,
    Label,
    MailReason,
    Milestone,
    OwedMail,
    Project,
    ReceivedMail,
    Team,
    User,
)
from ponytracker.models.base import now
from ponytracker.security.permissions import GLOBAL_ONLY, ON_PROJECT, Permission
from tests.functional.attachments.conftest import picture as make_picture
from tests.functional.test_every_view import BEHIND, FOR_SCRIPTS, LEAVING, all_views
from tests.site import Visitor

ANYONE = NO_PERMISSION_REQUIRED

WHO: dict[type, dict[str, object]] = {
    tree.Root: {
        "": Permission.VIEW,
        "archived": Permission.VIEW,
        "add": Permission.CREATE_PROJECT,
        "logout": ANYONE,
        "markdown": Permission.SIGNED_IN,
        "search": Permission.VIEW,
    },
    tree.LoginResource: {"": ANYONE, "reset": ANYONE, "sign-up": ANYONE},
    tree.HealthResource: {"": ANYONE, "ready": ANYONE, "seen": ANYONE},
    tree.LeavingResource: {"": Permission.VIEW},
    tree.ProfileResource: dict.fromkeys(
        (
            *("", "end-session", "sign-out-everywhere", "unwatch"),
            *("end-addresses", "mail", "resume-mail", "revoke-address"),
        ),
        Permission.SIGNED_IN,
    ),
    tree.MailGateResource: {"": ANYONE},
    tree.ReceivedMailsResource: {"": Permission.READ_MAIL},
    tree.ReceivedMailResource: dict.fromkeys(("", "raw", "replay"), Permission.READ_MAIL),
    tree.AdminResource: {
        "": Permission.VIEW,
        "audit": Permission.READ_AUDIT_LOG,
        **dict.fromkeys(
            ("settings", "mail-preview", "mail-preview-html"), Permission.MANAGE_SETTINGS
        ),
    },
    tree.UsersResource: {"": Permission.VIEW, "add": Permission.MANAGE_ACCOUNTS},
    tree.UserResource: {
        "": Permission.VIEW,
        **dict.fromkeys(
            "activate add-group add-team delete disable edit edit-password".split(),
            Permission.MANAGE_ACCOUNTS,
        ),
    },
    tree.GroupsResource: {"": Permission.VIEW, "add": Permission.MANAGE_ACCOUNTS},
    tree.GroupResource: {
        "": Permission.VIEW,
        **dict.fromkeys(("add-user", "edit", "delete"), Permission.MANAGE_ACCOUNTS),
    },
    tree.GroupUserResource: {"": Permission.MANAGE_ACCOUNTS},
    tree.TeamsResource: {"": Permission.VIEW, "add": Permission.MANAGE_ACCOUNTS},
    tree.TeamResource: {
        "": Permission.VIEW,
        **dict.fromkeys(("add-user", "add-group", "edit", "delete"), Permission.MANAGE_ACCOUNTS),
    },
    tree.TeamUserResource: {"": Permission.MANAGE_ACCOUNTS},
    tree.TeamGroupResource: {"": Permission.MANAGE_ACCOUNTS},
    tree.OutboxResource: dict.fromkeys(("", "retry"), Permission.READ_MAIL),
    tree.OwedMailResource: {"retry": Permission.READ_MAIL},
    tree.SiteGrantsResource: dict.fromkeys(("", "add"), Permission.MANAGE_GLOBAL_PERMISSION),
    tree.SiteGrantResource: dict.fromkeys(
        ("edit", "delete", "toggle"), Permission.MANAGE_GLOBAL_PERMISSION
    ),
    tree.ProjectResource: {
        "": Permission.VIEW,
        "edit": Permission.MODIFY_PROJECT,
        "archive": Permission.MODIFY_PROJECT,
        "unarchive": Permission.MODIFY_PROJECT,
        "delete": Permission.DELETE_PROJECT,
        "subscribe": Permission.SIGNED_IN,
        "unsubscribe": Permission.SIGNED_IN,
        "markread": Permission.SIGNED_IN,
        "activity": Permission.VIEW,
        "why": Permission.MANAGE_PROJECT_PERMISSION,
    },
    tree.ProjectGrantsResource: dict.fromkeys(("", "add"), Permission.MANAGE_PROJECT_PERMISSION),
    tree.ProjectGrantResource: dict.fromkeys(
        ("edit", "delete", "toggle"), Permission.MANAGE_PROJECT_PERMISSION
    ),
    tree.IssuesResource: {
        "": Permission.VIEW,
        "add": Permission.CREATE_ISSUE,
        "suggest": Permission.VIEW,
        "change": Permission.SIGNED_IN,
        "undo": Permission.SIGNED_IN,
        "upload": Permission.CREATE_ISSUE,
    },
    tree.IssueResource: {
        "": Permission.VIEW,
        "edit": Permission.MODIFY_ISSUE,
        **dict.fromkeys(("comment", "upload"), Permission.CREATE_COMMENT),
        "close": Permission.MANAGE_ISSUE,
        "reopen": Permission.MANAGE_ISSUE,
        "assign": Permission.MANAGE_ISSUE,
        "delete": Permission.DELETE_ISSUE,
        "history": Permission.VIEW,
        "subscribe": Permission.SIGNED_IN,
        "unsubscribe": Permission.SIGNED_IN,
        "why": Permission.MANAGE_PROJECT_PERMISSION,
        **dict.fromkeys(
            ("add-label", "remove-label", "add-milestone", "remove-milestone"),
            Permission.MANAGE_TAGS,
        ),
    },
    tree.LabelsResource: {"": Permission.VIEW, "add": Permission.MANAGE_TAGS},
    tree.LabelResource: {
        "": Permission.VIEW,
        "edit": Permission.MANAGE_TAGS,
        "delete": Permission.DELETE_TAGS,
    },
    tree.MilestonesResource: {"": Permission.VIEW, "add": Permission.MANAGE_TAGS},
    tree.MilestoneResource: {
        "": Permission.VIEW,
        **dict.fromkeys(("edit", "close", "reopen"), Permission.MANAGE_TAGS),
        "delete": Permission.DELETE_TAGS,
    },
    tree.CommentResource: {
        "": Permission.VIEW,
        **dict.fromkeys(("edit", "upload"), Permission.MODIFY_COMMENT),
        "delete": Permission.DELETE_COMMENT,
        "history": Permission.VIEW,
        "why": Permission.MANAGE_PROJECT_PERMISSION,
    },
    tree.AttachmentResource: {"": Permission.VIEW},
    tree.AttachmentFileResource: {"": Permission.VIEW, "display": Permission.VIEW},
}
"""What each view asks for. A view that has no row here fails the test."""

ID = 900_000_000
"""From here on are the ids of what the addresses name."""

ADDRESSES = {
    tree.Root: "/",
    tree.LoginResource: "/login/",
    tree.HealthResource: "/health/",
    tree.LeavingResource: f"/unsubscribe/project-{ID}.{ID}.{LEAVING}/",
    tree.ProfileResource: "/profile/",
    tree.AdminResource: "/admin/",
    tree.UsersResource: "/admin/users/",
    tree.UserResource: f"/admin/users/{ID}/",
    tree.GroupsResource: "/admin/groups/",
    tree.GroupResource: f"/admin/groups/{ID}/",
    tree.GroupUserResource: f"/admin/groups/{ID}/remove-user/{ID}/",
    tree.TeamsResource: "/admin/teams/",
    tree.TeamResource: f"/admin/teams/{ID}/",
    tree.TeamUserResource: f"/admin/teams/{ID}/remove-user/{ID}/",
    tree.TeamGroupResource: f"/admin/teams/{ID}/remove-group/{ID}/",
    tree.MailGateResource: "/api/email/recv/",
    tree.ReceivedMailsResource: "/admin/received/",
    tree.ReceivedMailResource: f"/admin/received/{ID}/",
    tree.OutboxResource: "/admin/outbox/",
    tree.OwedMailResource: f"/admin/outbox/{ID}/",
    tree.SiteGrantsResource: "/admin/permissions/",
    tree.SiteGrantResource: f"/admin/permissions/{ID}/",
    tree.ProjectResource: "/{project}/",
    tree.ProjectGrantsResource: "/{project}/permissions/",
    tree.ProjectGrantResource: "/{project}/permissions/{id}/",
    tree.IssuesResource: "/{project}/issues/",
    tree.IssueResource: "/{project}/issues/1/",
    tree.CommentResource: "/{project}/issues/1/comments/{id}/",
    tree.AttachmentResource: "/{project}/issues/1/attachments/{id}/",
    tree.AttachmentFileResource: "/{project}/issues/1/attachments/{id}/a.png/",
    tree.LabelsResource: "/{project}/labels/",
    tree.LabelResource: "/{project}/labels/{id}/",
    tree.MilestonesResource: "/{project}/milestones/",
    tree.MilestoneResource: "/{project}/milestones/1.0/",
}
ACCOUNT_PLACES = (
    tree.UsersResource,
    tree.UserResource,
    tree.GroupsResource,
    tree.GroupResource,
    tree.TeamsResource,
    tree.TeamResource,
)


HIDDEN = {
    **dict.fromkeys(
        (
            tree.UserResource,
            tree.GroupResource,
            tree.TeamResource,
            tree.GroupUserResource,
            tree.TeamUserResource,
            tree.TeamGroupResource,
        ),
        Permission.MANAGE_ACCOUNTS,
    ),
    tree.OwedMailResource: Permission.READ_MAIL,
    tree.ReceivedMailResource: Permission.READ_MAIL,
    tree.SiteGrantResource: Permission.MANAGE_GLOBAL_PERMISSION,
    tree.ProjectGrantResource: Permission.MANAGE_PROJECT_PERMISSION,
}
"""What is as if it were not there for whoever lacks a right."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of project."""

    name: str
    access: Access
    archived: bool
    id: int

    def sees(self, who):
        if who.is_superuser or self.access is Access.PUBLIC:
            return True
        if not who.is_signed_in or self.access is Access.REGISTERED:
            return who.is_signed_in
        return who.has_grant_on_projects or Permission.ACCESS_PROJECT in who.everywhere


KINDS = [
    Kind("public", Access.PUBLIC, False, ID + 1000),
    Kind("registered", Access.REGISTERED, False, ID + 2000),
    Kind("private", Access.PRIVATE, False, ID + 3000),
    Kind("archived", Access.PUBLIC, True, ID + 4000),
    Kind("archived-private", Access.PRIVATE, True, ID + 5000),
]

READ_ONLY = {
    Permission.VIEW,
    Permission.SIGNED_IN,
    Permission.MODIFY_PROJECT,
    Permission.DELETE_PROJECT,
    Permission.MANAGE_PROJECT_PERMISSION,
}
"""What an archived project still allows."""


@dataclasses.dataclass(frozen=True)
class Who:
    """A kind of visitor, by what was granted to them, everywhere or on each of the projects."""

    name: str
    is_signed_in: bool = True
    is_superuser: bool = False
    everywhere: frozenset[Permission] = frozenset()
    on_projects: frozenset[Permission] = frozenset()
    has_grant_on_projects: bool = False
    by: str = "user"


VISITORS = [
    Who("anonymous", is_signed_in=False),
    Who("disabled", is_signed_in=False),
    Who("stranger"),
    Who("superuser", is_superuser=True),
    Who("an empty grant", has_grant_on_projects=True),
    *(Who(f"{name} everywhere", everywhere=frozenset({name})) for name in sorted(GLOBAL_ONLY)),
    *(Who(f"{name} everywhere", everywhere=frozenset({name})) for name in sorted(ON_PROJECT)),
    *(
        Who(f"{name} on projects", on_projects=frozenset({name}), has_grant_on_projects=True)
        for name in sorted(ON_PROJECT)
    ),
    *(
        Who(f"everything by {by}", on_projects=ON_PROJECT, has_grant_on_projects=True, by=by)
        for by in ("group", "team", "team of groups", "anyone signed in")
    ),
]


def expected(who: Who, context: type, permission: object, kind: Kind | None) -> str:
    """Return "in", "out" (not allowed) or "hidden" (as if it were not there)."""
    if permission == ANYONE:
        return "in"
    if kind is not None and not kind.sees(who):
        return "hidden"
    if kind is not None and kind.archived and permission not in READ_ONLY:
        return "out"
    rights = who.everywhere | (who.on_projects if kind else frozenset())
    if context in HIDDEN and not who.is_superuser and HIDDEN[context] not in rights:
        return "hidden"
    if who.is_superuser:
        allowed = True
    elif permission is Permission.SIGNED_IN:
        allowed = who.is_signed_in
    elif permission is not Permission.VIEW:
        allowed = permission in rights
    elif context is tree.AdminResource:
        allowed = bool(
            rights
            & {
                Permission.MANAGE_SETTINGS,
                Permission.MANAGE_ACCOUNTS,
                Permission.MANAGE_GLOBAL_PERMISSION,
            }
        )
    else:
        allowed = context not in ACCOUNT_PLACES or Permission.MANAGE_ACCOUNTS in rights
    return "in" if allowed else "out"


def seen(answer, who: Who, method: str) -> str:
    """Return which of these *answer* is, or what else it is."""
    if answer.content_type == "application/json" and answer.status_int == 400:
        return "in"  # the mail gate lets everyone ask, and takes no form without a mail
    if answer.status_int in (200, 303, 409, 422) and not _leads_to_sign_in(answer):
        return "in"
    if who.is_signed_in:
        return {403: "out", 404: "hidden"}.get(answer.status_int, answer.status)
    # Someone not signed in cannot tell what is not allowed from what is not there.
    closed = answer.status_int == 403 if method == "POST" else _leads_to_sign_in(answer)
    return "closed" if closed else answer.status


def _leads_to_sign_in(answer):
    return answer.status_int == 303 and "/login?next=" in answer.location


@pytest.fixture
def site(world, session, store):
    """A project of each kind, with an issue, a comment and a grant; accounts to administer."""
    someone = User(id=ID, username="someone")
    group = Group(id=ID, name="some", users=[someone])
    session.add(Team(id=ID, name="others", users=[someone], groups=[group]))
    picture = store.stage(make_picture())
    store.keep(picture)
    session.query(Grant).delete()
    session.add(Grant(id=ID, user=someone))
    session.add(Project(id=ID, name="left", display_name="Left"))
    session.add(ReceivedMail(id=ID, message_id="<1@x.example>", outcome="empty", raw=b"\n\n"))
    for kind in KINDS:
        project = world.project(kind.name, access=kind.access)
        issue = world.issue(project)
        session.add(
            Attachment(
                id=kind.id,
                project_id=project.id,
                issue_id=issue.id,
                event_id=issue.last_event_id,
                name="a.png",
                content_type="image/png",
                size=picture.size,
                digest=picture.digest,
                width=40,
                height=30,
            )
        )
        session.add(
            Event(
                id=kind.id,
                issue=issue,
                project_id=project.id,
                kind=EventKind.COMMENTED,
                text="",
                html=Markup(""),
                created_at=now(),
            )
        )
        session.add(Grant(id=kind.id, project=project, user=someone))
        if kind is KINDS[0]:
            reason = MailReason.AUTHOR
            session.add(OwedMail(id=ID, event=issue.last_event, user=someone, reason=reason))
        session.add(Label(id=kind.id, project=project, name="a label"))
        session.add(Milestone(id=kind.id, project=project, name="1.0", slug="1.0"))
        project.archived = kind.archived
    session.commit()


def give(world, session, who: Who, user: User) -> None:
    """Grant *user* what *who* has."""
    if who.everywhere:
        world.grant(*who.everywhere, user_id=user.id)
    if not who.has_grant_on_projects:
        return
    match who.by:
        case "user":
            grantee = {"user": user}
        case "group":
            grantee = {"group": Group(name="theirs", users=[user])}
        case "team":
            grantee = {"team": Team(name="theirs", users=[user])}
        case "team of groups":
            grantee = {"team": Team(name="theirs", groups=[Group(name="theirs", users=[user])])}
        case "anyone signed in":
            grantee = {}
    session.add_all(grantee.values())
    for project in session.query(Project):
        rows = [GrantPermission(permission=name) for name in who.on_projects]
        session.add(Grant(project=project, permissions=rows, **grantee))
    session.commit()


@pytest.fixture
def member(world, session, site, app, request):
    """A browser of the visitor, as it is after they signed in; each request starts from there."""
    who = request.getfixturevalue("who")
    visitor = Visitor(app)
    if who.name != "anonymous":
        user = world.user("visitor", is_superuser=who.is_superuser)
        give(world, session, who, user)
        visitor.sign_in("visitor").follow()
        if who.name == "disabled":
            user.is_active = False
            session.commit()
    return visitor


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", VISITORS, ids=lambda who: who.name)
def test_who_gets_in(database, app, who, member):
    token = member.get("/login").forms["login-form"]["csrf_token"].value
    cookies = {cookie.name: cookie.value for cookie in member.cookiejar}
    wrong = []
    for view in all_views(app):
        permission = WHO[view.context][view.name]
        name = f"{view.name}/" if view.name else ""
        template = ADDRESSES[view.context] + name + BEHIND.get(view.name, "")
        for kind, method in product(KINDS if "{" in template else [None], view.methods):
            address = template.format(project=kind.name, id=kind.id) if kind else template
            # What a request changes is undone, so that each finds the site as it was.
            with database.bind.begin_nested() as savepoint:
                member.reset()
                for key, value in cookies.items():
                    member.set_cookie(key, value)
                fields = {"csrf_token": token} if method == "POST" else {}
                answer = member.request(
                    address, method=method, POST=fields or None, expect_errors=True
                )
                savepoint.rollback()
            found = seen(answer, who, method)
            wanted = expected(who, view.context, permission, kind)
            if not who.is_signed_in and wanted != "in":
                wanted = "closed"
            if found != wanted:
                wrong.append(f"{method} {address}: {found}, not {wanted}")
    assert wrong == []


def test_every_view_has_a_row(one_app):
    views = {(view.context, view.name) for view in all_views(one_app)}
    rows = {(context, name) for context, names in WHO.items() for name in names}
    assert views == rows
    assert {(context, name) for context, name in FOR_SCRIPTS} <= rows
