"""Rules that hold for every view there is, found by asking the application for its views."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest
from markupsafe import Markup
from pyramid.interfaces import IExceptionResponse
from pyramid.security import NO_PERMISSION_REQUIRED
from sqlalchemy import select
from webob.exc import WSGIHTTPException

from ponytracker import make_app
from ponytracker.db import Database, make_engine
from ponytracker.mail.addresses import Addresses
from ponytracker.models import (
    Attachment,
    Base,
    Event,
    EventKind,
    Grant,
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
from ponytracker.resources import (
    RESERVED_NAMES,
    AdminResource,
    AttachmentFileResource,
    AttachmentResource,
    CommentResource,
    GroupResource,
    GroupsResource,
    GroupUserResource,
    HealthResource,
    IssueResource,
    IssuesResource,
    LabelResource,
    LabelsResource,
    LeavingResource,
    LoginResource,
    MailGateResource,
    MilestoneResource,
    MilestonesResource,
    OutboxResource,
    OwedMailResource,
    ProfileResource,
    ProjectGrantResource,
    ProjectGrantsResource,
    ProjectResource,
    ReceivedMailResource,
    ReceivedMailsResource,
    Root,
    SiteGrantResource,
    SiteGrantsResource,
    TeamGroupResource,
    TeamResource,
    TeamsResource,
    TeamUserResource,
    UserResource,
    UsersResource,
)
from ponytracker.security.permissions import Permission
from ponytracker.settings import DEVELOPMENT_SECRET, Settings
from tests.functional.attachments.conftest import picture

AN_ID = 900_000_000
"""The id of the user, the group and the team in `ADDRESSES`; no sequence comes as far.

The grant on a project has it too, and the one on all projects the next one.
"""

LEAVING = Addresses(Settings(database_url="", secret=DEVELOPMENT_SECRET)).token_for_leaving(
    Project(id=AN_ID), User(id=AN_ID, mail_key_version=1)
)
"""What proves that this user was mailed about this project."""

ADDRESSES = {
    Root: "/",
    AdminResource: "/admin/",
    UsersResource: "/admin/users/",
    UserResource: f"/admin/users/{AN_ID}/",
    GroupsResource: "/admin/groups/",
    GroupResource: f"/admin/groups/{AN_ID}/",
    GroupUserResource: f"/admin/groups/{AN_ID}/remove-user/{AN_ID}/",
    TeamsResource: "/admin/teams/",
    TeamResource: f"/admin/teams/{AN_ID}/",
    TeamUserResource: f"/admin/teams/{AN_ID}/remove-user/{AN_ID}/",
    TeamGroupResource: f"/admin/teams/{AN_ID}/remove-group/{AN_ID}/",
    OutboxResource: "/admin/outbox/",
    OwedMailResource: f"/admin/outbox/{AN_ID}/",
    SiteGrantsResource: "/admin/permissions/",
    SiteGrantResource: f"/admin/permissions/{AN_ID + 1}/",
    HealthResource: "/health/",
    LoginResource: "/login/",
    MailGateResource: "/api/email/recv/",
    ReceivedMailsResource: "/admin/received/",
    ReceivedMailResource: f"/admin/received/{AN_ID}/",
    LeavingResource: f"/unsubscribe/project-{AN_ID}.{AN_ID}.{LEAVING}/",
    ProfileResource: "/profile/",
    ProjectResource: "/web/",
    ProjectGrantsResource: "/web/permissions/",
    ProjectGrantResource: f"/web/permissions/{AN_ID}/",
    IssuesResource: "/web/issues/",
    IssueResource: "/web/issues/1/",
    CommentResource: f"/web/issues/1/comments/{AN_ID}/",
    AttachmentResource: f"/web/issues/1/attachments/{AN_ID}/",
    AttachmentFileResource: f"/web/issues/1/attachments/{AN_ID}/a.png/",
    LabelsResource: "/web/labels/",
    LabelResource: f"/web/labels/{AN_ID}/",
    MilestonesResource: "/web/milestones/",
    MilestoneResource: "/web/milestones/1.0/",
}
"""Where each kind of node is found; a new kind gets its line here."""

BEHIND = {
    "toggle": "manage_issue/",
    **dict.fromkeys(("add-label", "remove-label"), "{id}/"),
    **dict.fromkeys(("add-milestone", "remove-milestone"), "1.0/"),
}
"""What stands behind the name of a view that asks for it."""

OPEN_TO_ALL = {
    (HealthResource, ""),
    (HealthResource, "ready"),
    (HealthResource, "seen"),
    (LoginResource, ""),
    (LoginResource, "reset"),
    (LoginResource, "sign-up"),
    (MailGateResource, ""),
    (Root, "logout"),
}
"""The only views that ask for no permission at all."""

FOR_SCRIPTS = {
    (MailGateResource, ""),
    (Root, "markdown"),
    *((place, "upload") for place in (IssuesResource, IssueResource, CommentResource)),
}
"""What is only posted to, by a script: its address shows no page."""

WITHOUT_CSRF = {(LeavingResource, ""), (MailGateResource, "")}
"""What is posted to without a CSRF token: each asks for a secret of its own instead."""

FOR_EXCEPTIONS = {IExceptionResponse, WSGIHTTPException}
"""Pyramid's own views of exceptions, which it does not mark as such."""

