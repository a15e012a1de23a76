"""What is stored: one module a noun."""

from ponytracker.models.account import (
    AccountToken,
    Attempt,
    Group,
    Notifications,
    SignInSession,
    Team,
    TokenPurpose,
    User,
)
from ponytracker.models.attachment import Attachment
from ponytracker.models.base import Base
from ponytracker.models.event import Event, EventKind, TextRevision
from ponytracker.models.grant import Grant, GrantPermission
from ponytracker.models.issue import (
    Issue,
    IssueLabel,
    IssueSubscription,
    State,
    StateReason,
    SubscriptionReason,
)
from ponytracker.models.mail import MailReason, MailState, OwedMail, PersonalAddress, ReceivedMail
from ponytracker.models.project import Access, Label, Milestone, Project, ProjectSubscription
from ponytracker.models.read_mark import ProjectReadMark, ReadMark
from ponytracker.models.site import AuditEntry, EditPolicy, SiteSettings

__all__ = [
    "Access",
    "AccountToken",
    "Attachment",
    "Attempt",
    "AuditEntry",
    "Base",
    "EditPolicy",
    "Event",
    "EventKind",
    "Grant",
    "GrantPermission",
    "Group",
    "Issue",
    "IssueLabel",
    "IssueSubscription",
    "Label",
    "MailReason",
    "MailState",
    "Milestone",
    "Notifications",
    "OwedMail",
    "PersonalAddress",
    "Project",
    "ProjectReadMark",
    "ProjectSubscription",
    "ReadMark",
    "ReceivedMail",
    "SignInSession",
    "SiteSettings",
    "State",
    "StateReason",
    "SubscriptionReason",
    "Team",
    "TextRevision",
    "TokenPurpose",
    "User",
]
