"""Who follows a project: by watching it, and by having read all that happened in it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import (
    Event,
    Notifications,
    Project,
    ProjectReadMark,
    ProjectSubscription,
    User,
)
from ponytracker.security.principals import Identity

INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Each database's own INSERT, which can update the row where there is one."""


class CannotWatch(DomainError):
    """Someone cannot watch a project, or stop to; the text says why."""


def watch_project(session: Session, actor: Identity, project: Project) -> None:
    """Let *actor* hear of whatever happens in *project*; raise `CannotWatch`."""
    user = session.get_one(User, actor.user_id)
    if not user.email:
        raise CannotWatch(
            _("You must set an email address in your profile in order to watch this project.")
        )
    if user.notifications is Notifications.NEVER:
        raise CannotWatch(
            _("You must enable notifications in your profile in order to watch this project.")
        )
    if is_watching(session, actor, project):
        raise CannotWatch(_("You are already subscribed to this project."))
    session.add(ProjectSubscription(project_id=project.id, user_id=user.id))


def unwatch_project(session: Session, actor: Identity, project: Project) -> None:
    """Let *actor* hear no more of *project* as a whole; raise `CannotWatch`."""
    deleted = session.scalars(
        delete(ProjectSubscription)
        .where(
            ProjectSubscription.project_id == project.id,
            ProjectSubscription.user_id == actor.user_id,
        )
        .returning(ProjectSubscription.user_id)
    )
    if not deleted.all():
        raise CannotWatch(_("You are not subscribed to this project."))


def is_watching(session: Session, actor: Identity, project: Project) -> bool:
    """Return whether *actor* watches *project*."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    ProjectSubscription.project_id == project.id,
                    ProjectSubscription.user_id == actor.user_id,
                )
            )
        )
    )


def mark_project_read(session: Session, actor: Identity, project: Project) -> None:
    """Let everything that has happened in *project* count as read by *actor*: one row."""
    # Of all projects, which the primary key answers at once; what is later here comes after it.
    last_event_id = session.scalar(select(func.max(Event.id)))
    if last_event_id is None:
        return
    insert = INSERT[session.get_bind().dialect.name](ProjectReadMark).values(
        user_id=actor.user_id, project_id=project.id, last_event_id=last_event_id
    )
    # Of two at once the later mark stays, in whatever order they come.
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["user_id", "project_id"],
            set_={"last_event_id": insert.excluded.last_event_id},
            where=ProjectReadMark.last_event_id < insert.excluded.last_event_id,
        )
    )
