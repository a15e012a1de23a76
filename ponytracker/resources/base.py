"""What every node of the tree is: a name, a parent, an ACL."""

from __future__ import annotations

import re

from ponytracker.security.acl import Ace

_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class Resource:
    """A node. What its own ACL does not decide, its parent's does."""

    def __init__(self, parent: Resource | None, name: str) -> None:
        self.__parent__ = parent
        self.__name__ = name

    def __acl__(self) -> list[Ace]:
        return []


def number(name: str) -> int:
    """Return the number that a part of an address is; raise `KeyError`, so nothing is there."""
    if not _NUMBER.fullmatch(name):
        raise KeyError(name)
    return int(name)
