"""Who is in which group of a directory: directly, by their number, or by a group in the group.

Pure: what the directory has said goes in, and nobody is asked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """What a group may know somebody by: the key of their DN, their uid, their primary group."""

    key: str
    dn: str
    uid: str = ""
    gid: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """A group; *members* are keys of DNs, *uids* those of ``memberUid``, *gid* its own number."""

    key: str
    dn: str
    name: str
    members: frozenset[str] = frozenset()
    uids: frozenset[str] = frozenset()
    gid: str = ""


def groups_of(
    people: Iterable[Member], groups: Iterable[DirectoryGroup], *, nested: bool
) -> dict[str, frozenset[str]]:
    """Return the keys of the groups that each of *people* is in, by their key."""
    groups = list(groups)
    by_dn: dict[str, set[str]] = {}
    by_uid: dict[str, set[str]] = {}
    by_gid: dict[str, set[str]] = {}
    for group in groups:
        for dn in group.members:
            by_dn.setdefault(dn, set()).add(group.key)
        for uid in group.uids:
            by_uid.setdefault(uid, set()).add(group.key)
        if group.gid:
            by_gid.setdefault(group.gid, set()).add(group.key)
    dns = {group.key: group.dn for group in groups}
    found = {}
    for person in people:
        inside = set(by_dn.get(person.dn, ()))
        inside |= by_uid.get(person.uid, set()) if person.uid else set()
        inside |= by_gid.get(person.gid, set()) if person.gid else set()
        # A group that was met already is not gone into again: groups may hold each other.
        waiting = list(inside) if nested else []
        while waiting:
            around = by_dn.get(dns[waiting.pop()], set()) - inside
            inside |= around
            waiting.extend(around)
        found[person.key] = frozenset(inside)
    return found
