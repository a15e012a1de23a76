"""The real application over a database that is rolled back, and people to visit it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session
from webtest import TestApp

from ponytracker import make_app
from ponytracker.accounts.service import create_user
from ponytracker.db import Database
from ponytracker.issues.service import open_issue
from ponytracker.models import Grant, GrantPermission, Group, Issue, Project, Team, User
from ponytracker.projects.service import create_project
from ponytracker.security.passwords import Passwords
from ponytracker.settings import Settings

_CSRF_TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')

PASSWORD = "correct horse battery staple"


class Visitor(TestApp):
    """A browser without JavaScript: it keeps cookies and posts the forms of the pages it sees."""

    def __init__(self, app: Any, **kw: Any) -> None:
        # Reading pages is much of what the tests cost: lxml takes a fraction of the time.
        super().__init__(app, parser_features="lxml", **kw)

    def csrf_token(self) -> str:
        """Return what a form of this browser has as its CSRF token now."""
        found = _CSRF_TOKEN.search(self.get("/login").text)
        assert found, "the page of signing in has no form"
        return found[1]

    def sign_in(self, username: str, password: str = PASSWORD, **kw: Any) -> Any:
        return self.post_form("/login", {"username": username, "password": password}, **kw)

    def post_form(self, path: str, fields: dict[str, Any] | None = None, **kw: Any) -> Any:
        """POST *fields* with a valid CSRF token, to an address that has no form here."""
        return self.post(path, {"csrf_token": self.csrf_token(), **(fields or {})}, **kw)


class World:
    """Makes what a test is about: people, projects, grants, issues."""

    def __init__(self, session: Session, passwords: Passwords) -> None:
        self.session = session
        self.passwords = passwords

    def user(self, username: str, **kw: Any) -> User:
        user = create_user(
            self.session, username=username, password_hash=self.passwords.hash(PASSWORD), **kw
        )
        self.session.commit()
        return user

    def project(self, name: str, creator: User | None = None, **kw: Any) -> Project:
        kw.setdefault("display_name", name.capitalize())
        project = create_project(self.session, creator, name=name, **kw)
        self.session.commit()
        return project

    def group(self, name: str, *users: User) -> Group:
        group = Group(name=name, users=list(users))
        self.session.add(group)
        self.session.commit()
        return group

    def team(self, name: str, *members: User | Group) -> Team:
        users = [member for member in members if isinstance(member, User)]
        groups = [member for member in members if isinstance(member, Group)]
        team = Team(name=name, users=users, groups=groups)
        self.session.add(team)
        self.session.commit()
        return team

    def grant(self, *permissions: str, project: Project | None = None, **grantee: int) -> Grant:
        rows = [GrantPermission(permission=permission) for permission in permissions]
        grant = Grant(project_id=project and project.id, permissions=rows, **grantee)
        self.session.add(grant)
        self.session.commit()
        return grant

    def issue(self, project: Project, author: User | None = None, **kw: Any) -> Issue:
        kw.setdefault("title", "It does not work")
        issue = open_issue(self.session, project, author, **kw)
        self.session.commit()
        return issue


@pytest.fixture(scope="session")
def passwords(settings: Settings) -> Passwords:
    return Passwords(settings.argon2_memory_kib, settings.argon2_rounds)


@pytest.fixture
def world(session: Session, passwords: Passwords) -> World:
    return World(session, passwords)


@pytest.fixture
def app(settings: Settings, database: Database) -> Any:
    return make_app(settings, database)


@pytest.fixture
def visitor(app: Any) -> Visitor:
    """Someone who is not signed in."""
    return Visitor(app)


@pytest.fixture
def visitor_as(app: Any) -> Callable[[User | str], Visitor]:
    """Return a function that gives a browser in which *user* is signed in."""

    def sign_in(user: User | str) -> Visitor:
        visitor = Visitor(app)
        visitor.sign_in(user if isinstance(user, str) else user.username).follow()
        return visitor

    return sign_in
