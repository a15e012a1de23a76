"""Who can be given an issue: active people who may see its project."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.accounts.query import find_typed_user, suggest_users
from ponytracker.models import Project, User
from ponytracker.projects.audience import sees


def find_assignee(session: Session, project: Project, typed: str) -> User | None:
    """Return whom *typed* names, "alice" or "alice (Alice Liddell)", if they may see *project*."""
    user = find_typed_user(session, typed)
    if user is None:
        return None
    return session.scalar(select(User).where(User.id == user.id, sees(project)))


def suggest_assignees(session: Session, project: Project, text: str) -> Sequence[User]:
    """Return the first people whose name has *text* in it and who may see *project*."""
    return suggest_users(session, text, among=sees(project))
