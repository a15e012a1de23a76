"""Attached files in the tree: below their issue, or below all issues while they are pending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.traversal import find_root
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ponytracker.models import Attachment, Project
from ponytracker.resources.base import Resource, number

if TYPE_CHECKING:
    from ponytracker.resources.issue import IssueResource, IssuesResource


class AttachmentsResource(Resource):
    """The files of an issue; or those that wait for a form of whoever asks, and are theirs."""

    def __init__(self, parent: IssueResource | IssuesResource) -> None:
        super().__init__(parent, "attachments")
        self.project: Project = parent.project
        self.session: Session = parent.session

    def __getitem__(self, name: str) -> AttachmentResource:
        attachment = self.session.scalar(
            select(Attachment).where(Attachment.id == number(name), *self.contents())
        )
        if attachment is None:
            raise KeyError(name)
        return AttachmentResource(self, attachment)

    def contents(self) -> tuple[ColumnElement[bool], ...]:
        """Return what is true of each attachment that is here."""
        issue = getattr(self.__parent__, "issue", None)
        if issue is not None:
            return (Attachment.issue_id == issue.id,)
        return (
            Attachment.project_id == self.project.id,
            Attachment.event_id.is_(None),
            # Nobody's is what has lost its uploader: not theirs who have no account.
            Attachment.uploader_id == (find_root(self).identity.user_id or 0),
        )


class AttachmentResource(Resource):
    """An attachment; the only thing in it is its file, under its name."""

    __parent__: AttachmentsResource

    def __init__(self, parent: AttachmentsResource, attachment: Attachment) -> None:
        super().__init__(parent, str(attachment.id))
        self.project = parent.project
        self.session = parent.session
        self.attachment = attachment

    def __getitem__(self, name: str) -> AttachmentFileResource:
        if name != self.attachment.name:
            raise KeyError(name)
        return AttachmentFileResource(self)


class AttachmentFileResource(Resource):
    """The file of an attachment, under the name that a browser saves it by."""

    __parent__: AttachmentResource

    def __init__(self, parent: AttachmentResource) -> None:
        super().__init__(parent, parent.attachment.name)
        self.project = parent.project
        self.attachment = parent.attachment
