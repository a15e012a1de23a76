"""A project in the tree, and who may do what in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyramid.authorization import Authenticated, Everyone
from zope.interface import implementer

from ponytracker.models import Access, Grant, Project
from ponytracker.resources.base import Resource
from ponytracker.resources.grant import ProjectGrantsResource
from ponytracker.resources.issue import IssuesResource
from ponytracker.resources.label import LabelsResource
from ponytracker.resources.milestone import MilestonesResource
from ponytracker.security.acl import EVERYTHING, Ace, allow, allow_grants, deny
from ponytracker.security.permissions import NOT_WHILE_ARCHIVED, Permission
from ponytracker.security.policy import IEnclosure
from ponytracker.security.principals import SUPERUSER, grantee_principal

if TYPE_CHECKING:
    from ponytracker.resources.root import Root


AUDIENCE = {Access.PUBLIC: Everyone, Access.REGISTERED: Authenticated, Access.PRIVATE: SUPERUSER}
"""Who sees a project without any grant."""


@implementer(IEnclosure)
class ProjectResource(Resource):
    __parent__: Root

    def __init__(self, parent: Root, project: Project) -> None:
        super().__init__(parent, project.name)
        self.project = project
        self.session = parent.session
        here_and_everywhere = parent.load_grants(
            Grant.project_id == project.id, Grant.project_id.is_(None)
        )
        self.grants: Sequence[Grant] = [g for g in here_and_everywhere if g.project_id]
        parent.grants = [g for g in here_and_everywhere if not g.project_id]

    @property
    def site_grants(self) -> Sequence[Grant]:
        return self.__parent__.grants

    def __acl__(self) -> list[Ace]:
        # Archived comes first: there not even a superuser writes. Then what is allowed. Last, who
        # may not see the project, since the root lets everyone see the site.
        return [
            *([deny(Everyone, NOT_WHILE_ARCHIVED)] if self.project.archived else []),
            allow(SUPERUSER, EVERYTHING),
            allow(AUDIENCE[self.project.access], Permission.VIEW),
            *allow_grants(self.grants),
            *(allow(grantee_principal(grant), Permission.VIEW, grant) for grant in self.grants),
            *(
                allow(grantee_principal(grant), Permission.VIEW, grant)
                for grant in self.site_grants
                if grant.gives(Permission.ACCESS_PROJECT)
            ),
            deny(Everyone, Permission.VIEW),
        ]

    def __getitem__(self, name: str) -> Resource:
        match name:
            case "issues":
                return IssuesResource(self)
            case "labels":
                return LabelsResource(self)
            case "milestones":
                return MilestonesResource(self)
            case "permissions":
                return ProjectGrantsResource(self, self.project)
        raise KeyError(name)
