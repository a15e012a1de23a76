from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ponytracker.cli import audit as command
from ponytracker.cli.site import Site
from ponytracker.models import AuditEntry, SignInSession
from ponytracker.security import audit
from ponytracker.security.principals import Identity

ALICE = Identity(user_id=7, username="alice", address="192.0.2.1")


@pytest.fixture
def log(session):
    """Five entries, written one after the other; their ids."""
    for number in range(5):
        facts = {"number": number, "name": "Übersetzer \U0001f434", "list": ["a", None, True]}
        audit.record(session, ALICE, "user.edit", f"user{number}", before={}, after=facts)
        session.commit()
    return session.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).all()


@pytest.fixture
def unguarded(session):
    """Let the log be changed, as whoever owns the database could."""
    if session.bind.dialect.name == "postgresql":
        session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
    else:
        session.execute(text("DROP TRIGGER audit_log_no_update"))
        session.execute(text("DROP TRIGGER audit_log_no_delete"))


def test_who_did_what_from_where(session, log):
    entry = session.get_one(AuditEntry, log[2])
    assert (entry.actor_id, entry.actor_name, entry.address) == (7, "alice", "192.0.2.1")
    assert (entry.action, entry.target, entry.before) == ("user.edit", "user2", {})
    assert entry.after["name"] == "Übersetzer \U0001f434"


def test_only_what_differs_is_kept(session):
    entry = audit.record(
        session, ALICE, "user.edit", "bob", before={"a": 1, "b": 2}, after={"a": 1, "b": 3, "c": 4}
    )
    assert (entry.before, entry.after) == ({"b": 2}, {"b": 3, "c": 4})


def test_an_untouched_log_is_whole(session, log):
    last = session.get_one(AuditEntry, log[-1])
    assert audit.verify(session) == (5, last.hash)


def test_an_empty_log_is_whole(session):
    assert audit.verify(session) == (0, "")


def test_a_log_longer_than_a_batch(session, log, monkeypatch):
    monkeypatch.setattr(audit, "BATCH", 2)
    assert audit.verify(session)[0] == 5


def test_an_entry_goes_with_what_it_tells_of(session):
    audit.record(session, ALICE, "user.edit", "bob")
    session.rollback()
    assert audit.verify(session) == (0, "")


CHANGES = {
    "created_at": "2020-01-01 00:00:00+00:00",
    "actor_id": 8,
    "actor_name": "mallory",
    "address": "",
    "action": "user.add",
    "target": "other",
    "before": '{"x": 1}',
    "after": '{"number": 9}',
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_entry_is_found(session, log, unguarded, column):
    value = f"CAST('{CHANGES[column]}' AS JSON)" if column in ("before", "after") else None
    if session.bind.dialect.name == "sqlite" or value is None:
        value = f"'{CHANGES[column]}'" if isinstance(CHANGES[column], str) else CHANGES[column]
    if session.bind.dialect.name == "sqlite" and column == "created_at":
        value = "'2020-01-01 00:00:00.000000'"
    session.execute(text(f"UPDATE audit_log SET {column} = {value} WHERE id = {log[2]}"))
    session.commit()
    with pytest.raises(audit.Broken, match=f"Entry {log[2]} was changed."):
        audit.verify(session)


def test_a_deleted_entry_is_found(session, log, unguarded):
    session.execute(delete(AuditEntry).where(AuditEntry.id == log[2]))
    session.commit()
    with pytest.raises(audit.Broken, match=f"Entry {log[3]} does not follow the one before it."):
        audit.verify(session)


def test_the_first_entry_cannot_go_unseen(session, log, unguarded):
    session.execute(delete(AuditEntry).where(AuditEntry.id == log[0]))
    session.commit()
    with pytest.raises(audit.Broken, match=f"Entry {log[1]} does not follow"):
        audit.verify(session)


def put_in_between(session, log, previous_hash):
    session.execute(update(AuditEntry).where(AuditEntry.id > log[2]).values(id=AuditEntry.id + 100))
    false = AuditEntry(
        id=log[2] + 1,
        created_at=session.get_one(AuditEntry, log[2]).created_at,
        actor_id=7,
        actor_name="alice",
        address="",
        action="user.add",
        target="mallory",
        previous_hash=previous_hash,
    )
    false.hash = audit.hash_entry(false)
    session.add(false)
    session.flush()


def test_an_entry_put_in_between_is_found(session, log, unguarded):
    put_in_between(session, log, "0" * 64)
    with pytest.raises(audit.Broken, match=f"Entry {log[2] + 1} does not follow"):
        audit.verify(session)


def test_no_two_entries_can_follow_the_same_one(session, log, unguarded):
    with pytest.raises(IntegrityError):
        put_in_between(session, log, session.get_one(AuditEntry, log[2]).hash)


def test_entries_that_change_places_are_found(session, log, unguarded):
    for old, new in ((log[1], -1), (log[2], log[1]), (-1, log[2])):
        session.execute(update(AuditEntry).where(AuditEntry.id == old).values(id=new))
    session.commit()
    with pytest.raises(audit.Broken, match="does not follow"):
        audit.verify(session)


def test_a_cut_off_end_is_found_by_a_noted_hash(session, log, unguarded):
    _, noted = audit.verify(session)
    assert audit.verify(session, noted=noted) == (5, noted)
    audit.record(session, ALICE, "user.edit", "later")
    assert audit.verify(session, noted=noted)[0] == 6
    session.execute(delete(AuditEntry).where(AuditEntry.id >= log[4]))
    session.commit()
    assert audit.verify(session)[0] == 4
    with pytest.raises(audit.Broken, match="The hash you noted is not in the log"):
        audit.verify(session, noted=noted)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET target = 'other'",
        "UPDATE audit_log SET target = target WHERE id = {id}",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE id = {id}",
    ],
)
def test_the_database_refuses_to_change_the_log(session, log, statement):
    with pytest.raises(DBAPIError, match="the audit log can only be appended to"):
        session.execute(text(statement.format(id=log[2])))
    session.rollback()
    assert audit.verify(session)[0] == 5


