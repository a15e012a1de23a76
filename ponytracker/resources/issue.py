"""Issues and their comments in the tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from ponytracker.models import Issue
from ponytracker.resources.base import Resource
from ponytracker.security.acl import Ace, allow
from ponytracker.security.permissions import Permission
from ponytracker.security.principals import grantee_principal, user_principal

if TYPE_CHECKING:
    from ponytracker.resources.project import ProjectResource

_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class IssuesResource(Resource):
    """All issues of a project."""

    def __init__(self, parent: ProjectResource) -> None:
        super().__init__(parent, "issues")
        self.project = parent.project
        self.session = parent.session
        self.all_grants = [*parent.grants, *parent.site_grants]

    def __getitem__(self, name: str) -> IssueResource:
        issue = _NUMBER.fullmatch(name) and self.session.scalar(
            select(Issue)
            .where(Issue.project_id == self.project.id, Issue.number == int(name))
            .options(
                joinedload(Issue.author), joinedload(Issue.assignee), joinedload(Issue.milestone)
            )
        )
        if not issue:
            raise KeyError(name)
        return IssueResource(self, issue)


class IssueResource(Resource):
    def __init__(self, parent: IssuesResource, issue: Issue) -> None:
        super().__init__(parent, str(issue.number))
        self.project = parent.project
        self.session = parent.session
        self.issue = issue
        self.all_grants = parent.all_grants

    def __acl__(self) -> list[Ace]:
        # Nothing is denied here, so the order is only that of reading.
        if self.issue.author_id is None:
            return []
        author = user_principal(self.issue.author_id)
        return [
            allow({grantee_principal(grant), author}, Permission.MODIFY_ISSUE, grant)
            for grant in self.all_grants
            if grant.gives(Permission.MODIFY_OWN_COMMENT)
        ]
