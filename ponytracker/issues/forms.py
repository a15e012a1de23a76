"""The forms of issues and comments."""

from __future__ import annotations

from wtforms import validators

from ponytracker.i18n import _
from ponytracker.text import MAX_TEXT, MAX_TITLE
from ponytracker.web.forms import (
    Form,
    LineField,
    LocalTimeField,
    SubmissionField,
    TextField,
    VersionField,
)

_TEXT_LENGTH = validators.Length(
    max=MAX_TEXT, message=_("At most ${max} characters. Attach or link what is longer.")
)


class IssueForm(Form):
    title = LineField(
        _("Title"),
        [
            validators.DataRequired(_("Give the issue a title.")),
            validators.Length(max=MAX_TITLE, message=_("At most ${max} characters.")),
        ],
    )
    due_date = LocalTimeField(_("Due date"))
    description = TextField(_("Description"), [_TEXT_LENGTH])
    submission = SubmissionField()
    version = VersionField()


class CommentForm(Form):
    comment = TextField(
        _("Comment"), [validators.DataRequired(_("Write a comment first.")), _TEXT_LENGTH]
    )
    submission = SubmissionField()