def test_the_database_refuses_to_empty_the_log(session, log):
    if session.bind.dialect.name == "sqlite":
        return  # which has no TRUNCATE
    with pytest.raises(DBAPIError, match="the audit log can only be appended to"):
        session.execute(text("TRUNCATE audit_log"))


def test_the_log_outlives_whom_it_tells_of(world, session):
    alice = world.user("alice")
    actor = Identity(user_id=alice.id, username="alice")
    audit.record(session, actor, "user.edit", "alice")
    session.delete(alice)
    session.commit()
    assert audit.verify(session)[0] == 1
    assert session.scalars(select(SignInSession)).all() == []


# The command.


@pytest.fixture
def run(monkeypatch, database, settings, tmp_path):
    ini = tmp_path / "site.ini"
    ini.touch()
    monkeypatch.setattr(command, "open_site", lambda ini: Site(ini, settings, database))

    def run(*arguments):
        told = ["verify", "--ini", str(ini), *arguments]
        return CliRunner().invoke(command.audit, told)

    return run


def test_the_command_says_that_the_log_is_whole(run, session, log):
    _, last_hash = audit.verify(session)
    done = run()
    assert done.exit_code == 0
    assert done.output == (f"The audit log is whole: 5 entries.\nThe last hash is {last_hash}\n")
    assert run("--noted", last_hash.upper()).exit_code == 0


def test_the_command_on_a_log_with_nothing_in_it(run, session):
    assert run().output == "The audit log is whole: 0 entries.\n"


def test_the_command_says_where_the_log_is_broken(run, session, log, unguarded):
    session.execute(update(AuditEntry).where(AuditEntry.id == log[1]).values(target="other"))
    session.commit()
    done = run()
    assert done.exit_code == 1
    assert done.output == f"Error: Entry {log[1]} was changed.\n"


def test_the_command_misses_a_noted_hash(run, session, log):
    done = run("--noted", "a" * 64)
    assert done.exit_code == 1
    assert "The hash you noted is not in the log" in done.output


@pytest.mark.parametrize("noted", ["", "abc", "g" * 64, "a" * 65])
def test_the_command_wants_a_hash(run, log, noted):
    done = run("--noted", noted)
    assert done.exit_code == 2
    assert "expected the 64 hexadecimal digits" in done.output
