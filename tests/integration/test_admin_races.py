"""Administrators at the same moment: whoever comes second sees what the first has done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, func, select

from ponytracker.accounts import groups, service
from ponytracker.accounts.service import LastSuperuser, create_user
from ponytracker.db import Database, make_engine
from ponytracker.errors import Conflict
from ponytracker.models import AuditEntry, Group, User
from ponytracker.security import audit
from ponytracker.security.principals import SHELL

WRITERS = 8
EACH = 10


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    engine = make_engine(migrated_url)
    yield Database(engine)
    engine.dispose()


def at_once(database: Database, *verbs: Callable[..., object]) -> list[Exception | None]:
    """Run each verb in a transaction of its own, all begun before any ends; return what failed."""
    ready = threading.Barrier(len(verbs))
    failed: list[Exception | None] = [None] * len(verbs)

    def run(number: int, verb: Callable[..., object]) -> None:
        # On SQLite only one transaction that writes is open at a time: those wait at its start.
        is_sqlite = isinstance(database.bind, Engine) and database.bind.dialect.name == "sqlite"
        try:
            if is_sqlite:
                ready.wait(30)
            with database.session(write=True) as session, session.begin():
                seen = session.scalars(select(User)).all()
                if not is_sqlite:
                    ready.wait(30)
                verb(session)
                del seen  # until then the session kept them as they were
        except Exception as error:  # noqa: BLE001 - told to the test
            failed[number] = error

    threads = [
        threading.Thread(target=run, args=(number, verb)) for number, verb in enumerate(verbs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return failed


def superusers(database: Database) -> list[str]:
    """Return who is an active superuser."""
    with database.session(write=False) as session:
        found = select(User.username).where(User.is_superuser, User.is_active)
        return list(session.scalars(found.order_by(User.username)))


WAYS = {
    "disable": lambda session, id_: service.disable_user(session, SHELL, id_),
    "delete": lambda session, id_: service.delete_user(session, SHELL, id_),
    "demote": lambda session, id_: service.edit_user(session, SHELL, id_, is_superuser=False),
}


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
def test_two_superusers_cannot_take_leave_of_each_other(database, first, second):
    with database.session(write=True) as session, session.begin():
        one, two = (
            create_user(session, username=name, is_superuser=True).id for name in ("one", "two")
        )
    failed = at_once(
        database,
        lambda session: WAYS[first](session, one),
        lambda session: WAYS[second](session, two),
    )
    assert len(superusers(database)) == 1
    assert [type(error) for error in failed if error] == [LastSuperuser]


def test_three_superusers_leave_one(database):
    with database.session(write=True) as session, session.begin():
        ids = [create_user(session, username=f"user{n}", is_superuser=True).id for n in range(3)]
    at_once(
        database,
        *(lambda session, id_=id_: service.disable_user(session, SHELL, id_) for id_ in ids),
    )
    assert len(superusers(database)) == 1


def test_two_people_delete_an_account(database):
    with database.session(write=True) as session, session.begin():
        gone = create_user(session, username="gone").id
    failed = at_once(
        database, *(lambda session: service.delete_user(session, SHELL, gone) for _ in range(2))
    )
    assert sorted(map(str, failed)) == ["None", "This account was deleted meanwhile."]
    assert [type(error) for error in failed if error] == [Conflict]


def test_two_people_disable_an_account(database):
    with database.session(write=True) as session, session.begin():
        someone = create_user(session, username="someone").id
    verbs = (lambda session: service.disable_user(session, SHELL, someone) for _ in range(2))
    assert at_once(database, *verbs) == [None, None]
    with database.session(write=False) as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["user.disable"]


def test_two_people_edit_a_group_that_a_third_deletes(database):
    with database.session(write=True) as session, session.begin():
        group_id = groups.add_group(session, SHELL, "group").id
    failed = at_once(
        database,
        lambda session: groups.edit_group(
            session, SHELL, session.get_one(Group, group_id), name="one"
        ),
        lambda session: groups.delete_group(session, SHELL, session.get_one(Group, group_id)),
    )
    # Renamed and then deleted, or deleted so that it could not be renamed any more.
    assert failed[1] is None
    with database.session(write=False) as session:
        assert session.get(Group, group_id) is None


def test_many_writers_make_one_chain(database):
    def write(session):
        for number in range(EACH):
            audit.record(session, SHELL, "user.edit", str(number))

    # Several transactions each, so that they take turns.
    for _ in range(3):
        assert at_once(database, *(write for _ in range(WRITERS))) == [None] * WRITERS
    with database.session(write=False) as session:
        count, last_hash = audit.verify(session)
        assert count == 3 * WRITERS * EACH
        newest = select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
        assert session.scalar(newest) == last_hash
        assert session.scalar(select(func.count(AuditEntry.previous_hash.distinct()))) == count
