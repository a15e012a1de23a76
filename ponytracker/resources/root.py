"""The root of the tree: the site itself, with its projects."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from pyramid.authorization import Authenticated, Everyone
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, joinedload

from ponytracker.models import Grant, Project, SiteSettings
from ponytracker.resources.admin import AdminResource
from ponytracker.resources.api import ApiResource
from ponytracker.resources.base import Resource
from ponytracker.resources.login import LoginResource
from ponytracker.resources.operations import HealthResource, MetricsResource
from ponytracker.resources.profile import ProfileResource
from ponytracker.resources.project import ProjectResource
from ponytracker.resources.unsubscribe import UnsubscribeResource
from ponytracker.security.acl import EVERYTHING, Ace, allow, allow_grants
from ponytracker.security.permissions import Permission
from ponytracker.security.principals import SUPERUSER, Identity
from ponytracker.security.visibility import is_grantee, may_see_project

RESERVED_NAMES = frozenset(
    "add admin api archived django-admin favicon.ico feeds health icons login logout markdown"
    " metrics new opensearch.xml profile robots.txt search static unsubscribe users"
    " webhooks".split()
)
"""Names no project may have, since they are the site's own or once were: `/NAME/` is a page."""

PLACES = {
    "admin": AdminResource,
    "api": ApiResource,
    "health": HealthResource,
    "login": LoginResource,
    "metrics": MetricsResource,
    "profile": ProfileResource,
    "unsubscribe": UnsubscribeResource,
}


class Root(Resource):
    """The site as *identity* sees it: a project they may not see is not there at all.

    The ACLs of its nodes have the entries that come from grants to *identity*, since a site has
    thousands. With *everyone*, they have those of all, so that any other can be asked about.
    """

    def __init__(self, session: Session, identity: Identity, *, everyone: bool = False) -> None:
        super().__init__(None, "")
        self.session = session
        self.identity = identity
        self.everyone = everyone

    @cached_property
    def grants(self) -> Sequence[Grant]:
        """The grants on all projects; a project loads them together with its own."""
        return self.load_grants(Grant.project_id.is_(None))

    @cached_property
    def settings(self) -> SiteSettings:
        return self.session.get_one(SiteSettings, 1)

    def load_grants(self, *places: ColumnElement[bool]) -> Sequence[Grant]:
        """Return the grants in any of *places* that concern whoever asks: one query, or none."""
        if not self.everyone and not self.identity.is_signed_in:
            return []
        statement = select(Grant).where(or_(*places)).options(joinedload(Grant.permissions))
        if not self.everyone:
            statement = statement.where(is_grantee(self.identity))
        else:  # to be spoken of
            named = (Grant.user, Grant.group, Grant.team)
            statement = statement.options(*map(joinedload, named))
        return self.session.scalars(statement.order_by(Grant.id)).unique().all()

    def knows(self, identity: Identity) -> bool:
        """Return whether the ACLs of this tree have all entries that concern *identity*."""
        return self.everyone or identity == self.identity

    def __acl__(self) -> list[Ace]:
        # Nothing is denied here, so the order is only that of reading.
        return [
            allow(SUPERUSER, EVERYTHING),
            allow(Everyone, Permission.VIEW),
            allow(Authenticated, Permission.SIGNED_IN),
            *allow_grants(self.grants),
        ]

    def __getitem__(self, name: str) -> Resource:
        if name in PLACES:
            return PLACES[name](self)
        project = self.session.scalar(
            select(Project).where(Project.name == name, may_see_project(self.identity))
        )
        if project is None:
            raise KeyError(name)
        return ProjectResource(self, project)
