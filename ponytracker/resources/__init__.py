"""Where it is: the tree of projects, issues, comments and administration, each with its ACL."""

from typing import Any

from ponytracker.resources.admin import (
    AdminResource,
    GroupResource,
    GroupsResource,
    GroupUserResource,
    OutboxResource,
    OwedMailResource,
    ReceivedMailResource,
    ReceivedMailsResource,
    TeamGroupResource,
    TeamResource,
    TeamsResource,
    TeamUserResource,
    UserResource,
    UsersResource,
)
from ponytracker.resources.api import ApiResource, MailApiResource, MailGateResource
from ponytracker.resources.attachment import (
    AttachmentFileResource,
    AttachmentResource,
    AttachmentsResource,
)
from ponytracker.resources.base import Resource
from ponytracker.resources.grant import (
    GrantResource,
    GrantsResource,
    ProjectGrantResource,
    ProjectGrantsResource,
    SiteGrantResource,
    SiteGrantsResource,
)
from ponytracker.resources.issue import (
    CommentResource,
    CommentsResource,
    IssueResource,
    IssuesResource,
)
from ponytracker.resources.label import LabelResource, LabelsResource
from ponytracker.resources.login import LoginResource
from ponytracker.resources.milestone import MilestoneResource, MilestonesResource
from ponytracker.resources.operations import HealthResource, MetricsResource
from ponytracker.resources.profile import ProfileResource
from ponytracker.resources.project import ProjectResource
from ponytracker.resources.root import RESERVED_NAMES, Root
from ponytracker.resources.unsubscribe import LeavingResource, UnsubscribeResource

__all__ = [
    "RESERVED_NAMES",
    "AdminResource",
    "ApiResource",
    "AttachmentFileResource",
    "AttachmentResource",
    "AttachmentsResource",
    "CommentResource",
    "CommentsResource",
    "GrantResource",
    "GrantsResource",
    "GroupResource",
    "GroupUserResource",
    "GroupsResource",
    "HealthResource",
    "IssueResource",
    "IssuesResource",
    "LabelResource",
    "LabelsResource",
    "LeavingResource",
    "LoginResource",
    "MailApiResource",
    "MailGateResource",
    "MetricsResource",
    "MilestoneResource",
    "MilestonesResource",
    "OutboxResource",
    "OwedMailResource",
    "ProfileResource",
    "ProjectGrantResource",
    "ProjectGrantsResource",
    "ProjectResource",
    "ReceivedMailResource",
    "ReceivedMailsResource",
    "Resource",
    "Root",
    "SiteGrantResource",
    "SiteGrantsResource",
    "TeamGroupResource",
    "TeamResource",
    "TeamUserResource",
    "TeamsResource",
    "UnsubscribeResource",
    "UserResource",
    "UsersResource",
]


def root_factory(request: Any) -> Root:
    return Root(request.dbsession, request.identity)


def includeme(config: Any) -> None:
    config.set_root_factory(root_factory)
