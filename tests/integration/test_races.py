"""Two who do the same at once: made to meet, by holding what both of them need.

While the test holds a lock, the requests go out and come to wait for it; let go, they collide. On
PostgreSQL the test sees them wait. On SQLite a writer waits from its first statement on, which
nobody can see: there, they may also come one after the other.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select, text

from ponytracker.models import AuditEntry, Event, Grant, Issue, Project, ProjectReadMark
from ponytracker.models.project import ProjectSubscription
from ponytracker.projects.service import find_project
from tests.integration.client import Client, Reply
from tests.integration.conftest import Site

TIMES = 5
THREADS = 8
"""How many requests production.ini answers at once."""

Request = tuple[Client, str, dict[str, Any]]


@pytest.fixture
def project(running_site: Site) -> str:
    """The name of a new project."""
    name = f"race-{uuid.uuid4().hex[:12]}"
    running_site.client("admin").add_project(name)
    return name


@pytest.fixture
def collide(running_site: Site) -> Callable[..., list[Reply]]:
    """Return a function that posts all of some requests, so that they meet, and what came back."""

    def collide(requests: list[Request], lock: str, **values: Any) -> list[Reply]:
        with _holding(running_site, lock, values) as wait_for_waiters:
            for client, path, fields in requests:
                client.send("POST", path, fields)
            wait_for_waiters(min(len(requests), THREADS))
        return [client.receive() for client, _path, _fields in requests]

    return collide


LOCK_PROJECT = "SELECT id FROM projects WHERE name = :name FOR NO KEY UPDATE"


@contextmanager
def _holding(site: Site, lock: str, values: dict[str, Any]) -> Iterator[Callable[[int], None]]:
    engine = site.engine.execution_options(sqlite_begin="IMMEDIATE")
    with engine.connect() as holder, holder.begin() as transaction:
        if engine.dialect.name == "sqlite":
            yield lambda count: None
        else:
            holder.execute(text(lock), values)
            yield lambda count: _wait_for_waiters(site, count)
        transaction.rollback()


def _wait_for_waiters(site: Site, count: int) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 60
    with site.engine.connect() as observer:
        while observer.scalar(waiting) < count:
            observer.rollback()
            assert time.monotonic() < deadline, "the requests do not wait for what is held"
            time.sleep(0.02)


def open_issue(client: Client, project: str) -> str:
    """Open an issue and return its path."""
    fields = client.get(f"/{project}/issues/add/").fields("issue-form")
    reply = client.post(f"/{project}/issues/add/", {**fields, "title": "It does not work"})
    assert reply.status == 303, reply.text
    return f"/{project}/issues/1/"


def kinds(site: Site, project: str) -> list[str]:
    """Return what has happened in *project*, in order."""
    events = select(Event.kind).join(Project).where(Project.name == project).order_by(Event.id)
    with site.database.session(write=False) as session:
        return [str(kind) for kind in session.scalars(events)]


def counts(site: Site, project: str) -> tuple[int, int]:
    with site.database.session(write=False) as session:
        found = find_project(session, project)
        assert found
        return found.open_count, found.closed_count


def test_two_people_close_an_issue(running_site, project, collide):
    people = [running_site.client("admin"), running_site.client("other")]
    path = open_issue(people[0], project)
    forms = [person.get(path).fields("state-form") for person in people]
    posts = [(person, f"{path}close/", form) for person, form in zip(people, forms, strict=True)]

    replies = collide(posts, LOCK_PROJECT, name=project)

    assert sorted(reply.status for reply in replies) == [303, 409]
    refused = max(replies, key=lambda reply: reply.status)
    assert "This issue is closed already." in refused.text
    assert kinds(running_site, project) == ["opened", "closed"]
    assert counts(running_site, project) == (0, 1)


LOCK_ISSUE = (
    "SELECT issues.id FROM issues JOIN projects ON projects.id = issues.project_id"
    " WHERE projects.name = :name FOR NO KEY UPDATE OF issues"
)


@pytest.mark.parametrize("what", ["description", "comment"])
def test_two_people_save_an_edit_of_one_text(running_site, project, collide, what):
    """Neither overwrites what the other has saved in the same moment."""
    people = [running_site.client("admin"), running_site.client("other")]
    path = open_issue(people[0], project)
    form = "issue-form"
    if what == "comment":
        fields = people[0].get(path).fields("comment-form")
        reply = people[0].post(f"{path}comment/", {**fields, "comment": "What?"})
        path = f"{path}comments/{reply.headers['Location'].rpartition('-')[2]}/"
        form = "comment-form"
    forms = [person.get(f"{path}edit/").fields(form) for person in people]
    posts = [
        (person, f"{path}edit/", {**fields, what: f"As {number} says"})
        for number, (person, fields) in enumerate(zip(people, forms, strict=True))
    ]

    replies = collide(posts, LOCK_ISSUE, name=project)

    assert sorted(reply.status for reply in replies) == [303, 422]
    asked = max(replies, key=lambda reply: reply.status)
    assert "Someone else has changed this" in asked.text
    assert f"As {replies.index(asked)} says</textarea>" in asked.text


def test_two_people_comment_and_close_an_issue(running_site, project, collide):
    """Both comments are taken, and the second does not open again what the first has closed."""
    people = [running_site.client("admin"), running_site.client("other")]
    path = open_issue(people[0], project)
    posts = []
    for person in people:
        page = person.get(path)
        form = page.fields("comment-form") | page.button("comment-form", "change-state")
        posts.append((person, f"{path}comment/", form | {"comment": "Done."}))

    replies = collide(posts, LOCK_PROJECT, name=project)

    assert [reply.status for reply in replies] == [303, 303]
    assert kinds(running_site, project) == ["opened", "commented", "closed", "commented"]
    assert counts(running_site, project) == (0, 1)


def test_an_issue_form_that_is_sent_many_times_opens_one_issue(running_site, project, collide):
    client = running_site.client("admin")
    path = f"/{project}/issues/add/"
    form = client.get(path).fields("issue-form") | {"title": "It does not work"}
    posts = [(client.another(), path, form) for _ in range(TIMES)]

    replies = collide(posts, LOCK_PROJECT, name=project)

    assert [reply.status for reply in replies] == [303] * TIMES, [r.text for r in replies]
    led_to = {reply.headers["Location"] for reply in replies}
    assert led_to == {f"{running_site.url}/{project}/issues/1/"}
    assert kinds(running_site, project) == ["opened"]
    assert counts(running_site, project) == (1, 0)


def test_a_comment_that_is_sent_many_times_is_taken_once(running_site, project, collide):
    client = running_site.client("admin")
    path = open_issue(client, project)
    form = client.get(path).fields("comment-form") | {"comment": "Me too."}
    posts = [(client.another(), f"{path}comment/", form) for _ in range(TIMES)]
    lock = (
        "SELECT issues.id FROM issues JOIN projects ON projects.id = project_id"
        " WHERE name = :name FOR NO KEY UPDATE"
    )

    replies = collide(posts, lock, name=project)

    assert [reply.status for reply in replies] == [303] * TIMES, [r.text for r in replies]
    assert kinds(running_site, project) == ["opened", "commented"]


def test_a_comment_that_closes_and_is_sent_many_times_closes_once(running_site, project, collide):
    client = running_site.client("admin")
    path = open_issue(client, project)
    page = client.get(path)
    form = page.fields("comment-form") | page.button("comment-form", "change-state")
    form["comment"] = "Done."
    posts = [(client.another(), f"{path}comment/", form) for _ in range(TIMES)]

    replies = collide(posts, LOCK_PROJECT, name=project)

    assert [reply.status for reply in replies] == [303] * TIMES, [r.text for r in replies]
    assert kinds(running_site, project) == ["opened", "commented", "closed"]
    assert counts(running_site, project) == (0, 1)


def test_two_people_register_the_same_project(running_site, collide):
    name = f"race-{uuid.uuid4().hex[:12]}"
    posts = []
    for person, display_name in (("admin", "one"), ("other", "the other")):
        client = running_site.client(person)
        form = client.get("/add/").fields("project-form")
        form |= {"name": name, "display_name": f"{name[5:]} {display_name}", "access": "public"}
        posts.append((client, "/add/", form))
    insert = (
        "INSERT INTO projects (name, name_key, display_name, display_name_key, description, access,"
        " archived, created_at, last_issue_number, open_count, closed_count)"
        " VALUES (:name, :name, :name, :name, '', 'public', false, now(), 0, 0, 0)"
    )

    # An uncommitted row of that name, which will not be: both have asked and found the name free.
    replies = collide(posts, insert, name=name)

    assert sorted(reply.status for reply in replies) == [303, 422], [r.text for r in replies]
    refused = max(replies, key=lambda reply: reply.status)
    assert "There is already a project at this address." in refused.text
    assert "the other" in refused.text or " one" in refused.text  # what was typed is still there
    with running_site.database.session(write=False) as session:
        found = session.scalars(select(Project).where(Project.name_key == name)).all()
        assert len(found) == 1
        watchers = select(ProjectSubscription).where(ProjectSubscription.project_id == found[0].id)
        assert len(session.scalars(watchers).all()) == 1
        assert session.scalar(select(Issue).where(Issue.project_id == found[0].id)) is None


def test_two_people_delete_a_grant(running_site, project, collide):
    path, id_ = add_grant(running_site, project)
    people = [running_site.client("admin"), running_site.client("other")]
    forms = [person.get(f"{path}delete/").fields("confirm-form") for person in people]
    posts = [(person, f"{path}delete/", form) for person, form in zip(people, forms, strict=True)]

    replies = collide(posts, LOCK_GRANT, id=id_)

    first, second = sorted(reply.status for reply in replies)
    assert (first, second) in [(303, 404), (303, 409)]
    assert given(running_site, id_) is None
    assert audited(running_site, project, "grant.delete") == 1


def test_a_right_that_is_given_by_two_at_once_is_given_once(running_site, project, collide):
    path, id_ = add_grant(running_site, project)
    form = running_site.client("admin").get(f"/{project}/permissions/").fields("grants-form")
    posts = [
        (running_site.client(person), f"{path}toggle/manage_issue/", form | {"give": "1"})
        for person in ("admin", "admin", "admin")
    ]

    replies = collide(posts, LOCK_GRANT, id=id_)

    assert [reply.status for reply in replies] == [303] * 3, [r.text for r in replies]
    assert given(running_site, id_) == {"manage_issue"}
    assert audited(running_site, project, "grant.edit") == 1


def test_two_people_give_the_same_grantee_something(running_site, project, collide):
    people = [running_site.client("admin"), running_site.client("other")]
    path = f"/{project}/permissions/add/"
    posts = [
        (person, path, person.get(path).fields("grant-form") | {"grantee_type": "anyone"})
        for person in people
    ]
    insert = "INSERT INTO grants (project_id) SELECT id FROM projects WHERE name = :name"

    replies = collide(posts, insert, name=project)

    assert sorted(reply.status for reply in replies) == [303, 422], [r.text for r in replies]
    refused = max(replies, key=lambda reply: reply.status)
    assert "There are permissions for this one already." in refused.text


def test_two_people_delete_a_project(running_site, project, collide):
    people = [running_site.client("admin"), running_site.client("other")]
    path = f"/{project}/delete/"
    posts = [
        (person, path, person.get(path).fields("delete-form") | {"name": project})
        for person in people
    ]

    replies = collide(posts, LOCK_PROJECT, name=project)

    first, second = sorted(reply.status for reply in replies)
    assert (first, second) in [(303, 404), (303, 409)]
    assert audited(running_site, project, "project.delete") == 1


def test_a_project_is_deleted_while_people_write_in_it(running_site, project, collide):
    client = running_site.client("admin")
    path = open_issue(client, project)
    form = client.get(path).fields("comment-form") | {"comment": "Wait!"}
    posts = [(client.another(), f"{path}comment/", form) for _ in range(2)]
    form = client.get(f"/{project}/issues/add/").fields("issue-form") | {"title": "Wait!"}
    posts.append((client.another(), f"/{project}/issues/add/", form))
    form = client.get(f"/{project}/edit/").fields("project-form")
    form |= {"name": project, "display_name": "Wait!", "access": "public"}
    posts.append((client.another(), f"/{project}/edit/", form))
    form = client.get(f"/{project}/delete/").fields("delete-form") | {"name": project}
    posts.append((client.another(), f"/{project}/delete/", form))
    lock = (
        "SELECT issues.id FROM issues JOIN projects ON projects.id = project_id"
        " WHERE name = :name FOR UPDATE"
    )

    replies = collide(posts, lock, name=project)

    assert {reply.status for reply in replies} <= {303, 404, 409}, [r.text for r in replies]
    with running_site.database.session(write=False) as session:
        found = find_project(session, project)
    if found is not None:  # the edit came first, and somebody else's version was in the way
        assert replies[-1].status != 303


def test_marking_as_read_many_times_at_once_makes_one_mark(running_site, project, collide):
    client = running_site.client("admin")
    open_issue(client, project)
    form = client.get(f"/{project}/markread/").fields("confirm-form")
    posts = [(client.another(), f"/{project}/markread/", form) for _ in range(TIMES)]
    insert = (
        "INSERT INTO project_read_marks (user_id, project_id, last_event_id)"
        " SELECT users.id, projects.id, 0 FROM users, projects"
        " WHERE username = 'admin' AND name = :name"
    )

    replies = collide(posts, insert, name=project)

    assert [reply.status for reply in replies] == [303] * TIMES, [r.text for r in replies]
    with running_site.database.session(write=False) as session:
        found = find_project(session, project)
        marks = select(ProjectReadMark).where(ProjectReadMark.project_id == found.id)
        assert len(session.scalars(marks).all()) == 1


LOCK_GRANT = "SELECT id FROM grants WHERE id = :id FOR NO KEY UPDATE"


def add_grant(site: Site, project: str) -> tuple[str, int]:
    """Give anyone signed in nothing on *project*; return the path and id of that grant."""
    client = site.client("admin")
    fields = client.get(f"/{project}/permissions/add/").fields("grant-form")
    reply = client.post(f"/{project}/permissions/add/", {**fields, "grantee_type": "anyone"})
    assert reply.status == 303, reply.text
    id_ = int(reply.headers["Location"].rpartition("-")[2])
    return f"/{project}/permissions/{id_}/", id_


def given(site: Site, id_: int) -> set[str] | None:
    """Return what the grant with this id gives, if it is there."""
    with site.database.session(write=False) as session:
        grant = session.get(Grant, id_)
        return grant and {row.permission for row in grant.permissions}


def audited(site: Site, project: str, action: str) -> int:
    """Return how many such entries about *project* the audit log has."""
    entries = select(AuditEntry.target).where(AuditEntry.action == action)
    with site.database.session(write=False) as session:
        return sum(target.endswith(project) for target in session.scalars(entries))
