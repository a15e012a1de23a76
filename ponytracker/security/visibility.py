"""Which projects someone may see, as SQL. There is no other such rule; the ACLs agree with it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_, true

from ponytracker.models.grant import Grant, GrantPermission
from ponytracker.models.project import Access, Project
from ponytracker.security.permissions import Permission
from ponytracker.security.principals import Identity


def may_see_project(identity: Identity) -> ColumnElement[bool]:
    """Return the condition on `Project` that holds for those *identity* may see.

    Everyone sees the public ones, whoever is signed in those that ask for registration too, and
    the private ones are for those with a grant on them or a global access_project.
    """
    if identity.is_superuser:
        return true()
    if not identity.is_signed_in:
        return Project.access == Access.PUBLIC
    on_this_project = exists().where(Grant.project_id == Project.id, is_grantee(identity))
    on_all_projects = exists().where(
        Grant.project_id.is_(None),
        is_grantee(identity),
        Grant.id == GrantPermission.grant_id,
        GrantPermission.permission == Permission.ACCESS_PROJECT,
    )
    return or_(
        Project.access.in_((Access.PUBLIC, Access.REGISTERED)), on_this_project, on_all_projects
    )


def is_grantee(identity: Identity) -> ColumnElement[bool]:
    """Return the condition on `Grant` that holds for those given to *identity*."""
    return or_(
        Grant.user_id == identity.user_id,
        Grant.group_id.in_(identity.group_ids),
        Grant.team_id.in_(identity.team_ids),
        and_(Grant.user_id.is_(None), Grant.group_id.is_(None), Grant.team_id.is_(None)),
    )
