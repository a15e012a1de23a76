"""The forms of projects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wtforms
from wtforms import validators
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # stubs lag

from ponytracker.i18n import _
from ponytracker.models import Access, Project
from ponytracker.projects import names
from ponytracker.web.forms import Form, LineField, TextField, VersionField, version_of

ACCESS_CHOICES = [
    SelectChoice(Access.PUBLIC.value, _("Public: everyone can see it")),
    SelectChoice(
        Access.REGISTERED.value, _("Registration required: everyone who is signed in can see it")
    ),
    SelectChoice(Access.PRIVATE.value, _("Private: only those with a grant can see it")),
]

MAX_DESCRIPTION = 4096
"""Characters of a project's description, which the project list shows whole."""


class ProjectForm(Form):
    """A project to add, or *project* to edit."""

    display_name = LineField(
        _("Project name"),
        [validators.DataRequired(_("Give the project a name."))],
    )
    name = LineField(
        _("Name in addresses"),
        [validators.DataRequired(_("Give the project a name for its address."))],
    )
    description = TextField(
        _("Description"),
        [validators.Length(max=MAX_DESCRIPTION, message=_("At most ${max} characters."))],
    )
    access = wtforms.RadioField(
        _("Who can see it"), choices=ACCESS_CHOICES, default=Access.PUBLIC.value
    )

    version = VersionField()

    def __init__(self, request: Any, project: Project | None = None) -> None:
        self.project = project
        version = project and version_of(
            project.name, project.display_name, project.description, project.access
        )
        super().__init__(request, obj=project, version=version)

    def validate_name(self, field: wtforms.Field) -> None:
        self._check(names.check_name, field)

    def validate_display_name(self, field: wtforms.Field) -> None:
        self._check(names.check_display_name, field)

    def _check(self, check: Callable[..., None], field: wtforms.Field) -> None:
        try:
            check(self.request.dbsession, field.data, besides=self.project)
        except names.UnfitName as error:
            raise validators.ValidationError(error.args[0]) from None


class DeleteProjectForm(Form):
    """The name of *project*, typed by whoever really means to delete it."""

    name = LineField(_("Name in addresses"))

    def __init__(self, request: Any, project: Project) -> None:
        self.project = project
        super().__init__(request)

    def validate_name(self, field: wtforms.Field) -> None:
        if field.data != self.project.name:
            raise validators.ValidationError(
                _("This is not the name of the project, so nothing was deleted.")
            )
