"""What a label may be called."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import Label, Project
from ponytracker.projects.service import lock_project
from ponytracker.text import fold

MAX_NAME = 64
"""Characters of a label's name."""

MAX_LABELS = 1000
"""How many labels a project may have; an import may bring more."""


class UnfitName(DomainError):
    """No label, or no other one, may have that name; the text says why."""


def check_name(
    session: Session, project: Project, name: str, *, besides: Label | None = None
) -> None:
    """Raise `UnfitName` where no label of *project* but *besides* may have *name*.

    Holds the project: until the commit no other label gets that name, in whatever case.
    """
    lock_project(session, project)
    rows = select(Label.id, Label.name).where(
        Label.project_id == project.id, Label.deleted.is_(False)
    )
    others = [fold(row.name) for row in session.execute(rows) if row.id != (besides and besides.id)]
    if fold(name) in others:
        raise UnfitName(_("There is already a label with this name."))
    if besides is None and len(others) >= MAX_LABELS:
        most = {"max": MAX_LABELS}
        raise UnfitName(_("A project has at most ${max} labels. Delete one first.", mapping=most))
