"""The form of a milestone."""

from __future__ import annotations

from typing import Any

import wtforms
from wtforms import validators

from ponytracker.i18n import _
from ponytracker.milestones import names
from ponytracker.models import Milestone, Project
from ponytracker.text import MAX_TEXT
from ponytracker.web.forms import (
    Form,
    LineField,
    LocalTimeField,
    TextField,
    VersionField,
    version_of,
)


class MilestoneForm(Form):
    """A milestone of *project* to add, or *milestone* to edit."""

    name = LineField(
        _("Name"),
        [
            validators.DataRequired(_("Give the milestone a name.")),
            validators.Length(max=names.MAX_NAME, message=_("At most ${max} characters.")),
        ],
    )
    due_date = LocalTimeField(_("Due date"))
    description = TextField(
        _("Description"),
        [validators.Length(max=MAX_TEXT, message=_("At most ${max} characters."))],
    )
    version = VersionField()

    def __init__(self, request: Any, project: Project, milestone: Milestone | None = None) -> None:
        self.project = project
        self.milestone = milestone
        due_at = milestone and milestone.due_at
        version = milestone and version_of(milestone.name, due_at, milestone.description)
        super().__init__(request, obj=milestone, due_date=due_at, version=version)

    @property
    def values(self) -> dict[str, Any]:
        """What a valid form says of the milestone."""
        return {
            "name": self.name.data,
            "due_at": self.due_date.data,
            "description": self.description.data,
        }

    def validate_name(self, field: wtforms.Field) -> None:
        session = self.request.dbsession
        try:
            names.check_name(session, self.project, field.data, besides=self.milestone)
        except names.UnfitName as error:
            raise validators.ValidationError(error.args[0]) from None
