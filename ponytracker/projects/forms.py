"""The forms of projects."""

from __future__ import annotations

from typing import Any

import wtforms
from wtforms import validators
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # stubs lag

from ponytracker.i18n import _
from ponytracker.models import Access, Project
from ponytracker.projects import service
from ponytracker.resources import RESERVED_NAMES
from ponytracker.text import fold
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

MAX_DISPLAY_NAME_KEY = Project.display_name_key.type.length
"""Characters of a folded name. One character may become eighteen, such as U+FDFA."""


class ProjectForm(Form):
    """A project to add, or *project* to edit."""

    display_name = LineField(
        _("Project name"),
        [
            validators.DataRequired(_("Give the project a name.")),
            validators.Length(max=32, message=_("At most ${max} characters.")),
        ],
    )
    name = LineField(
        _("Name in addresses"),
        [
            validators.DataRequired(_("Give the project a name for its address.")),
            validators.Length(max=32, message=_("At most ${max} characters.")),
            validators.Regexp(
                r"[-a-zA-Z0-9_]+\Z", message=_("Use only letters, digits, hyphens and underscores.")
            ),
        ],
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
        if fold(field.data) in RESERVED_NAMES:
            raise validators.ValidationError(_("Sorry, this URL is reserved and can not be used."))
        if service.is_name_taken(self.request.dbsession, field.data, besides=self.project):
            raise validators.ValidationError(_("There is already a project at this address."))

    def validate_display_name(self, field: wtforms.Field) -> None:
        if len(fold(field.data)) > MAX_DISPLAY_NAME_KEY:
            raise validators.ValidationError(
                _("Write this name with simpler characters: some of these stand for many others.")
            )
        if service.is_display_name_taken(self.request.dbsession, field.data, besides=self.project):
            raise validators.ValidationError(_("There is already a project with a similar name."))
