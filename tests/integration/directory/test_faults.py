"""Whatever goes wrong between here and the directory, nothing is changed by it."""

from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import select

from ponytracker.accounts.authentication import Unavailable
from ponytracker.directory.errors import DirectoryError
from ponytracker.directory.signing_in import DirectoryAuthenticator
from ponytracker.directory.sync import sync
from ponytracker.models import AuditEntry, Group, User
from tests import ldap_proxy
from tests.ldap_proxy import BIND_RESPONSE, DONE, ENTRY, proxy, reference, result
from tests.slapd import GROUPS, PEOPLE, dn_of, group, password_of, person, posix_group

pytestmark = pytest.mark.integration

NAMES = ["alice", "bob", "carol", "dave", "eve"]


@pytest.fixture(scope="module")
def between(directory):
    """The proxy, before a directory of five people in two groups."""
    directory.reset(
        *(person(name) for name in NAMES),
        group("dev", *map(dn_of, NAMES)),
        posix_group("ops", 700, *NAMES),
    )
    with proxy(directory.port) as running:
        yield running


@pytest.fixture
def ldap(between, directory):
    between.fault = lambda message: message.octets
    between.refuses = False
    return directory.settings(
        uris=(between.uri,),
        timeout=1,
        network_timeout=1,
        page_size=2,
        mirror_groups=True,
        sync_creates_accounts=True,
        superuser_group=f"cn=dev,{GROUPS}",
    )


def state(session):
    """All that the sync could change, and what it has written down."""
    session.expire_all()
    users = session.scalars(select(User).order_by(User.id)).all()
    groups = session.scalars(select(Group).order_by(Group.id)).all()
    return (
        [(u.username, u.email, u.is_active, u.is_superuser, u.directory_id) for u in users],
        [(g.name, sorted(user.username for user in g.users)) for g in groups],
        len(session.scalars(select(AuditEntry.id)).all()),
    )


def answer_with(code, kind=DONE, *, after=0):
    return lambda m: result(m, code) if m.kind == kind and m.number > after else m.octets


def without_entries(message):
    return b"" if message.kind == ENTRY else message.octets


def hang_up_at(kind, number):
    return lambda m: None if (m.kind, m.number) == (kind, number) else m.octets


def cut(message):
    """Send half of the third entry, and then nothing."""
    if message.kind == ENTRY and message.number == 3:
        return message.octets[: len(message.octets) // 2]
    return b"" if message.kind != BIND_RESPONSE and message.number > 3 else message.octets


def garbled(message):
    return b"\x30\x03\xff\xff\xff" if message.kind == ENTRY else message.octets


def half_a_page(message):
    """Say that all is well after one entry of a page, and that there are no more pages."""
    if message.kind == ENTRY and message.number > 1:
        return b""
    return result(message, 0) if message.kind == DONE else message.octets


def members_unseen(message):
    """Let nobody be in any group, as a change of access rules does."""
    return message.octets.replace(b"member", b"nember").replace(b"gidNumber", b"hidNumber")


def groups_unseen(message):
    """Show no group, as a change of access rules does."""
    is_group = message.kind == ENTRY and GROUPS.encode() in message.octets
    return b"" if is_group else message.octets


FAULTS = {
    "time limit": answer_with(ldap_proxy.TIME_LIMIT_EXCEEDED),
    "size limit": answer_with(ldap_proxy.SIZE_LIMIT_EXCEEDED),
    "size limit at the second page": answer_with(ldap_proxy.SIZE_LIMIT_EXCEEDED, after=1),
    "busy": answer_with(ldap_proxy.BUSY),
    "unavailable at the third page": answer_with(ldap_proxy.UNAVAILABLE, after=2),
    "operations error": answer_with(ldap_proxy.OPERATIONS_ERROR),
    "insufficient access": answer_with(ldap_proxy.INSUFFICIENT_ACCESS),
    "referral": answer_with(ldap_proxy.REFERRAL),
    "bind refused": answer_with(ldap_proxy.INVALID_CREDENTIALS, BIND_RESPONSE),
    "bind busy": answer_with(ldap_proxy.BUSY, BIND_RESPONSE),
    "empty": without_entries,
    "success without entries": lambda m: (
        b"" if m.kind == ENTRY else result(m, 0) if m.kind == DONE else m.octets
    ),
    "reference": lambda m: reference(m) + m.octets if m.kind == DONE else m.octets,
    "hangs up at once": lambda m: None,
    "hangs up at the second page": hang_up_at(DONE, 2),
    "hangs up within the groups": hang_up_at(ENTRY, 8),
    "cut": cut,
    "garbled": garbled,
    "half a page": half_a_page,
    "members unseen": members_unseen,
    "groups unseen": groups_unseen,
}


@pytest.fixture
def filled(session, database, ldap, world, between):
    """A site that has once taken over all of the directory."""
    world.user("root", is_superuser=True)
    assert len(sync(ldap, database).changes) == 5 + 5 + 2 + 10
    # Members that cannot be seen any more must be many enough to be told from an ordinary change.
    return state(session)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_nothing(name, filled, session, database, ldap, between):
    between.fault = FAULTS[name]
    with pytest.raises(DirectoryError):
        sync(ldap, database)
    assert state(session) == filled


def test_silence_and_absence_change_nothing(filled, session, database, ldap, between):
    for fault in (
        between.silence,
        lambda m: between.silence(m) if m.kind == DONE and m.number == 2 else m.octets,
    ):
        between.fault = fault
        with pytest.raises(DirectoryError):
            sync(ldap, database)
        assert state(session) == filled
    between.refuses = True
    with pytest.raises(DirectoryError):
        sync(ldap, database)
    assert state(session) == filled


def test_nobody_signs_in_and_nothing_changes_while_the_directory_fails(
    filled, session, database, ldap, between
):
    authenticator = DirectoryAuthenticator(ldap, lambda: database)
    between.fault = FAULTS["bind refused"]
    with pytest.raises(Unavailable):
        authenticator.vouch("alice", password_of("alice"))
    for name in ("size limit", "reference", "hangs up at once", "groups unseen"):
        between.fault = FAULTS[name]
        with pytest.raises(Unavailable):
            authenticator.vouch("alice", password_of("alice"))
        assert state(session) == filled
    mirrored = DirectoryAuthenticator(
        dataclasses.replace(ldap, superuser_group=""), lambda: database
    )
    with pytest.raises(Unavailable):
        mirrored.vouch("alice", password_of("alice"))
    between.fault = between.silence
    with pytest.raises(Unavailable):
        authenticator.vouch_in_vain()
    # An answer without anybody is one: there is no such person.
    between.fault = without_entries
    assert authenticator.vouch("alice", password_of("alice")) is None
    assert state(session) == filled


def test_the_next_server_is_asked_where_one_is_away(filled, database, ldap, between, directory):
    between.refuses = True
    both = dataclasses.replace(ldap, uris=(between.uri, directory.uri))
    assert sync(both, database).changes == []
    between.refuses = False
    between.fault = between.silence
    assert DirectoryAuthenticator(both, lambda: database).vouch("bob", password_of("bob"))


def test_a_referral_may_be_passed_over_where_that_is_set(filled, database, ldap, between):
    between.fault = FAULTS["reference"]
    passed = dataclasses.replace(ldap, ignore_referrals=True)
    assert sync(passed, database).changes == []


def test_a_base_that_is_not_there_is_named(filled, session, database, ldap):
    with pytest.raises(DirectoryError, match=f"ou=nowhere,{PEOPLE}"):
        sync(dataclasses.replace(ldap, user_base=f"ou=nowhere,{PEOPLE}"), database)
    assert state(session) == filled
