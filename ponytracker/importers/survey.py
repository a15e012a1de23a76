"""The first reading of an archive: all of it is checked and counted before anything is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ponytracker.importers.history import reconstruct
from ponytracker.importers.records import (
    Archive,
    ArchiveError,
    ImportedEvent,
    ImportedIssue,
    ImportedLabel,
    ImportedMilestone,
)
from ponytracker.models import EventKind
from ponytracker.text import fold

PULL_REQUEST = ImportedLabel("pull request", "#1D76DB")
"""The label of a pull request that comes as an issue."""

MAX_SOURCE = 240
"""Characters that leave room for the number in the column `imported_from`."""


class Survey:
    """What there is to import from *archive*, with or without its pull requests.

    Labels and milestones are by name, those of which only events tell apart from the present ones.
    Logins are by their folded form, since those that differ in case alone are one account.
    """

    def __init__(self, archive: Archive, *, pull_requests: bool) -> None:
        self.archive = archive
        self.pull_requests = pull_requests
        self.numbers: set[int] = set()
        self.left_out: set[int] = set()
        self.comments = 0
        self.labels: dict[str, ImportedLabel] = {}
        self.old_labels: dict[str, ImportedLabel] = {}
        self.milestones: dict[str, ImportedMilestone] = {}
        self.old_milestones: dict[str, ImportedMilestone] = {}
        self.logins: dict[str, str] = {}

    def take(self) -> Iterator[None]:
        """Read the whole archive, yielding after each issue; raise `ArchiveError` if it is wrong.

        What was surveyed is whole only once this has ended.
        """
        for record in self.archive.records():
            match record:
                case ImportedLabel():
                    self.labels[record.name] = record
                case ImportedMilestone():
                    self.milestones[record.name] = record
                case ImportedIssue():
                    if record.number in self.numbers or record.number in self.left_out:
                        raise ArchiveError(f"The archive holds number {record.number} twice.")
                    issue = self._wanted(record)
                    if issue is None:
                        self.left_out.add(record.number)
                    else:
                        self.numbers.add(record.number)
                        self._note(issue)
                    yield

    def issues(self) -> Iterator[ImportedIssue]:
        """Read the archive again, yielding the issues to import."""
        for record in self.archive.records():
            issue = self._wanted(record) if isinstance(record, ImportedIssue) else None
            if issue is not None:
                yield issue

    @property
    def last_number(self) -> int:
        """The largest number of any issue or pull request, be it imported or not."""
        return max(self.numbers | self.left_out, default=0)

    def origin(self, number: int) -> str:
        """Return what an issue is marked with, to know it again."""
        return f"{self.archive.source[:MAX_SOURCE]}#{number}"

    def _wanted(self, issue: ImportedIssue) -> ImportedIssue | None:
        if not issue.is_pull_request:
            return issue
        if self.pull_requests:
            return dataclasses.replace(issue, labels=(*issue.labels, PULL_REQUEST))
        return None

    def _note(self, issue: ImportedIssue) -> None:
        """Note who and what *issue* needs to be there before it."""
        self.comments += len(issue.comments)
        self._note_login(issue.author)
        for label in issue.labels:
            self.labels.setdefault(label.name, label)
        if issue.milestone:
            self.milestones.setdefault(issue.milestone.name, issue.milestone)
        for comment in issue.comments:
            self._note_login(comment.author)
        for step in reconstruct(issue).steps:
            if isinstance(step, ImportedEvent):
                self._note_event(step)

    def _note_event(self, event: ImportedEvent) -> None:
        self._note_login(event.actor)
        match event.kind:
            case EventKind.LABELED | EventKind.UNLABELED:
                label = ImportedLabel(event.subject, event.color)
                self.old_labels.setdefault(label.name, label)
            case EventKind.MILESTONED | EventKind.DEMILESTONED:
                milestone = ImportedMilestone(event.subject)
                self.old_milestones.setdefault(milestone.name, milestone)
            case EventKind.ASSIGNED | EventKind.UNASSIGNED:
                self._note_login(event.subject)

    def _note_login(self, login: str | None) -> None:
        if login is not None:
            self.logins.setdefault(fold(login), login)
