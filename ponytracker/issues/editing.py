"""Editing a text while others do: what has been saved since someone began, to be merged."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from ponytracker.issues.difference import Part, compare
from ponytracker.issues.history import find_version
from ponytracker.issues.recording import lock_issue
from ponytracker.models import Event, User
from ponytracker.web.forms import VersionField


@dataclasses.dataclass(frozen=True, slots=True)
class SavedMeanwhile:
    """What another has saved: the names of the fields, and of the text who, when and what.

    `difference` is to the text that was begun from, or nothing where that is not found any more.
    """

    fields: frozenset[str]
    editor: User | None
    edited_at: dt.datetime | None
    text: str
    difference: Sequence[Part] | None


def find_saved_meanwhile(
    session: Session, version: VersionField, event: Event, name: str
) -> SavedMeanwhile | None:
    """Return what was saved since a form was shown, whose field *name* is the text of *event*.

    Where its *version* is still the one that is saved, it is nothing.
    """
    if not version.errors:
        return None
    text, editor, edited_at = event.text or "", event.editor, event.edited_at
    difference = None
    if name in version.changed:
        began = find_version(session, event, version.began.get(name, ""))
        difference = None if began is None else compare(began, text)
    return SavedMeanwhile(version.changed, editor, edited_at, text, difference)


def hold_text(session: Session, event: Event) -> None:
    """Let the issue of *event*, and its text, stay as they are now until the commit.

    Else another could save between the look at what is saved and the saving over it.
    """
    lock_issue(session, event.issue)
    session.refresh(event, ["text", "edited_at", "editor_id", "deleted_at"])
