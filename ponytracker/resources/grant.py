"""Grants in the tree: those of one project, or those on all of them."""

from __future__ import annotations

from typing import Any

from pyramid.authorization import Everyone
from pyramid.location import lineage
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from ponytracker.models import Grant, Project
from ponytracker.resources.base import Resource, is_shown, number
from ponytracker.security.acl import EVERYTHING, Ace, allow, deny
from ponytracker.security.permissions import GLOBAL_ONLY, ON_PROJECT, Permission
from ponytracker.security.principals import SUPERUSER, grantee_principal


class GrantsResource(Resource):
    """The grants on *project*; without one, those on all projects."""

    manager: Permission
    """What one needs to manage these grants."""

    grantable: frozenset[Permission]
    """What can be granted here."""

    child: type[GrantResource]

    def __init__(self, parent: Any, project: Project | None = None) -> None:
        super().__init__(parent, "permissions")
        self.project = project
        self.session = parent.session

    def __acl__(self) -> list[Ace]:
        # Who manages these grants sees them; then nobody else does, whom a parent would let.
        return [
            allow(SUPERUSER, EVERYTHING),
            *(
                allow(grantee_principal(grant), Permission.VIEW, grant)
                for node in lineage(self.__parent__)
                for grant in getattr(node, "grants", ())
                if grant.gives(self.manager)
            ),
            deny(Everyone, Permission.VIEW),
        ]

    def __getitem__(self, name: str) -> GrantResource:
        if not is_shown(self):
            raise KeyError(name)
        project_id = self.project and self.project.id
        grant = self.session.scalar(
            select(Grant)
            .where(Grant.id == number(name), Grant.project_id.is_not_distinct_from(project_id))
            .options(
                joinedload(Grant.user),
                joinedload(Grant.group),
                joinedload(Grant.team),
                selectinload(Grant.permissions),
            )
        )
        if grant is None:
            raise KeyError(name)
        return self.child(self, grant)


class GrantResource(Resource):
    __parent__: GrantsResource

    def __init__(self, parent: GrantsResource, grant: Grant) -> None:
        super().__init__(parent, str(grant.id))
        self.session = parent.session
        self.grant = grant


class SiteGrantResource(GrantResource):
    """A grant on all projects."""


class SiteGrantsResource(GrantsResource):
    manager = Permission.MANAGE_GLOBAL_PERMISSION
    grantable = ON_PROJECT | GLOBAL_ONLY
    child = SiteGrantResource


class ProjectGrantResource(GrantResource):
    """A grant on one project."""


class ProjectGrantsResource(GrantsResource):
    manager = Permission.MANAGE_PROJECT_PERMISSION
    grantable = ON_PROJECT
    child = ProjectGrantResource
