"""Projects: creating, editing, archiving and deleting them, and listing those one may see."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from ponytracker.accounts.losses import grants_on
from ponytracker.attachments.service import forget_project
from ponytracker.db import let_take_long
from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.models import (
    Access,
    Grant,
    GrantPermission,
    Issue,
    Label,
    Milestone,
    Project,
    ProjectSubscription,
    User,
)
from ponytracker.security import audit
from ponytracker.security.permissions import ON_PROJECT
from ponytracker.security.principals import SHELL, Identity
from ponytracker.security.visibility import may_see_project
from ponytracker.text import fold

FIRST_LABELS = (("bug", "#FF0000"), ("feature", "#00A000"), ("documentation", "#1D3DBE"))
"""The labels of a new project, each with its colour."""


MENU_LENGTH = 20
"""How many projects the menu of each page names; the project list has them all."""


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """How much there is in a project, and would be gone with it."""

    issues: int
    comments: int
    labels: int
    milestones: int
    subscriptions: int
    grants: int


def create_project(
    session: Session,
    creator: User | None,
    *,
    name: str,
    display_name: str,
    description: str = "",
    access: Access = Access.PUBLIC,
    labels: Iterable[tuple[str, str]] = FIRST_LABELS,
    actor: Identity = SHELL,
) -> Project:
    """Create a project; its creator watches it and gets every right on it.

    *actor* is who asked for it: where it is nobody on a page, it is a command.
    """
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
        session.flush()
    after = {
        **_facts(project),
        "creator": creator and creator.username,
        **grants_on(session, project.id),
    }
    audit.record(session, actor, "project.add", project.name, after=after)
    return project


def edit_project(
    session: Session,
    actor: Identity,
    project: Project,
    *,
    name: str,
    display_name: str,
    description: str,
    access: Access,
) -> None:
    lock_project(session, project)
    before, target = _facts(project), project.name
    project.name = name
    project.display_name = display_name
    project.description = description
    project.access = access
    after = _facts(project)
    if after != before:
        audit.record(session, actor, "project.edit", target, before=before, after=after)


def archive_project(session: Session, actor: Identity, project: Project) -> None:
    """Make *project* read-only; raise `Conflict` when it is already."""
    lock_project(session, project)
    if project.archived:
        raise Conflict(_("This project is archived already."))
    project.archived = True
    audit.record(session, actor, "project.archive", project.name)


def unarchive_project(session: Session, actor: Identity, project: Project) -> None:
    """Bring *project* back from the archive; raise `Conflict` when it is not there."""
    lock_project(session, project)
    if not project.archived:
        raise Conflict(_("This project is not archived."))
    project.archived = False
    audit.record(session, actor, "project.unarchive", project.name)


def delete_project(session: Session, actor: Identity, project: Project) -> None:
    """Delete *project* and all that is in it; the database does most of it, in one statement."""
    lock_project(session, project)
    before = {
        **_facts(project),
        **dataclasses.asdict(count_contents(session, project)),
        **grants_on(session, project.id),
    }
    let_take_long(session)
    forget_project(session, project.id)
    session.execute(delete(Project).where(Project.id == project.id))
    audit.record(session, actor, "project.delete", before["name"], before=before)


def count_contents(session: Session, project: Project) -> Contents:
    """Return how much there is in *project*: one query."""

    def count(model: Any, *conditions: ColumnElement[bool]) -> Any:
        rows = select(func.count()).select_from(model)
        return rows.where(model.project_id == project.id, *conditions).scalar_subquery()

    comments = select(func.coalesce(func.sum(Issue.comment_count), 0))
    counts = session.execute(
        select(
            count(Issue),
            comments.where(Issue.project_id == project.id).scalar_subquery(),
            count(Label, Label.deleted.is_(False)),
            count(Milestone, Milestone.deleted.is_(False)),
            count(ProjectSubscription),
            count(Grant),
        )
    ).one()
    return Contents(*counts)


def lock_project(session: Session, project: Project) -> None:
    """Hold the row of *project*, with its counters as they are now, until the commit.

    Raise `Conflict` where it was deleted meanwhile.
    """
    session.flush()  # what is not written yet would be lost by reading the row again
    locked = select(Project).where(Project.id == project.id).with_for_update(key_share=True)
    if session.scalar(locked.execution_options(populate_existing=True)) is None:
        raise Conflict(_("This project was deleted meanwhile."))


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


def find_visible_project(session: Session, reader: Identity, name: str) -> Project | None:
    """Return the project of that name, if *reader* may see it."""
    return session.scalar(
        select(Project).where(Project.name_key == fold(name), may_see_project(reader))
    )


def find_project(session: Session, name: str) -> Project | None:
    """Return the project whose URL name is *name*, in whatever case, whoever asks."""
    return session.scalar(select(Project).where(Project.name_key == fold(name)))


def _facts(project: Project) -> dict[str, Any]:
    """Return what the audit log keeps of *project*."""
    return {
        "name": project.name,
        "display_name": project.display_name,
        "description": project.description,
        "access": project.access,
    }
