"""What every node of the tree is: a name, a parent, an ACL."""

from __future__ import annotations

from ponytracker.security.acl import Ace


class Resource:
    """A node. What its own ACL does not decide, its parent's does."""

    def __init__(self, parent: Resource | None, name: str) -> None:
        self.__parent__ = parent
        self.__name__ = name

    def __acl__(self) -> list[Ace]:
        return []
