"""Issues and their comments in the tree, and how long their authors may edit them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyramid.traversal import find_interface, find_root
from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from ponytracker.models import EditPolicy, Event, EventKind, Issue, SiteSettings
from ponytracker.models.base import now
from ponytracker.resources.attachment import AttachmentsResource
from ponytracker.resources.base import Resource, number
from ponytracker.security.acl import Ace, allow
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import IEnclosure, may
from ponytracker.security.principals import grantee_principal, user_principal

if TYPE_CHECKING:
    from ponytracker.resources.project import ProjectResource


class IssuesResource(Resource):
    """All issues of a project."""

    __parent__: ProjectResource

    def __init__(self, parent: ProjectResource) -> None:
        super().__init__(parent, "issues")
        self.project = parent.project
        self.session: Session = parent.session

    def __getitem__(self, name: str) -> IssueResource | AttachmentsResource:
        if name == "attachments":
            return AttachmentsResource(self)
        issue = self.session.scalar(
            select(Issue)
            .where(Issue.project_id == self.project.id, Issue.number == number(name))
            .options(
                joinedload(Issue.author), joinedload(Issue.assignee), joinedload(Issue.milestone)
            )
        )
        if issue is None:
            raise KeyError(name)
        return IssueResource(self, issue)


class IssueResource(Resource):
    __parent__: IssuesResource

    def __init__(self, parent: IssuesResource, issue: Issue) -> None:
        super().__init__(parent, str(issue.number))
        self.project = parent.project
        self.session = parent.session
        self.issue = issue

    def __acl__(self) -> list[Ace]:
        issue = self.issue
        return allow_author(
            self,
            issue.author_id,
            Permission.MODIFY_ISSUE,
            written_at=issue.created_at,
            is_last=not issue.comment_count,
        )

    def __getitem__(self, name: str) -> CommentsResource | AttachmentsResource:
        match name:
            case "comments":
                return CommentsResource(self)
            case "attachments":
                return AttachmentsResource(self)
        raise KeyError(name)


class CommentsResource(Resource):
    """The comments of an issue, each under the id of the event that made it."""

    __parent__: IssueResource

    def __init__(self, parent: IssueResource) -> None:
        super().__init__(parent, "comments")
        self.project = parent.project
        self.session = parent.session
        self.issue = parent.issue

    def __getitem__(self, name: str) -> CommentResource:
        later = Event.__table__.alias()
        is_last = ~exists().where(
            later.c.issue_id == self.issue.id,
            later.c.id > Event.id,
            later.c.kind == EventKind.COMMENTED,
            later.c.deleted_at.is_(None),
        )
        found = self.session.execute(
            select(Event, is_last)
            .where(
                Event.id == number(name),
                Event.issue_id == self.issue.id,
                Event.kind == EventKind.COMMENTED,
                Event.deleted_at.is_(None),
            )
            .options(joinedload(Event.actor))
        ).one_or_none()
        if found is None:
            raise KeyError(name)
        return CommentResource(self, *found)


class CommentResource(Resource):
    """A comment. *is_last* says that no other was written after it."""

    __parent__: CommentsResource

    def __init__(self, parent: CommentsResource, comment: Event, is_last: bool) -> None:
        super().__init__(parent, str(comment.id))
        self.project = parent.project
        self.session = parent.session
        self.issue = parent.issue
        self.comment = comment
        self.is_last = is_last

    def __acl__(self) -> list[Ace]:
        return allow_author(
            self,
            self.comment.actor_id,
            Permission.MODIFY_COMMENT,
            written_at=self.comment.created_at,
            is_last=self.is_last,
        )


def editable_comments(node: IssueResource, comments: Sequence[Event]) -> frozenset[int]:
    """Return the ids of those of *comments* that whoever asks may edit.

    They are all comments of the issue, in order; the database is asked nothing for each.
    """
    identity = find_root(node).identity
    if may(identity, node, Permission.MODIFY_COMMENT):
        return frozenset(comment.id for comment in comments)
    if not may(identity, node, Permission.MODIFY_OWN_COMMENT):
        return frozenset()
    place = CommentsResource(node)
    own = (comment for comment in comments if comment.actor_id == identity.user_id)
    nodes = (CommentResource(place, comment, comment is comments[-1]) for comment in own)
    return frozenset(
        node.comment.id for node in nodes if may(identity, node, Permission.MODIFY_COMMENT)
    )


def allow_author(
    node: IssueResource | CommentResource,
    author_id: int | None,
    permission: Permission,
    *,
    written_at: dt.datetime,
    is_last: bool,
) -> list[Ace]:
    """Return the entries by which the author may edit *node*, while the edit policy lets them.

    Each asks for two principals: being the author, and being given modify_own_comment.
    """
    project: ProjectResource = find_interface(node, IEnclosure)
    given = [
        grant
        for grant in (*project.grants, *project.site_grants)
        if grant.gives(Permission.MODIFY_OWN_COMMENT)
    ]
    if author_id is None or not given:
        return []
    settings = project.__parent__.settings
    if not is_editable(settings, written_at=written_at, is_last=is_last):
        return []
    # Nothing is denied here, so the order is only that of reading.
    author = user_principal(author_id)
    return [allow({grantee_principal(grant), author}, permission, grant) for grant in given]


def is_editable(settings: SiteSettings, *, written_at: dt.datetime, is_last: bool) -> bool:
    """Return whether the site's edit policy lets an author still change what they wrote."""
    match settings.edit_policy:
        case EditPolicy.ALWAYS:
            return True
        case EditPolicy.MINUTES:
            return now() < written_at + dt.timedelta(minutes=settings.edit_policy_minutes)
        case EditPolicy.UNTIL_NEXT_COMMENT:
            return is_last