SAFE = {"GET", "HEAD", "OPTIONS"}


class View(NamedTuple):
    context: type
    name: str
    methods: frozenset[str]
    permission: object

    @property
    def key(self):
        return self.context, self.name

    @property
    def address(self):
        name = f"{self.name}/" if self.name else ""
        return ADDRESSES[self.context] + name + BEHIND.get(self.name, "").format(id=AN_ID)

    @property
    def is_unsafe(self):
        return not self.methods or bool(self.methods - SAFE)


def all_views(app):
    """Return the views that traversal can lead to; exception views and the static one aside."""
    found = []
    for item in app.registry.introspector.get_category("views"):
        view = item["introspectable"]
        if view["exception_only"] or view["route_name"]:
            continue
        if view["context"] in FOR_EXCEPTIONS:
            continue
        methods = view["request_methods"] or ()
        methods = {methods} if isinstance(methods, str) else set(methods)
        permissions = [
            related.get("value")
            for related in item["related"]
            if related.category_name == "permissions"
        ]
        found.append(
            View(
                view["context"],
                view["name"],
                frozenset(methods),
                permissions[0] if permissions else None,
            )
        )
    return found


@pytest.fixture(scope="module")
def views(all_on):
    views = all_views(make_app(all_on, Database(make_engine("sqlite://"))))
    assert len(views) > 15
    return views


@pytest.fixture
def admin(world, store, visitor_as):
    """Someone who may everything, on a site where every address of `ADDRESSES` exists."""
    admin = world.user("admin", is_superuser=True)
    project = world.project("web", admin)
    comment = Event(id=AN_ID, kind=EventKind.COMMENTED, text="", html=Markup(""), created_at=now())
    comment.issue, comment.project_id = world.issue(project, admin), project.id
    world.session.add(comment)
    octets = store.stage(picture())
    store.keep(octets)
    image = Attachment(id=AN_ID, project_id=project.id, issue_id=comment.issue.id, event_id=AN_ID)
    image.name, image.digest, image.size = "a.png", octets.digest, octets.size
    image.content_type, image.width, image.height = "image/png", 40, 30
    world.session.add(image)
    user = User(id=AN_ID, username="someone")
    group = Group(id=AN_ID, name="some", users=[user])
    world.session.add(Team(id=AN_ID, name="others", users=[user], groups=[group]))
    world.session.add_all(
        [
            Grant(id=AN_ID, project=project, user=user),
            Grant(id=AN_ID + 1, user=user),
            ReceivedMail(id=AN_ID, message_id="<1@x.example>", outcome="empty", raw=b"\n\n"),
            OwedMail(id=AN_ID, event=comment, user=user, reason=MailReason.AUTHOR),
            Label(id=AN_ID, project=project, name="a label"),
            Project(id=AN_ID, name="left", display_name="Left"),
            Milestone(id=AN_ID, project=project, name="1.0", slug="1.0"),
        ]
    )
    world.session.commit()
    return visitor_as(admin)


@pytest.fixture
def rows(database):
    """Return a function that reads the whole database."""

    def read():
        with database.session(write=False) as session:
            return {
                table.name: set(map(repr, session.execute(select(table)).all()))
                for table in Base.metadata.sorted_tables
            }

    return read


def posting(views):
    return sorted({view.key: view for view in views if view.is_unsafe}.values(), key=repr)


def demanding(views):
    return [view for view in posting(views) if view.key not in WITHOUT_CSRF]


def reading(views):
    return sorted({view.key: view for view in views if "GET" in view.methods}.values(), key=repr)


