"""The names of what one may do, and where each can be granted."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What an ACL allows. A StrEnum, since an ACL compares names as strings."""

    VIEW = "view"
    """See a project and all that is in it. Not granted by name: any grant on a project gives it."""

    SIGNED_IN = "signed_in"
    """What everyone who is signed in may do for themselves: profile, preview, watching."""

    READ_AUDIT_LOG = "read_audit_log"
    """Read who changed which account or right. Not granted either: superusers have it."""

    READ_MAIL = "read_mail"
    """See what mail came in and is owed, and have it taken in or sent again. Not granted either."""

    ACCESS_PROJECT = "access_project"
    CREATE_PROJECT = "create_project"
    MODIFY_PROJECT = "modify_project"
    DELETE_PROJECT = "delete_project"
    MANAGE_SETTINGS = "manage_settings"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_GLOBAL_PERMISSION = "manage_global_permission"
    CREATE_ISSUE = "create_issue"
    MODIFY_ISSUE = "modify_issue"
    MANAGE_ISSUE = "manage_issue"
    DELETE_ISSUE = "delete_issue"
    CREATE_COMMENT = "create_comment"
    MODIFY_COMMENT = "modify_comment"
    MODIFY_OWN_COMMENT = "modify_own_comment"
    DELETE_COMMENT = "delete_comment"
    MANAGE_TAGS = "manage_tags"
    DELETE_TAGS = "delete_tags"
    MANAGE_PROJECT_PERMISSION = "manage_project_permission"


GLOBAL_ONLY = frozenset(
    {
        Permission.ACCESS_PROJECT,
        Permission.CREATE_PROJECT,
        Permission.MANAGE_SETTINGS,
        Permission.MANAGE_ACCOUNTS,
        Permission.MANAGE_GLOBAL_PERMISSION,
    }
)
"""What can be granted on the whole site only."""

NEVER_GRANTED = frozenset(
    {
        Permission.VIEW,
        Permission.SIGNED_IN,
        Permission.READ_AUDIT_LOG,
        Permission.READ_MAIL,
    }
)
"""What follows from something else than a grant of that name."""

ON_PROJECT = frozenset(Permission) - GLOBAL_ONLY - NEVER_GRANTED
"""What can be granted on one project, or globally and then on every project."""

WHILE_ARCHIVED = frozenset(
    {
        Permission.VIEW,
        Permission.SIGNED_IN,
        Permission.MODIFY_PROJECT,
        Permission.DELETE_PROJECT,
        Permission.MANAGE_PROJECT_PERMISSION,
    }
)
"""What an archived project still allows: to read it, and what brings it back or away."""

NOT_WHILE_ARCHIVED = frozenset(Permission) - WHILE_ARCHIVED
