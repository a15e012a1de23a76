"""The people of a project: who may see it, and so can be asked to do something in it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists

from ponytracker.models import Project, User
from ponytracker.security.visibility import each_user, may_see_project


def sees(project: Project) -> ColumnElement[bool]:
    """Return the condition on `User` that holds for whoever is active and may see *project*."""
    is_seen = exists().where(Project.id == project.id, may_see_project(each_user()))
    return and_(User.is_active, is_seen.correlate(User))
