"""The root of the tree: the site itself, with its projects."""

from __future__ import annotations

from pyramid.authorization import Authenticated, Everyone
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from ponytracker.models import Grant, Project
from ponytracker.resources.base import Resource
from ponytracker.resources.project import ProjectResource
from ponytracker.security.acl import EVERYTHING, Ace, allow, allow_grants
from ponytracker.security.permissions import Permission
from ponytracker.security.principals import SUPERUSER, Identity
from ponytracker.security.visibility import may_see_project

RESERVED_NAMES = frozenset(
    "add admin api archived django-admin favicon.ico feeds health icons login logout markdown"
    " metrics new opensearch.xml profile robots.txt search static users webhooks".split()
)
"""Names no project may have, since they are the site's own or once were: `/NAME/` is a page."""


class Root(Resource):
    """The site as *identity* sees it: a project they may not see is not there at all."""

    def __init__(self, session: Session, identity: Identity) -> None:
        super().__init__(None, "")
        self.session = session
        self.identity = identity
        self.grants = (
            session.scalars(
                select(Grant)
                .where(Grant.project_id.is_(None))
                .options(joinedload(Grant.permissions))
            )
            .unique()
            .all()
        )

    def __acl__(self) -> list[Ace]:
        # Nothing is denied here, so the order is only that of reading.
        return [
            allow(SUPERUSER, EVERYTHING),
            allow(Everyone, Permission.VIEW),
            allow(Authenticated, Permission.SIGNED_IN),
            *allow_grants(self.grants),
        ]

    def __getitem__(self, name: str) -> ProjectResource:
        project = self.session.scalar(
            select(Project).where(Project.name == name, may_see_project(self.identity))
        )
        if project is None:
            raise KeyError(name)
        return ProjectResource(self, project)
