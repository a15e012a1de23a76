"""The form of a label."""

from __future__ import annotations

from typing import Any

import wtforms
from wtforms import validators

from ponytracker.i18n import _
from ponytracker.labels import names
from ponytracker.labels.colors import read_color
from ponytracker.models import Label, Project
from ponytracker.web.forms import Form, LineField, VersionField, version_of


class ColorField(LineField):
    """A colour, which the browser lets one choose. One that cannot shows a line of text."""

    widget = wtforms.widgets.ColorInput()

    def pre_validate(self, form: Any) -> None:
        if read_color(self.data) is None:
            raise validators.ValidationError(_("Write the color like #1D3DBE."))


class ColorCodeField(LineField):
    """A colour as it is written. Left empty, it says nothing."""

    def pre_validate(self, form: Any) -> None:
        if self.data and read_color(self.data) is None:
            raise validators.ValidationError(_("Write the color like #1D3DBE."))


class LabelForm(Form):
    """A label of *project* to add, or *label* to edit."""

    name = LineField(
        _("Name"),
        [
            validators.DataRequired(_("Give the label a name.")),
            validators.Length(max=names.MAX_NAME, message=_("At most ${max} characters.")),
        ],
    )
    color = ColorField(_("Background color"), default="#000000")
    color_code = ColorCodeField(_("Or its code"))
    inverted = wtforms.BooleanField(_("White text, whatever the color"))
    version = VersionField()

    def __init__(self, request: Any, project: Project, label: Label | None = None) -> None:
        self.project = project
        self.label = label
        version = label and version_of(label.name, label.color, label.inverted)
        super().__init__(request, obj=label, version=version)

    @property
    def chosen_color(self) -> str | None:
        """The colour, by its code where one was typed; nothing where it is none."""
        return read_color(self.color_code.data or self.color.data)

    @property
    def values(self) -> dict[str, Any]:
        """What a valid form says of the label."""
        return {
            "name": self.name.data,
            "color": self.chosen_color,
            "inverted": self.inverted.data,
        }

    def validate_name(self, field: wtforms.Field) -> None:
        try:
            names.check_name(self.request.dbsession, self.project, field.data, besides=self.label)
        except names.UnfitName as error:
            raise validators.ValidationError(error.args[0]) from None
