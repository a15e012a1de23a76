"""A database as the first release had it, revision 0001, with something in every table.

The values are what people had and what an import from Django left: other cases and letters, empty
and missing, times with and without fractions, ids of what is gone. None of the models is used,
since those are of today.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from typing import Any

import sqlalchemy as sa

from ponytracker.db import make_engine
from tests.databases import migrate
from tests.integration.client import PASSWORD

START = dt.datetime(2016, 2, 29, 23, 59, 59, 999_999, tzinfo=dt.UTC)
SALT = "Django's"
ROOT_HASH = "pbkdf2_sha256$1000${}${}".format(
    SALT,
    base64.b64encode(
        hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT.encode(), 1000)
    ).decode(),
)


def at(minutes: int) -> dt.datetime:
    return START + dt.timedelta(minutes=minutes)


def user(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "username": name,
        "username_key": name.casefold(),
        "first_name": "",
        "last_name": "",
        "email": None,
        "notifications": "others",
        "time_zone": "UTC",
        "password_hash": None,
        "is_active": True,
        "is_superuser": False,
        "created_at": START,
        "last_sign_in_at": None,
        **more,
    }


def project(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "name_key": name.casefold(),
        "display_name": name,
        "display_name_key": name.casefold(),
        "description": "",
        "access": "public",
        "archived": False,
        "created_at": START,
        "last_issue_number": 0,
        "open_count": 0,
        "closed_count": 0,
        **more,
    }


def label(number: int, name: str, color: str, **more: bool) -> dict[str, Any]:
    return {"id": number, "project_id": 1, "name": name, "color": color, **more}


def issue(number: int, title: str, last_event: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "project_id": 1,
        "number": number,
        "title": title,
        "author_id": 2,
        "state": "open",
        "state_reason": None,
        "created_at": START,
        "updated_at": at(last_event),
        "closed_at": None,
        "due_at": None,
        "milestone_id": None,
        "assignee_id": None,
        "last_event_id": last_event,
        "comment_count": 0,
        "imported_from": None,
        **more,
    }


def event(
    number: int, kind: str, args: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    text = more.get("text")
    return {
        "id": number,
        "issue_id": 1,
        "project_id": 1,
        "actor_id": 2,
        "created_at": at(number),
        "kind": kind,
        "args": args or {},
        "text": None,
        "html": None if text is None else "<p>as of old</p>",
        "html_version": None if text is None else 1,
        "edited_at": None,
        "editor_id": None,
        "deleted_at": None,
        "submission": None,
        **more,
    }


EVENTS = [
    event(1, "opened", {"title": "Überschrift 🐴"}, text="It is **broken**.\n\n* [ ] see #2\n"),
    event(2, "commented", text="once", submission="0b2f4f0e-58d1-4a2f-9f6a-3a0f5a1c2d3e"),
    event(3, "commented", text="", deleted_at=at(9), actor_id=None),
    event(4, "labeled", {"label_id": 1, "name": "bug", "color": "#ff0000"}),
    event(5, "unlabeled", {"label_id": 999, "name": "gone", "color": "#000000"}),
    event(6, "milestoned", {"milestone_id": 1, "name": "v1/α β"}),
    event(7, "assigned", {"user_id": 3, "username": "Zoë O'Brien"}),
    event(8, "due_set", {"due_at": "2017-01-01T00:00:00+00:00"}),
    event(9, "renamed", {"old_title": "Title", "new_title": "Überschrift 🐴"}, actor_id=None),
    event(10, "unassigned", {"user_id": 998, "username": "gone"}),
    event(11, "opened", {"title": "x" * 255}, issue_id=2, text="", actor_id=None),
    event(12, "closed", {"reason": "completed"}, issue_id=2),
    event(13, "mentioned", {"user_id": 2, "username": "bob"}, issue_id=2),
    event(14, "commented", text="edited <script>", edited_at=at(15), editor_id=1, issue_id=2),
]

ROWS: dict[str, list[dict[str, Any]]] = {
    "groups": [{"id": 1, "name": "Staff / Ärzte"}, {"id": 7, "name": " "}],
    "teams": [{"id": 1, "name": "core"}],
    "users": [
        user(1, "root", password_hash=ROOT_HASH, is_superuser=True, last_sign_in_at=at(1)),
        user(2, "bob", email="Bob@Example.org", time_zone="Europe/Paris", notifications="always"),
        user(3, "Zoë O'Brien", first_name="Zoë", last_name="O'Brien", email=""),
        user(40, "gone[bot]", is_active=False, notifications="never", password_hash="!unusable"),
    ],
    "projects": [
        project(1, "web", last_issue_number=2, open_count=1, closed_count=1, description="*Web*"),
        project(2, "Hidden_1", access="private", archived=True),
        project(3, "staff", access="registered", display_name="Staff & Ärzte"),
    ],
    "labels": [
        label(1, "bug", "#FF0000", inverted=True, deleted=False),
        label(2, "bug", "#000000", inverted=False, deleted=True),
    ],
    "milestones": [
        {
            "id": 1, "project_id": 1, "name": "v1/α β", "slug": "v1-a-b", "description": "first",
            "due_at": at(1_000), "closed_at": None, "deleted": False,
        },
        {
            "id": 2, "project_id": 1, "name": "old", "slug": "old", "description": "",
            "due_at": None, "closed_at": at(5), "deleted": True,
        },
    ],
    "issues": [
        issue(1, "Überschrift 🐴", 10, milestone_id=1, due_at=at(440_000), comment_count=1),
        issue(
            2, "x" * 255, 14, author_id=None, state="closed", state_reason="completed",
            closed_at=at(12), comment_count=1, imported_from="https://example.org/issues/2",
        ),
    ],
    "events": EVENTS,
    "text_revisions": [
        {"id": 1, "event_id": 14, "author_id": None, "text": "before", "replaced_at": at(15)}
    ],
    "issue_labels": [{"issue_id": 1, "label_id": 1}],
    "issue_subscriptions": [{"issue_id": 1, "user_id": 3, "reason": "manual"}],
    "project_subscriptions": [{"project_id": 1, "user_id": 2}],
    "read_marks": [{"user_id": 2, "issue_id": 1, "last_event_id": 4}],
    "project_read_marks": [{"user_id": 3, "project_id": 1, "last_event_id": 9}],
    "group_users": [{"group_id": 1, "user_id": 2}],
    "team_users": [{"team_id": 1, "user_id": 3}],
    "team_groups": [{"team_id": 1, "group_id": 1}],
    "grants": [
        {"id": 2, "project_id": 2, "user_id": None, "group_id": None, "team_id": 1},
        {"id": 3, "project_id": None, "user_id": 2, "group_id": None, "team_id": None},
    ],
    "grant_permissions": [
        {"grant_id": 2, "permission": "manage_issue"},
        {"grant_id": 3, "permission": "access_project"},
    ],
    "sign_in_sessions": [
        {
            "id": 1, "user_id": 1, "token_hash": "0" * 64, "created_at": at(1),
            "expires_at": at(2), "address": "2001:db8::1", "user_agent": "",
        }
    ],
    "owed_mails": [
        {
            "id": 1, "event_id": 2, "user_id": 3, "reason": "subscribed", "state": "sent",
            "created_at": at(2), "attempts": 1, "next_try_at": at(2), "last_error": None,
            "sent_at": at(3),
        },
        {
            "id": 2, "event_id": 14, "user_id": 2, "reason": "mentioned", "state": "dropped",
            "created_at": at(14), "attempts": 9, "next_try_at": at(15),
            "last_error": "550 no such mailbox", "sent_at": None,
        },
    ],
    "received_mails": [
        {
            "id": 1, "message_id": "<1@example.org>", "recipient": "reply+1@example.org",
            "sender": "", "received_at": at(2), "outcome": "bounce", "detail": "",
            "user_id": None, "event_id": None, "raw": b"From: a\r\n\r\n\xff",
        }
    ],
    "audit_log": [
        {
            "id": 1, "created_at": at(1), "actor_id": 1, "actor_name": "root",
            "address": "2001:db8::1", "action": "user.created", "target": "user:2 bob",
            "before": None, "after": {"username": "bob"}, "previous_hash": "", "hash": "1" * 64,
        }
    ],
}  # fmt: skip

NOT_KEPT = {
    # What an event is about became columns of their own; texts are rendered again.
    "events": {"args", "html", "html_version"},
    # A hash of Django's is replaced at the first sign-in.
    "users": {"password_hash", "last_sign_in_at"},
}


def make(url: str) -> None:
    """Make the tables of the first release in the empty database at *url*, and fill them."""
    engine = make_engine(url).execution_options(sqlite_begin="IMMEDIATE")
    with engine.begin() as connection:
        migrate(connection, "0001")
        tables = sa.MetaData()
        tables.reflect(connection)
        empty = set(tables.tables) - set(ROWS) - {"site_settings", "alembic_version"}
        assert empty == set()
        for name, rows in ROWS.items():
            connection.execute(tables.tables[name].insert(), [_fit(row, engine) for row in rows])
        # What has a number must not get it a second time.
        for table in tables.sorted_tables if engine.dialect.name == "postgresql" else ():
            if "id" in table.c and table.name != "site_settings":
                sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
                top = f"(SELECT max(id) FROM {table.name})"
                connection.exec_driver_sql(f"SELECT setval({sequence}, {top})")
    engine.dispose()


def find_lost(url: str) -> list[str]:
    """Return which rows of `make` are not in the database at *url* as they were."""
    engine = make_engine(url)
    tables = sa.MetaData()
    tables.reflect(engine, only=list(ROWS))
    lost = []
    with engine.connect() as connection:
        for name, rows in ROWS.items():
            table = tables.tables[name]
            for row in rows:
                kept = {key: row[key] for key in row if key not in NOT_KEPT.get(name, ())}
                keys = [column.name for column in table.primary_key]
                where = [table.c[key] == row[key] for key in keys]
                found = connection.execute(table.select().where(*where)).mappings().one_or_none()
                same = found and {key: found[key] for key in kept} == _fit(kept, engine)
                if not same:
                    lost.append(f"{name}: {kept} is {found}")
    engine.dispose()
    return lost


def _fit(row: dict[str, Any], engine: sa.Engine) -> dict[str, Any]:
    """Return *row* with times as the kind of database gives them: SQLite has no zones."""
    if engine.dialect.name == "postgresql":
        return row
    return {
        key: value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value
        for key, value in row.items()
    }
