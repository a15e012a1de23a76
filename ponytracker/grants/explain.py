"""Why someone may do something, or what they would need: the policy's own answer, kept whole.

A decision is made by the first entry of the ACLs that fits. Here all that would have made it are
collected, by the same walk; and where the answer is no, the grant that would change it is found by
asking the policy again with that grant supposed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import StrEnum
from itertools import takewhile
from typing import Any

from pyramid.authorization import Authenticated, Everyone
from pyramid.traversal import find_interface

from ponytracker.models import Grant, GrantPermission
from ponytracker.resources.admin import MANAGING
from ponytracker.resources.supposing import suppose
from ponytracker.security.acl import Decision, decide, decisions
from ponytracker.security.permissions import GLOBAL_ONLY, ON_PROJECT, Permission
from ponytracker.security.policy import IEnclosure, enclosures, may
from ponytracker.security.principals import SUPERUSER, Identity


class Rule(StrEnum):
    """What decides beside grants."""

    SUPERUSER = "superuser"
    EVERYONE = "everyone"
    SIGNED_IN = "signed_in"
    NOT_SIGNED_IN = "not_signed_in"
    ARCHIVED = "archived"
    SUPERUSERS_ONLY = "superusers_only"
    GRANTS = "grants"


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """Whether *identity* may do *permission*, and why.

    `grants` are those that give it, and `sight` those by which they see the project at all: were
    the ones of either gone, the answer would be no. Where it is no, `missing` is a grant that
    would make it yes.
    """

    identity: Identity
    permission: Permission
    allowed: bool
    rule: Rule
    grants: tuple[Grant, ...] = ()
    sight: tuple[Grant, ...] = ()
    as_author: bool = False
    missing: Grant | None = None


def explain(identity: Identity, context: Any, permission: Permission) -> Explanation:
    """Return whether *identity* may do *permission* on *context*, and why or why not."""
    decision = may(identity, context, permission)
    if not decision:
        return _explain_refusal(identity, context, permission, decision)
    reasons = _reasons(identity, context, permission)
    rule = _rule(reasons)
    sight: list[Decision] = []
    if permission is not Permission.VIEW:
        for place in enclosures(context):
            sight = _reasons(identity, place, Permission.VIEW)
    return Explanation(
        identity,
        permission,
        allowed=True,
        rule=rule,
        grants=_grants(reasons) if rule is Rule.GRANTS else (),
        sight=_grants(sight) if sight and _rule(sight) is Rule.GRANTS else (),
        as_author=rule is Rule.GRANTS and all(_is_authors(reason) for reason in reasons),
    )


def _explain_refusal(
    identity: Identity, context: Any, permission: Permission, decision: Decision
) -> Explanation:
    missing = None
    if not identity.is_signed_in:
        rule = Rule.NOT_SIGNED_IN
    else:
        missing = next(
            (
                grant
                for grant in _candidates(identity, context, permission)
                if may(identity, suppose(context, plus=grant), permission)
            ),
            None,
        )
        rule = Rule.GRANTS if missing else _refusing_rule(context, permission)
    return Explanation(identity, permission, allowed=False, rule=rule, missing=missing)


def _candidates(identity: Identity, context: Any, permission: Permission) -> Iterator[Grant]:
    """Yield grants to *identity* that might give *permission*, the smallest first."""
    place = find_interface(context, IEnclosure)
    if place is not None and permission is Permission.VIEW:
        yield _supposed(identity, project_id=place.project.id)
    if place is not None and permission in ON_PROJECT:
        yield _supposed(identity, permission, project_id=place.project.id)
    if permission in ON_PROJECT | GLOBAL_ONLY:
        yield _supposed(identity, permission)
    if permission is Permission.VIEW:
        for managing in MANAGING:
            yield _supposed(identity, managing)


def _supposed(identity: Identity, *permissions: Permission, project_id: int | None = None) -> Grant:
    return Grant(
        user_id=identity.user_id,
        project_id=project_id,
        permissions=[GrantPermission(permission=name) for name in permissions],
    )


def _refusing_rule(context: Any, permission: Permission) -> Rule:
    superuser = frozenset({SUPERUSER, Everyone, Authenticated})
    place = find_interface(context, IEnclosure)
    if place is not None and not decide(superuser, place, permission):
        return Rule.ARCHIVED
    return Rule.SUPERUSERS_ONLY


def _reasons(identity: Identity, node: Any, permission: Permission) -> list[Decision]:
    """Return every entry that allows it, as long as none before denies it."""
    return list(takewhile(bool, decisions(identity.principals, node, permission)))


def _rule(reasons: list[Decision]) -> Rule:
    """Return by what rule it is allowed; `GRANTS` where it is by grants alone."""
    principals = {
        principal
        for reason in reasons
        if reason.ace and reason.ace.grant is None
        for principal in reason.ace.principals
    }
    if Everyone in principals:
        return Rule.EVERYONE
    if Authenticated in principals:
        return Rule.SIGNED_IN
    if SUPERUSER in principals:
        return Rule.SUPERUSER
    return Rule.GRANTS


def _grants(reasons: list[Decision]) -> tuple[Grant, ...]:
    """Return the grants of *reasons*, each once, in order."""
    grants = (reason.ace.grant for reason in reasons if reason.ace and reason.ace.grant)
    return tuple(dict.fromkeys(grants))


def _is_authors(reason: Decision) -> bool:
    """Return whether the entry holds for the author alone."""
    return bool(reason.ace and len(reason.ace.principals) > 1)
