"""What rights and grantees are called on pages."""

from __future__ import annotations

from pyramid.i18n import TranslationString

from ponytracker.i18n import _
from ponytracker.models import Grant
from ponytracker.security.permissions import Permission

NAMES: dict[Permission, TranslationString] = {
    Permission.VIEW: _("see the project"),
    Permission.SIGNED_IN: _("do what everyone who is signed in may do"),
    Permission.READ_AUDIT_LOG: _("read the audit log"),
    Permission.READ_MAIL: _("read the mail that comes in and goes out"),
    Permission.CREATE_PROJECT: _("create projects"),
    Permission.ACCESS_PROJECT: _("see every project, also the private ones"),
    Permission.MANAGE_ACCOUNTS: _("manage users, groups and teams"),
    Permission.MANAGE_GLOBAL_PERMISSION: _("manage permissions on PonyTracker"),
    Permission.MANAGE_SETTINGS: _("change the settings of PonyTracker"),
    Permission.CREATE_ISSUE: _("open issues"),
    Permission.CREATE_COMMENT: _("comment on issues"),
    Permission.MODIFY_OWN_COMMENT: _("edit their own issues and comments"),
    Permission.MANAGE_ISSUE: _("close and reopen issues"),
    Permission.MANAGE_TAGS: _("create, edit and set labels and milestones"),
    Permission.MODIFY_ISSUE: _("edit any issue"),
    Permission.MODIFY_COMMENT: _("edit any comment"),
    Permission.DELETE_COMMENT: _("delete comments"),
    Permission.DELETE_ISSUE: _("delete issues"),
    Permission.DELETE_TAGS: _("delete labels and milestones"),
    Permission.MODIFY_PROJECT: _("edit and archive the project"),
    Permission.DELETE_PROJECT: _("delete the project"),
    Permission.MANAGE_PROJECT_PERMISSION: _("manage permissions on the project"),
}
"""What each permission lets one do, to follow "may": from what many have to what few should."""


def grantee_name(grant: Grant) -> TranslationString:
    """Return what *grant* is given to: "User alice", "Team core", "Anyone signed in"."""
    if grant.user is not None:
        return _("User ${name}", mapping={"name": grant.user.username})
    if grant.group is not None:
        return _("Group ${name}", mapping={"name": grant.group.name})
    if grant.team is not None:
        return _("Team ${name}", mapping={"name": grant.team.name})
    return _("Anyone signed in")
