"""What every node of the tree is: a name, a parent, an ACL."""

from __future__ import annotations

import re

from pyramid.traversal import find_root

from ponytracker.security.acl import Ace
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import may

_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class Resource:
    """A node. What its own ACL does not decide, its parent's does."""

    def __init__(self, parent: Resource | None, name: str) -> None:
        self.__parent__ = parent
        self.__name__ = name

    def __acl__(self) -> list[Ace]:
        return []


def is_shown(node: Resource) -> bool:
    """Return whether whoever asks may see *node*: else what is in it is not there for them."""
    return bool(may(find_root(node).identity, node, Permission.VIEW))


def number(name: str) -> int:
    """Return the number that a part of an address is; raise `KeyError`, so nothing is there."""
    if not _NUMBER.fullmatch(name):
        raise KeyError(name)
    return int(name)
