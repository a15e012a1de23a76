"""Whatever goes wrong between here and the directory, nothing is changed by it."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading

import pytest
from sqlalchemy import select

from ponytracker.accounts.authentication import Unavailable
from ponytracker.db import Database, make_engine
from ponytracker.directory.asking import find_entry
from ponytracker.directory.connection import connect
from ponytracker.directory.errors import DirectoryError
from ponytracker.directory.signing_in import DirectoryAuthenticator, ask
from ponytracker.directory.sync import sync
from ponytracker.directory.transport import STARTED
from ponytracker.models import AuditEntry, Group, User
from tests import ldap_proxy
from tests.ldap_proxy import BIND_RESPONSE, DONE, ENTRY, proxy, reference, result, silence
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
def filled_directory(between, directory):
    return directory


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


def spelt(name, otherwise):
    return lambda m: m.octets.replace(name, otherwise) if m.kind == ENTRY else m.octets


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
    "a name that is no UTF-8": spelt(b"ou=people", b"ou=p\xffople"),
    "an attribute that is no UTF-8": spelt(b"mail", b"ma\xffl"),
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


def test_the_whole_question_goes_to_the_next_server_where_one_takes_it_and_is_no_use(
    filled, database, ldap, between, directory
):
    both = dataclasses.replace(ldap, uris=(between.uri, directory.uri))
    for fault in (
        FAULTS["busy"],
        FAULTS["unavailable at the third page"],
        lambda m: between.silence(m) if m.kind == DONE else m.octets,
    ):
        between.fault = fault
        assert sync(both, database).changes == []
        assert DirectoryAuthenticator(both, lambda: database).vouch("bob", password_of("bob"))


def ended(function, *arguments, within=60):
    """Return what *function* returns; fail where it does not end."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(function(*arguments)), daemon=True)
    thread.start()
    thread.join(within)
    assert not thread.is_alive(), "it waits without end"
    return answers[0]


def unavailable(function):
    try:
        function()
    except Unavailable:
        return True
    return False


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_server_that_falls_silent_while_tls_begins_is_left(scheme, database, filled_directory):
    """As one does that is stopped, or behind something that takes connections for it."""
    with silence(STARTED if scheme == "ldap" else b"") as port:
        silent = f"{scheme}://127.0.0.1:{port}"
        fine = filled_directory.uri if scheme == "ldap" else filled_directory.tls_uri
        own = filled_directory.settings(
            uris=(silent, fine),
            start_tls=True,
            ca_file=filled_directory.folder / "ca.pem",
            timeout=1,
            network_timeout=1,
        )
        person, _groups = ended(ask, own, "alice", password_of("alice"))
        assert person.username == "alice"
        alone = DirectoryAuthenticator(dataclasses.replace(own, uris=(silent,)), lambda: database)
        assert ended(unavailable, alone.vouch_in_vain)


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_server_that_stops_behind_tls_is_not_waited_for(scheme, filled_directory):
    uri = filled_directory.uri if scheme == "ldap" else filled_directory.tls_uri
    own = filled_directory.settings(
        start_tls=True, ca_file=filled_directory.folder / "ca.pem", timeout=1
    )

    def stop_meanwhile():
        with connect(own, uri) as connection:
            assert find_entry(connection, "alice")
            os.kill(filled_directory.daemon.process.pid, signal.SIGSTOP)
            try:
                find_entry(connection, "alice")
            except DirectoryError as error:
                return str(error)
            finally:
                os.kill(filled_directory.daemon.process.pid, signal.SIGCONT)

    assert "did not answer in full" in ended(stop_meanwhile)


def dev_kept_back(message):
    """Keep back the group *dev* with success, but where it is read by its name."""
    is_dev = message.kind == ENTRY and f"cn=dev,{GROUPS}".encode() in message.octets
    return b"" if is_dev and message.number > 6 else message.octets


def test_no_superuser_is_demoted_by_half_a_list_of_groups(filled, session, database, ldap, between):
    own = dataclasses.replace(ldap, mirror_groups=False)
    assert [is_superuser for _n, _e, _a, is_superuser, _i in filled[0]] == [True] * 6
    between.fault = dev_kept_back
    with pytest.raises(DirectoryError, match="came without dev"):
        sync(own, database)
    assert state(session) == filled
    # And of one who signs in: their entry, then the group by its name, then the groups around them.
    between.fault = lambda m: (
        b"" if m.kind == ENTRY and m.number > 2 and b"cn=dev," in m.octets else m.octets
    )
    with pytest.raises(Unavailable):
        DirectoryAuthenticator(own, lambda: database).vouch("bob", password_of("bob"))
    assert state(session) == filled


def test_a_group_may_be_named_in_another_way(filled, session, database, ldap):
    other_way = f"commonName=dev, {GROUPS}"
    own = dataclasses.replace(ldap, superuser_group=other_way, required_group=other_way)
    assert sync(own, database).changes == []
    assert DirectoryAuthenticator(own, lambda: database).vouch("bob", password_of("bob"))
    assert state(session) == filled


def test_an_account_that_is_locked_is_told_like_a_wrong_password(filled, database, ldap, between):
    """389 Directory Server answers with a violated constraint."""
    own = dataclasses.replace(
        ldap, bind_template=f"uid={{user}},{PEOPLE}", bind_dn="", bind_password=""
    )
    between.fault = answer_with(ldap_proxy.CONSTRAINT_VIOLATION, BIND_RESPONSE)
    assert DirectoryAuthenticator(own, lambda: database).vouch("bob", password_of("bob")) is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////nowhere/there.sqlite", "unable to open"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/there", "refused"),
    ],
    ids=["sqlite", "postgresql"],
)
def test_an_outage_of_the_database_is_told_as_one(url, said, ldap):
    with pytest.raises(DirectoryError, match=said) as error:
        sync(ldap, Database(make_engine(url)))
    assert "same moment" not in str(error.value)


def test_a_referral_may_be_passed_over_where_that_is_set(filled, database, ldap, between):
    between.fault = FAULTS["reference"]
    passed = dataclasses.replace(ldap, ignore_referrals=True)
    assert sync(passed, database).changes == []


def test_a_base_that_is_not_there_is_named(filled, session, database, ldap):
    with pytest.raises(DirectoryError, match=f"ou=nowhere,{PEOPLE}"):
        sync(dataclasses.replace(ldap, user_base=f"ou=nowhere,{PEOPLE}"), database)
    assert state(session) == filled
