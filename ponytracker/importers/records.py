"""What an archive of any tracker is read into, before it goes through the door: plain records.

Texts have LF line ends and nothing that a database refuses; names and titles fit their columns.
Times are aware, in UTC. An author or actor is a login, or nothing where the account was deleted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ponytracker.errors import DomainError
from ponytracker.models import EventKind, State, StateReason


class ArchiveError(DomainError):
    """An archive cannot be imported; the text says what in it is wrong and what was expected."""


@dataclass(frozen=True, slots=True)
class ImportedLabel:
    """A label. `color` is ``#RRGGBB``, or nothing where the archive does not tell it."""

    name: str
    color: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedMilestone:
    """A milestone; `closed_at` is empty while it is open."""

    name: str
    description: str = ""
    due_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportedComment:
    """A comment, or the text of a review."""

    author: str | None
    at: dt.datetime
    text: str


@dataclass(frozen=True, slots=True)
class ImportedEvent:
    """A change of the issue other than a comment.

    `subject` is what it is about: the name of a label or milestone, the login of an assignee, the
    new title. `actor_known` is off where the archive does not tell who did it.
    """

    kind: EventKind
    at: dt.datetime
    actor: str | None = None
    actor_known: bool = True
    subject: str = ""
    old_title: str = ""
    color: str | None = None
    reason: StateReason | None = None


@dataclass(frozen=True, slots=True)
class ImportedIssue:
    """An issue or pull request, in the state in which the archive found it, and how it came there.

    The events need be neither complete nor in order, nor the comments; `history.py` sees to that.
    """

    number: int
    title: str
    text: str
    author: str | None
    created_at: dt.datetime
    state: State
    closed_at: dt.datetime | None = None
    closed_by: str | None = None
    state_reason: StateReason | None = None
    labels: tuple[ImportedLabel, ...] = ()
    milestone: ImportedMilestone | None = None
    assignee: str | None = None
    is_pull_request: bool = False
    comments: tuple[ImportedComment, ...] = ()
    events: tuple[ImportedEvent, ...] = ()


Record = ImportedIssue | ImportedLabel | ImportedMilestone


class Archive(Protocol):
    """A file or directory that was recognised."""

    def records(self) -> Iterator[Record]:
        """Read all of it, from the start at each call; raise `ArchiveError` where it is wrong.

        A label or milestone by itself is one that the repository has at present; an issue names
        those it has, which may be others.
        """

    @property
    def source(self) -> str:
        """What it is an archive of, such as ``github:owner/name``, once all records were read."""
