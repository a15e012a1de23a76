from __future__ import annotations

from ponytracker.security.acl import EVERYTHING, Decision, allow, decide, deny
from ponytracker.security.permissions import Permission

EDIT = Permission.MODIFY_ISSUE
CLOSE = Permission.MANAGE_ISSUE


class Node:
    def __init__(self, *acl, parent=None):
        self.acl = acl
        self.__parent__ = parent

    def __acl__(self):
        return list(self.acl)


def test_what_nothing_allows_is_refused():
    assert decide({"user:1"}, Node(), EDIT) == Decision(False)
    assert not decide({"user:1"}, Node(), EDIT)


def test_an_entry_allows_its_permissions_to_its_principal():
    node = Node(allow("user:1", {EDIT, CLOSE}))
    assert decide({"user:1", "group:3"}, node, CLOSE)
    assert not decide({"user:1"}, node, Permission.DELETE_ISSUE)
    assert not decide({"user:2"}, node, CLOSE)


def test_an_entry_with_several_principals_asks_for_all_of_them():
    node = Node(allow({"team:2", "user:1"}, EDIT))
    assert decide({"team:2", "user:1", "group:9"}, node, EDIT)
    assert not decide({"team:2"}, node, EDIT)
    assert not decide({"user:1"}, node, EDIT)


def test_the_first_entry_that_fits_decides():
    refusal = deny("user:1", EDIT)
    node = Node(refusal, allow("user:1", EVERYTHING))
    assert decide({"user:1"}, node, EDIT) == Decision(False, refusal, node)
    assert decide({"user:1"}, node, CLOSE)


def test_what_a_node_does_not_decide_its_parent_does():
    entry = allow("user:1", EDIT)
    root = Node(entry)
    leaf = Node(allow("user:2", EDIT), parent=Node(parent=root))
    assert decide({"user:1"}, leaf, EDIT) == Decision(True, entry, root)


def test_a_node_goes_before_its_parent():
    root = Node(allow("user:1", EDIT))
    leaf = Node(deny("user:1", EDIT), parent=root)
    assert not decide({"user:1"}, leaf, EDIT)


def test_a_permission_is_not_found_inside_the_name_of_a_principal():
    assert not decide({"user:1"}, Node(allow("user:10", EDIT)), EDIT)
