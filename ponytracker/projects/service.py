"""Projects: creating and editing them, and listing those one may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.orm import Session

from ponytracker.models import (
    Access,
    Grant,
    GrantPermission,
    Label,
    Project,
    ProjectSubscription,
    User,
)
from ponytracker.security.permissions import ON_PROJECT
from ponytracker.security.principals import Identity
from ponytracker.security.visibility import may_see_project
from ponytracker.text import fold

FIRST_LABELS = (("bug", "#FF0000"), ("feature", "#00A000"), ("documentation", "#1D3DBE"))
"""The labels of a new project, each with its colour."""


MENU_LENGTH = 20
"""How many projects the menu of each page names; the project list has them all."""


def create_project(
    session: Session,
    creator: User | None,
    *,
    name: str,
    display_name: str,
    description: str = "",
    access: Access = Access.PUBLIC,
    labels: Iterable[tuple[str, str]] = FIRST_LABELS,
) -> Project:
    """Create a project; its creator watches it and gets every right on it."""
    project = Project(name=name, display_name=display_name, description=description, access=access)
    session.add(project)
    session.flush()
    session.add_all(
        Label(project_id=project.id, name=label, color=color) for label, color in labels
    )
    if creator is not None:
        session.add(ProjectSubscription(project_id=project.id, user_id=creator.id))
        session.add(
            Grant(
                project_id=project.id,
                user_id=creator.id,
                permissions=[GrantPermission(permission=name) for name in sorted(ON_PROJECT)],
            )
        )
    return project


def edit_project(
    project: Project, *, name: str, display_name: str, description: str, access: Access
) -> None:
    project.name = name
    project.display_name = display_name
    project.description = description
    project.access = access


def list_projects(
    session: Session, identity: Identity, *, archived: bool, limit: int | None = None
) -> Sequence[Project]:
    """Return the projects that *identity* may see, by name; at most *limit*, where it is given."""
    return session.scalars(
        select(Project)
        .where(may_see_project(identity), Project.archived == archived)
        .order_by(Project.display_name_key)
        .limit(limit)
    ).all()


def find_project(session: Session, name: str) -> Project | None:
    """Return the project whose URL name is *name*, in whatever case, whoever asks."""
    return session.scalar(select(Project).where(Project.name_key == fold(name)))


def is_name_taken(session: Session, name: str, *, besides: Project | None) -> bool:
    """Return whether another project has this URL name, in whatever case."""
    return _is_taken(session, Project.name_key == fold(name), besides)


def is_display_name_taken(session: Session, display_name: str, *, besides: Project | None) -> bool:
    """Return whether another project is called like this, in whatever case."""
    return _is_taken(session, Project.display_name_key == fold(display_name), besides)


def _is_taken(session: Session, same: ColumnElement[bool], besides: Project | None) -> bool:
    others = Project.id != besides.id if besides else true()
    return bool(session.scalar(select(exists().where(same, others))))
