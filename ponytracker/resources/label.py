"""Labels in the tree: those of a project that are not deleted, each under its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ponytracker.models import Label
from ponytracker.resources.base import Resource, number

if TYPE_CHECKING:
    from ponytracker.resources.project import ProjectResource


class LabelsResource(Resource):
    """All labels of a project."""

    __parent__: ProjectResource

    def __init__(self, parent: ProjectResource) -> None:
        super().__init__(parent, "labels")
        self.project = parent.project
        self.session = parent.session

    def __getitem__(self, name: str) -> LabelResource:
        label = self.session.scalar(
            select(Label).where(
                Label.id == number(name),
                Label.project_id == self.project.id,
                Label.deleted.is_(False),
            )
        )
        if label is None:
            raise KeyError(name)
        return LabelResource(self, label)


class LabelResource(Resource):
    __parent__: LabelsResource

    def __init__(self, parent: LabelsResource, label: Label) -> None:
        super().__init__(parent, str(label.id))
        self.project = parent.project
        self.session = parent.session
        self.label = label
