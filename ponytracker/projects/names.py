"""What a project may be called: in addresses and on pages, in forms and in importers alike."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import Project
from ponytracker.resources import RESERVED_NAMES
from ponytracker.text import fold

MAX_NAME = 32
"""Characters of either name."""

MAX_DISPLAY_NAME_KEY = Project.display_name_key.type.length
"""Characters of a folded name. One character may become eighteen, such as U+FDFA."""

_NAME = re.compile(r"[-a-zA-Z0-9_]+", re.ASCII)


class UnfitName(DomainError):
    """No project, or no other one, may have that name; the text says why."""


def check_name(session: Session, name: str, *, besides: Project | None = None) -> None:
    """Raise `UnfitName` where no project but *besides* may have *name* in its address."""
    _check_length(name)
    if not _NAME.fullmatch(name):
        raise UnfitName(_("Use only letters, digits, hyphens and underscores."))
    if fold(name) in RESERVED_NAMES:
        raise UnfitName(_("Sorry, this URL is reserved and can not be used."))
    if _is_taken(session, Project.name_key == fold(name), besides):
        raise UnfitName(_("There is already a project at this address."))


def check_display_name(
    session: Session, display_name: str, *, besides: Project | None = None
) -> None:
    """Raise `UnfitName` where no project but *besides* may be called *display_name*."""
    _check_length(display_name)
    if len(fold(display_name)) > MAX_DISPLAY_NAME_KEY:
        raise UnfitName(
            _("Write this name with simpler characters: some of these stand for many others.")
        )
    if _is_taken(session, Project.display_name_key == fold(display_name), besides):
        raise UnfitName(_("There is already a project with a similar name."))


def _check_length(name: str) -> None:
    if not name:
        raise UnfitName(_("A name has at least one character."))
    if len(name) > MAX_NAME:
        raise UnfitName(_("At most ${max} characters.", mapping={"max": MAX_NAME}))


def _is_taken(session: Session, same: ColumnElement[bool], besides: Project | None) -> bool:
    others = Project.id != besides.id if besides else true()
    return bool(session.scalar(select(exists().where(same, others))))
