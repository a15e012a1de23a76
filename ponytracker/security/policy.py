"""The one answer to "may they?": Pyramid's security policy over our ACLs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from pyramid.location import lineage
from pyramid.request import RequestLocalCache
from pyramid.traversal import find_root
from zope.interface import Interface

from ponytracker import logs
from ponytracker.models.account import User
from ponytracker.security.acl import Decision, decide
from ponytracker.security.permissions import Permission
from ponytracker.security.principals import ANONYMOUS, Identity, find_identities
from ponytracker.security.sessions import KEY, STAY, has_session


class IEnclosure(Interface):
    """A node whose refusal holds for all inside it: what it does not show, or denies."""


def may(identity: Identity, context: Any, permission: Permission) -> Decision:
    """Return whether *identity* may do *permission* on the resource *context*, and why.

    Entries are asked from the node upwards, so a node could allow what its project does not:
    the author of a comment would keep their right to it after losing sight of a private project.
    Hence the enclosing project is asked first, and what it refuses stays refused.
    """
    if context is None:  # a picture, say, stands in no tree
        return Decision(False)
    if not find_root(context).knows(identity):
        raise ValueError("this tree was made for someone else")
    principals = identity.principals
    for place in enclosures(context):
        seen = decide(principals, place, Permission.VIEW)
        if not seen:
            return seen
        decision = decide(principals, place, permission)
        if decision.ace is not None and not decision:
            return decision
    return decide(principals, context, permission)


def enclosures(context: Any) -> Iterator[Any]:
    """Yield the nodes around *context*, itself included, whose refusal holds for it."""
    return (place for place in lineage(context) if IEnclosure.providedBy(place))


WATCHED = frozenset({"health", "metrics"})
"""The names in the root of what `resources/operations.py` has."""


class SecurityPolicy:
    """Who is asking, from the signed-in session; and what they may, from the tree."""

    def __init__(self) -> None:
        self._identities = RequestLocalCache(self._load_identity)

    def identity(self, request: Any) -> Identity:
        identity: Identity = self._identities.get_or_create(request)
        return identity

    def authenticated_userid(self, request: Any) -> int | None:
        return self.identity(request).user_id

    def permits(self, request: Any, context: Any, permission: str) -> Decision:
        return may(self.identity(request), context, Permission(permission))

    def remember(
        self, request: Any, userid: str, *, stay: bool = False, **kw: Any
    ) -> list[tuple[str, str]]:
        """Keep the session token *userid* in a renewed cookie session (against fixation).

        With *stay* the cookie outlasts the browser.
        """
        request.session.invalidate()
        request.session[KEY] = userid
        if stay:
            request.session[STAY] = True
        return []

    def forget(self, request: Any, **kw: Any) -> list[tuple[str, str]]:
        request.session.invalidate()
        return []

    def _load_identity(self, request: Any) -> Identity:
        address = request.remote_addr or ""
        anonymous = dataclasses.replace(ANONYMOUS, address=address)
        if _is_watched(request):
            return anonymous
        token = request.session.get(KEY)
        if not isinstance(token, str):
            return anonymous
        found = find_identities(request.dbsession, has_session(token))
        if not found:
            return anonymous
        logs.add(user=found[0].user_id)
        return dataclasses.replace(found[0], address=address)


def _is_watched(request: Any) -> bool:
    """Return whether programs ask this to watch over the tracker, which must not need the database.

    Whoever asks is nobody there: else it would be asked who they are.
    """
    path: str = request.environ.get("PATH_INFO", "")
    return path.strip("/").partition("/")[0] in WATCHED


def _user(request: Any) -> User:
    """Return the row of whoever is signed in, for the services that take an actor."""
    user: User = request.dbsession.get_one(User, request.identity.user_id)
    return user


def includeme(config: Any) -> None:
    config.add_request_method(_user, "user", reify=True)
    config.set_security_policy(SecurityPolicy())
    config.set_default_permission(Permission.VIEW)
    config.set_default_csrf_options(require_csrf=True)
