"""Labels: listing a project's, and adding, editing and deleting them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import Session

from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.issues.each import change_each
from ponytracker.issues.service import remove_label
from ponytracker.issues.unread import MAX_COUNT
from ponytracker.models import Issue, IssueLabel, Label, Project, User
from ponytracker.projects.service import lock_project


def list_labels(session: Session, project: Project) -> Sequence[Label]:
    """Return the labels of *project*, by name."""
    return session.scalars(
        select(Label)
        .where(Label.project_id == project.id, Label.deleted.is_(False))
        .order_by(func.lower(Label.name), Label.id)
    ).all()


def list_with_counts(session: Session, project: Project) -> Sequence[Row[tuple[Label, int]]]:
    """Return the labels of *project*, by name, each with how many issues have it.

    Open or closed, and at most `MAX_COUNT`: so an index alone tells it, at any size.
    """
    some = (
        select(IssueLabel.issue_id)
        .where(IssueLabel.label_id == Label.id)
        .limit(MAX_COUNT)
        .correlate(Label)
        .subquery()
    )
    count = select(func.count()).select_from(some).scalar_subquery()
    return session.execute(
        select(Label, count)
        .where(Label.project_id == project.id, Label.deleted.is_(False))
        .order_by(func.lower(Label.name), Label.id)
    ).all()


def count_issues(session: Session, label: Label) -> int:
    """Return how many issues have *label*, in whatever state."""
    having = select(func.count()).where(IssueLabel.label_id == label.id)
    return session.scalars(having).one()


def create_label(
    session: Session, project: Project, *, name: str, color: str, inverted: bool = False
) -> Label:
    """Add a label to *project*, under a name that `names.check_name` lets it have."""
    label = Label(project_id=project.id, name=name, color=color, inverted=inverted)
    session.add(label)
    session.flush()
    return label


def edit_label(session: Session, label: Label, *, name: str, color: str, inverted: bool) -> None:
    """Change *label*, to a name that `names.check_name` lets it have. Events keep what it was."""
    _lock_label(session, label)
    label.name = name
    label.color = color
    label.inverted = inverted


def delete_label(session: Session, actor: User, label: Label) -> None:
    """Take *label* off all issues, each with an event, and out of the project."""
    _lock_label(session, label)
    batch = str(uuid.uuid4())
    has_label = exists().where(IssueLabel.issue_id == Issue.id, IssueLabel.label_id == label.id)
    change_each(
        session,
        label,
        has_label,
        lambda issue: remove_label(session, issue, actor, label, batch=batch),
    )
    label.deleted = True


def _lock_label(session: Session, label: Label) -> None:
    """Hold the project of *label*; raise `Conflict` where the label was deleted meanwhile."""
    lock_project(session, label.project)
    session.refresh(label, ["name", "color", "inverted", "deleted"])
    if label.deleted:
        raise Conflict(_("This label was deleted meanwhile."))
