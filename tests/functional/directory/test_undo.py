"""A run of the sync in a real database, and taking it back."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from sqlalchemy import select

from ponytracker.directory.applying import apply, list_runs, new_run, run_of, undo
from ponytracker.directory.errors import TooMuchGone
from ponytracker.directory.here import read_all
from ponytracker.directory.plan import Rules, Told, make_plan
from ponytracker.models import AuditEntry, Group, User
from ponytracker.security.audit import verify
from tests.unit.directory.test_plan import people, superusers, worlds


def fill(session, here):
    """Put *here* into the database."""
    users = {}
    for key, account in here.accounts.items():
        facts = {name: getattr(account, name) for name in account.__slots__}
        users[key] = User(**facts, directory_id=key)
    others = [User(username=name, password_hash="x") for name in here.names]
    others += [User(username="root", is_superuser=True)] * here.other_superusers
    groups = {key: Group(name=name, directory_id=key) for key, name in here.groups.items()}
    ours = [Group(name=name) for name in here.group_names]
    for group, user in here.places:
        groups[group].users.append(users[user])
    session.add_all([*users.values(), *others, *groups.values(), *ours])
    session.flush()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds())
def test_undoing_a_run_restores_all_of_it(session, world):
    here, told, rules = world
    assume(superusers(here))  # there is always one, and no undoing may take away the last
    with session.begin_nested() as savepoint:
        fill(session, here)
        before = read_all(session)
        assert before.accounts == here.accounts
        assert before.places == here.places
        try:
            plan = make_plan(before, told, rules)
        except TooMuchGone:
            savepoint.rollback()
            return
        actor = new_run()
        apply(session, actor, plan.changes)
        done, notes = undo(session, new_run(), run_of(actor))
        assert (len(done), notes) == (len(plan.changes), [])
        session.expire_all()
        assert read_all(session) == before
        verify(session)
        savepoint.rollback()
    session.expire_all()


def run(session, told, **rules):
    actor = new_run()
    plan = make_plan(
        read_all(session), told, Rules(**{"creates_accounts": True, "max_percent": 10, **rules})
    )
    apply(session, actor, plan.changes)
    return run_of(actor)


def test_what_somebody_has_changed_since_is_left(session, world):
    root = world.user("root", is_superuser=True)
    told = Told(people("ann", "bob", groups=frozenset({"g:1"})), {"g:1": "dev"}, True)
    added = run(session, told)
    gone = run(session, Told(people("ann", groups=frozenset({"g:1"})), {"g:1": "dev"}, True))
    bob = session.scalars(select(User).where(User.username == "bob")).one()
    assert (bob.is_active, bob.disabled_by_directory) == (False, True)
    assert list_runs(session) == [("sync-ldap", gone), ("sync-ldap", added)]

    bob.is_active, bob.disabled_by_directory = True, False
    done, notes = undo(session, new_run(), gone)
    assert done == []
    assert notes == [
        "user.disable bob: left as it is. Changed since: is_active, disabled_by_directory."
    ]

    # An account that was used is disabled, and one that was not is gone again.
    bob.last_sign_in_at = root.created_at
    done, notes = undo(session, new_run(), added)
    assert notes == []
    assert session.scalars(select(User.username).order_by(User.username)).all() == ["bob", "root"]
    assert not bob.is_active
    assert session.scalars(select(Group)).all() == []


def test_a_group_that_was_granted_something_is_left(session, world):
    world.user("root", is_superuser=True)
    added = run(session, Told(people("ann", groups=frozenset({"g:1"})), {"g:1": "dev"}, True))
    group = session.scalars(select(Group)).one()
    world.grant("create_issue", group_id=group.id)
    _done, notes = undo(session, new_run(), added)
    assert [note.split(":")[0] for note in notes] == ["group.add dev"]
    assert session.scalars(select(Group.name)).all() == ["dev"]


def test_a_name_that_was_taken_since_is_left(session, world):
    world.user("root", is_superuser=True)
    ann = people("ann", groups=frozenset({"g:1"}))
    run(session, Told(ann, {"g:1": "dev"}, True))
    renamed = run(session, Told(ann, {"g:1": "development"}, True))
    world.group("dev")
    done, notes = undo(session, new_run(), renamed)
    assert done == []
    assert notes == ["group.edit dev: left as it is. Its name is taken here."]
    assert set(session.scalars(select(Group.name))) == {"dev", "development"}


def test_every_change_is_in_the_audit_log(session, world):
    world.user("root", is_superuser=True)
    name = run(session, Told(people("ann", "bob", "cy"), {}, True))
    run(session, Told(people("ann", "cy"), {}, True))
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.actor_name, entry.action, entry.target) for entry in entries] == [
        ("(directory)", "user.add", "ann"),
        ("(directory)", "user.add", "bob"),
        ("(directory)", "user.add", "cy"),
        ("(directory)", "user.disable", "bob"),
    ]
    assert entries[0].address == f"sync-ldap {name}"
    assert entries[3].before == {"is_active": True, "disabled_by_directory": False}
    assert entries[3].after == {
        "is_active": False,
        "disabled_by_directory": True,
        "directory_user": "id:bob",
    }


def test_who_was_disabled_here_does_not_come_back_by_the_directory(session, world):
    world.user("root", is_superuser=True)
    all_three = Told(people("ann", "bob", "cy"), {}, True)
    run(session, all_three)
    ann, bob = session.scalars(
        select(User).where(User.username.in_(["ann", "bob"])).order_by(User.username)
    )
    ann.is_active = False
    run(session, Told(people("ann", "cy"), {}, True))
    assert (ann.is_active, bob.is_active) == (False, False)
    run(session, all_three)
    assert (ann.is_active, bob.is_active) == (False, True)
