"""What a milestone may be called, and the slug of that in addresses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import Milestone, Project
from ponytracker.projects.service import lock_project
from ponytracker.resources import RESERVED_NAMES
from ponytracker.text import fold

MAX_NAME = 128
"""Characters of a milestone's name."""

MAX_MILESTONES = 1000
"""How many milestones a project may have; an import may bring more."""

MAX_SLUG = 120
"""Characters of a slug, without the number that tells it from another."""

_ITS_OWN_SLUG = re.compile(rf"[a-z0-9_.-]{{1,{MAX_SLUG}}}", re.ASCII)


class UnfitName(DomainError):
    """No milestone, or no other one, may have that name; the text says why."""


def check_name(
    session: Session, project: Project, name: str, *, besides: Milestone | None = None
) -> None:
    """Raise `UnfitName` where no milestone of *project* but *besides* may have *name*.

    Holds the project: until the commit no other milestone gets that name, in whatever case.
    """
    lock_project(session, project)
    rows = select(Milestone.id, Milestone.name).where(
        Milestone.project_id == project.id, Milestone.deleted.is_(False)
    )
    others = [fold(row.name) for row in session.execute(rows) if row.id != (besides and besides.id)]
    if fold(name) in others:
        raise UnfitName(_("There is already a milestone with this name."))
    if besides is None and len(others) >= MAX_MILESTONES:
        most = {"max": MAX_MILESTONES}
        raise UnfitName(
            _("A project has at most ${max} milestones. Delete one first.", mapping=most)
        )


def slug_of(name: str) -> str:
    """Return *name* as it looks in addresses; the original's names look as they are."""
    if _ITS_OWN_SLUG.fullmatch(name) and name.strip("."):
        return name
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9_.]+", "-", ascii_name).strip("-.")[:MAX_SLUG] or "milestone"


def free_slug(name: str, taken: Set[str]) -> str:
    """Return the slug of the milestone *name*, unlike those *taken*; it never hides a page."""
    slug = free = slug_of(name)
    count = 1
    while free in taken or free in RESERVED_NAMES:
        count += 1
        free = f"{slug}-{count}"
    return free
