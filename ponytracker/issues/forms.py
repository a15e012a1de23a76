"""The forms of issues and comments."""

from __future__ import annotations

from typing import Any

import wtforms
from wtforms import validators
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # stubs lag

from ponytracker.accounts.query import MAX_TYPED
from ponytracker.attachments.forms import FilesField
from ponytracker.i18n import _
from ponytracker.issues.assignees import find_assignee
from ponytracker.models import Event, Issue, StateReason, User
from ponytracker.text import MAX_TEXT, MAX_TITLE
from ponytracker.web.forms import (
    Form,
    LineField,
    LocalTimeField,
    SubmissionField,
    TextField,
    VersionField,
    versions_of,
)

_TEXT_LENGTH = validators.Length(
    max=MAX_TEXT, message=_("At most ${max} characters. Attach or link what is longer.")
)


class IssueForm(Form):
    """An issue to open, or with *issue* and its *description* one to edit."""

    title = LineField(
        _("Title"),
        [
            validators.DataRequired(_("Give the issue a title.")),
            validators.Length(max=MAX_TITLE, message=_("At most ${max} characters.")),
        ],
    )
    due_date = LocalTimeField(_("Due date"))
    description = TextField(_("Description"), [_TEXT_LENGTH])
    attachment = FilesField(_("Files"))
    submission = SubmissionField()
    version = VersionField()

    def __init__(
        self, request: Any, issue: Issue | None = None, description: Event | None = None
    ) -> None:
        fields = {}
        if issue and description:
            fields = {
                "title": issue.title,
                "due_date": issue.due_at,
                "description": description.text or "",
            }
        version = versions_of(**fields)
        super().__init__(request, version=version, attachment=description, **fields)


class CommentForm(Form):
    """A comment to write, or *comment* to edit. One with files may do without words."""

    comment = TextField(_("Comment"), [_TEXT_LENGTH])
    attachment = FilesField(_("Files"))
    submission = SubmissionField()
    version = VersionField()

    def __init__(self, request: Any, comment: Event | None = None) -> None:
        fields = {"comment": comment.text or ""} if comment else {}
        super().__init__(request, version=versions_of(**fields), attachment=comment, **fields)

    def validate_comment(self, field: wtforms.Field) -> None:
        if not field.data.strip() and not self.attachment.is_any_left:
            raise validators.StopValidation(_("Write a comment first."))


REASONS = [
    SelectChoice("", _("without a reason")),
    SelectChoice(StateReason.COMPLETED.value, _("as completed")),
    SelectChoice(StateReason.NOT_PLANNED.value, _("as not planned")),
    SelectChoice(StateReason.DUPLICATE.value, _("as a duplicate")),
]


class CloseForm(Form):
    reason = wtforms.SelectField(_("Reason"), choices=REASONS, default="")

    @property
    def state_reason(self) -> StateReason | None:
        return StateReason(self.reason.data) if self.reason.data else None


class AssignForm(Form):
    """Who is to see to *issue*, by name; nobody, where there is none."""

    assignee = LineField(_("Assignee"), [validators.Length(max=MAX_TYPED)])
    found: User | None = None

    def __init__(self, request: Any, issue: Issue) -> None:
        self.issue = issue
        super().__init__(request, assignee=issue.assignee.username if issue.assignee else "")

    def validate_assignee(self, field: wtforms.Field) -> None:
        if not field.data:
            return
        self.found = find_assignee(self.request.dbsession, self.issue.project, field.data)
        if self.found is None:
            name = {"name": field.data}
            raise validators.ValidationError(_("User '${name}' does not exist.", mapping=name))