def test_every_view_is_for_one_kind_of_node(views):
    assert {view.context for view in views} <= set(ADDRESSES)


def test_every_view_names_its_methods(views):
    assert [view.key for view in views if not view.methods] == []


def test_every_unsafe_view_names_a_permission(views):
    unnamed = {view.key for view in views if view.is_unsafe and not view.permission}
    assert unnamed == set()


def test_only_signing_in_and_out_asks_for_no_permission(views):
    free = {view.key for view in views if view.permission == NO_PERMISSION_REQUIRED}
    assert free == OPEN_TO_ALL


def test_every_permission_is_a_known_one(views):
    asked = {view.permission for view in views} - {None, NO_PERMISSION_REQUIRED}
    assert all(type(permission) is Permission for permission in asked)


def test_no_project_can_hide_a_page(views, app):
    names = {view.name for view in views if view.context is Root and view.name}
    routes = app.registry.introspector.get_category("routes")
    names |= {item["introspectable"]["pattern"].strip("_/").split("/")[0] for item in routes}
    assert "static" in names
    assert names <= RESERVED_NAMES


def test_every_post_demands_a_csrf_token(views, admin, rows):
    before = rows()
    for view in demanding(views):
        for fields in ({}, {"csrf_token": "wrong"}, {"csrf_token": ""}):
            answer = admin.post(view.address, fields, expect_errors=True)
            assert (view.key, answer.status_int) == (view.key, 400)
    assert rows() == before


def test_every_post_demands_the_csrf_token_of_this_session(views, admin, visitor, rows):
    foreign = visitor.get("/login").forms["login-form"]["csrf_token"].value
    before = rows()
    for view in demanding(views):
        answer = admin.post(view.address, {"csrf_token": foreign}, expect_errors=True)
        assert (view.key, answer.status_int) == (view.key, 400)
    assert rows() == before


def test_what_demands_none_is_declared(one_app):
    views = [item["introspectable"] for item in one_app.registry.introspector.get_category("views")]
    declared = {
        (view["context"], view["name"])
        for view in views
        if view.get("require_csrf") is False and not view["exception_only"]
    }
    assert declared == WITHOUT_CSRF


def test_no_get_changes_anything(views, admin, rows):
    before = rows()
    for view in reading(views):
        answer = admin.get(view.address)
        assert (view.key, answer.status_int < 400) == (view.key, True)
        if view.key == (IssueResource, ""):  # which marks it as read
            before["read_marks"] = rows()["read_marks"]
    assert rows() == before


def test_the_address_of_every_post_shows_a_form_for_it(views, admin):
    for view in demanding(views):
        if view.key in FOR_SCRIPTS:
            continue
        page = admin.get(view.address)
        forms = [
            form
            for form in page.forms.values()
            if form.method.upper() == "POST"
            and (form.action or view.address).rstrip("/") == view.address.rstrip("/")
        ]
        assert forms, view
        assert all(form["csrf_token"].value for form in forms)


def test_nothing_may_stand_behind_a_view(views, admin):
    for view in reading(views):
        for junk in ("x", "x/y/", "add/x", "%E2%80%A6"):
            answer = admin.get(f"{view.address.rstrip('/')}/{junk}", expect_errors=True)
            assert (view.address, junk, answer.status_int) == (view.address, junk, 404)


def test_nothing_may_stand_behind_a_view_that_is_posted_to(views, admin, rows):
    before = rows()
    for view in posting(views):
        answer = admin.post_form(f"{view.address.rstrip('/')}/x", expect_errors=True)
        assert (view.address, answer.status_int) == (view.address, 404)
    assert rows() == before


def test_other_methods_are_answered_with_those_there_are(views, admin):
    methods = {}
    for view in views:
        methods.setdefault(view.address, set()).update(view.methods)
    others = ("PUT", "DELETE", "OPTIONS", "TRACE")
    for (address, allowed), method in product(methods.items(), others):
        answer = admin.request(address, method=method, expect_errors=True)
        assert (address, answer.status_int) == (address, 405)
        expected = allowed | ({"HEAD"} if "GET" in allowed else set())
        assert (address, answer.headers["Allow"]) == (address, ", ".join(sorted(expected)))


def test_reading_takes_head_too(views, admin):
    for view in reading(views):
        page = admin.get(view.address)
        head = admin.head(view.address)
        assert (head.status, head.body) == (page.status, b"")
