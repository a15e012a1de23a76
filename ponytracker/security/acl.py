"""Access control lists: what an entry says, and how a node and its parents decide by them.

Pyramid's own helper matches one principal an entry. An entry here may ask for several at once
("in team 2 *and* the author"), and a decision keeps the entry that made it, so that it can be
explained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pyramid.authorization import Allow, Deny
from pyramid.location import lineage

from ponytracker.security.permissions import Permission
from ponytracker.security.principals import grantee_principal

if TYPE_CHECKING:
    from ponytracker.models.grant import Grant

EVERYTHING = frozenset(Permission)


class Ace(NamedTuple):
    """One entry: *action* for whoever has all of *principals*, on any of *permissions*."""

    action: str
    principals: frozenset[str]
    permissions: frozenset[Permission]
    grant: Grant | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is allowed, and the entry that decided; without one nothing matched."""

    allowed: bool
    ace: Ace | None = None
    node: Any = None

    def __bool__(self) -> bool:
        return self.allowed


def allow(
    principals: str | Iterable[str],
    permissions: Permission | Iterable[Permission],
    grant: Grant | None = None,
) -> Ace:
    return Ace(Allow, _set(principals), _permissions(permissions), grant)


def deny(principals: str | Iterable[str], permissions: Permission | Iterable[Permission]) -> Ace:
    return Ace(Deny, _set(principals), _permissions(permissions))


def allow_grants(grants: Iterable[Grant]) -> list[Ace]:
    """Return an entry for each grant, with the permissions it gives."""
    return [
        allow(
            grantee_principal(grant),
            (Permission(row.permission) for row in grant.permissions),
            grant,
        )
        for grant in grants
    ]


def decide(principals: Collection[str], node: Any, permission: Permission) -> Decision:
    """Return what the first entry that fits says, from *node* up to the root.

    Without any, the answer is no.
    """
    return next(decisions(principals, node, permission), Decision(False))


def decisions(principals: Collection[str], node: Any, permission: Permission) -> Iterator[Decision]:
    """Yield what each entry that fits says, in order: the first counts, the others explain it."""
    owned = frozenset(principals)
    for place, ace in entries(node, permission):
        if ace.principals <= owned:
            yield Decision(ace.action == Allow, ace, place)


def entries(node: Any, permission: Permission) -> Iterator[tuple[Any, Ace]]:
    """Yield the entries about *permission* in order, each with its node: up to the root."""
    for place in lineage(node):
        acl: Sequence[Ace] = place.__acl__()
        for ace in acl:
            if permission in ace.permissions:
                yield place, ace


def _set(principals: str | Iterable[str]) -> frozenset[str]:
    return frozenset({principals} if isinstance(principals, str) else principals)


def _permissions(permissions: Permission | Iterable[Permission]) -> frozenset[Permission]:
    return frozenset({permissions} if isinstance(permissions, Permission) else permissions)
