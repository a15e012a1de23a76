from __future__ import annotations

from ponytracker.directory.membership import DirectoryGroup, Member, groups_of

ALICE = Member("a", "uid=alice", uid="alice", gid="500")
BOB = Member("b", "uid=bob", uid="bob", gid="501")


def inside(*groups, nested=True):
    found = groups_of([ALICE, BOB], groups, nested=nested)
    return {person: "".join(sorted(keys)) for person, keys in found.items()}


def test_a_group_knows_people_by_dn_by_uid_and_by_their_primary_group():
    assert inside(
        DirectoryGroup("1", "cn=1", "one", members=frozenset({"uid=alice"})),
        DirectoryGroup("2", "cn=2", "two", uids=frozenset({"bob", "carol"})),
        DirectoryGroup("3", "cn=3", "three", gid="500"),
    ) == {"a": "13", "b": "2"}


def test_groups_may_be_in_groups_and_in_each_other():
    groups = (
        DirectoryGroup("1", "cn=1", "one", members=frozenset({"uid=alice", "cn=3"})),
        DirectoryGroup("2", "cn=2", "two", members=frozenset({"cn=1", "cn=2"})),
        DirectoryGroup("3", "cn=3", "three", members=frozenset({"cn=2"}), uids=frozenset({"bob"})),
    )
    assert inside(*groups) == {"a": "123", "b": "123"}
    assert inside(*groups, nested=False) == {"a": "1", "b": "3"}


def test_who_has_no_uid_is_in_no_group_of_nobody():
    nobody = Member("n", "cn=n")
    group = DirectoryGroup("1", "cn=1", "one", uids=frozenset({""}), gid="")
    assert groups_of([nobody], [group], nested=True) == {"n": frozenset()}
