"""Milestones in the tree: those of a project that are not deleted, each under its slug."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ponytracker.models import Milestone
from ponytracker.resources.base import Resource

if TYPE_CHECKING:
    from ponytracker.resources.project import ProjectResource


class MilestonesResource(Resource):
    """All milestones of a project."""

    __parent__: ProjectResource

    def __init__(self, parent: ProjectResource) -> None:
        super().__init__(parent, "milestones")
        self.project = parent.project
        self.session = parent.session

    def __getitem__(self, name: str) -> MilestoneResource:
        milestone = self.session.scalar(
            select(Milestone).where(
                Milestone.slug == name,
                Milestone.project_id == self.project.id,
                Milestone.deleted.is_(False),
            )
        )
        if milestone is None:
            raise KeyError(name)
        return MilestoneResource(self, milestone)


class MilestoneResource(Resource):
    __parent__: MilestonesResource

    def __init__(self, parent: MilestonesResource, milestone: Milestone) -> None:
        super().__init__(parent, milestone.slug)
        self.project = parent.project
        self.session = parent.session
        self.milestone = milestone
