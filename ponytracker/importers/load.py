"""From records through the door: an archive's issues, in batches, each issue once."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from markupsafe import Markup
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ponytracker.db import Database, analyze
from ponytracker.importers.history import History, reconstruct
from ponytracker.importers.prepare import Target, UnfitProject, find_present, prepare
from ponytracker.importers.records import ImportedComment, ImportedEvent, ImportedIssue
from ponytracker.importers.rendering import render_ahead, render_here
from ponytracker.importers.survey import Survey
from ponytracker.issues.recording import Subject, record, record_issue
from ponytracker.models import Access, EventKind, Project
from ponytracker.projects.service import lock_project
from ponytracker.text import fold

BATCH_ISSUES = 100
BATCH_EVENTS = 1000
"""What one transaction takes: about half a second, in which on SQLite nobody else writes."""

PAUSE = 0.12
"""Seconds between two batches on SQLite, whose waiting writers look only every 0.1 s."""

FEW_TEXTS = 300
"""Up to so many texts, starting processes to render them takes longer than rendering them."""


@dataclasses.dataclass(slots=True)
class Outcome:
    """What an import has done. `present` were here before, `events` are those besides comments."""

    project_created: bool = False
    accounts_created: int = 0
    issues: int = 0
    present: int = 0
    comments: int = 0
    events: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class _Draft:
    """An issue on its way into the database."""

    issue: ImportedIssue
    history: History

    def texts(self) -> list[str]:
        comments = (step for step in self.history.steps if isinstance(step, ImportedComment))
        return [self.issue.text, *(comment.text for comment in comments)]


def load(
    database: Database,
    survey: Survey,
    *,
    project_name: str,
    access: Access,
    on_progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Import what *survey* found, after it has ended, into the project of that name.

    The project is created with *access* where there is none. Each batch is committed by itself: an
    import that was interrupted goes on where it stopped when it is run again. Raises
    `UnfitProject`, before anything is written, or when the project is changed meanwhile.
    """
    target = _prepare(database, survey, project_name, access)
    outcome = Outcome(
        project_created=target.is_new,
        accounts_created=target.accounts_created,
        present=len(target.present),
    )
    drafts = (
        _Draft(issue, reconstruct(issue))
        for issue in survey.issues()
        if issue.number not in target.present
    )
    render = render_here if len(survey.numbers) + survey.comments <= FEW_TEXTS else render_ahead
    with contextlib.closing(render(_in_batches(drafts), _texts)) as batches:
        for batch, html in batches:
            with database.session(write=True) as session, session.begin():
                _write(session, target, batch, html, outcome)
            on_progress(outcome)
            if database.bind.dialect.name == "sqlite":
                time.sleep(PAUSE)
    analyze(database)
    return outcome


def _prepare(database: Database, survey: Survey, name: str, access: Access) -> Target:
    def attempt() -> Target:
        with database.session(write=True) as session, session.begin():
            return prepare(session, survey, name, access)

    try:
        return attempt()
    except IntegrityError:
        # Somebody created the same project or account at this moment; now it is there to be found.
        return attempt()


def _in_batches(drafts: Iterable[_Draft]) -> Iterator[list[_Draft]]:
    batch: list[_Draft] = []
    events = 0
    for draft in drafts:
        batch.append(draft)
        events += 1 + len(draft.history.steps)
        if len(batch) >= BATCH_ISSUES or events >= BATCH_EVENTS:
            yield batch
            batch, events = [], 0
    if batch:
        yield batch


def _texts(batch: list[_Draft]) -> list[str]:
    return [text for draft in batch for text in draft.texts()]


def _write(
    session: Session,
    target: Target,
    batch: list[_Draft],
    html: list[Markup],
    outcome: Outcome,
) -> None:
    """Write *batch*, whose texts were rendered to *html*, but for what has come in meanwhile."""
    project = session.get(Project, target.project_id)
    if project is None:
        raise UnfitProject("The project was deleted while the import ran.")
    lock_project(session, project)
    numbers = {draft.issue.number for draft in batch}
    present = find_present(session, project, numbers, target.origin)
    rest = iter(html)
    for draft in batch:
        rendered = list(itertools.islice(rest, len(draft.texts())))
        if draft.issue.number in present:
            outcome.present += 1
        else:
            _write_issue(session, target, project, draft, rendered)
            outcome.issues += 1
            outcome.comments += len(rendered) - 1
            outcome.events += len(draft.history.steps) - (len(rendered) - 1)


def _write_issue(
    session: Session, target: Target, project: Project, draft: _Draft, html: list[Markup]
) -> None:
    imported, rest = draft.issue, iter(html)
    issue = record_issue(
        session,
        project,
        target.account(imported.author),
        number=imported.number,
        title=draft.history.title,
        text=imported.text,
        html=next(rest),
        at=imported.created_at,
        imported_from=target.origin(imported.number),
    ).issue
    for step in draft.history.steps:
        if isinstance(step, ImportedComment):
            kind, actor, text = EventKind.COMMENTED, target.account(step.author), step.text
            record(session, issue, kind, actor, at=step.at, text=text, html=next(rest))
        else:
            actor, (about, args) = target.account(step.actor), _details(target, step)
            record(session, issue, step.kind, actor, about=about, at=step.at, args=args)


def _details(target: Target, event: ImportedEvent) -> tuple[Subject | None, dict[str, Any]]:
    """Return what *event* is about and its arguments, as `replay.apply` reads them."""
    args: dict[str, Any] = {} if event.actor_known else {"unknown_actor": True}
    match event.kind:
        case EventKind.CLOSED if event.reason:
            return None, {**args, "reason": event.reason}
        case EventKind.RENAMED:
            return None, {**args, "old_title": event.old_title, "new_title": event.subject}
        case EventKind.LABELED | EventKind.UNLABELED:
            label = target.labels[event.subject]
            return label, {**args, "name": event.subject, "color": event.color or label.color}
        case EventKind.MILESTONED | EventKind.DEMILESTONED:
            return target.milestones[event.subject], {**args, "name": event.subject}
        case EventKind.ASSIGNED | EventKind.UNASSIGNED:
            assignee = target.accounts[fold(event.subject)]
            return assignee, {**args, "username": assignee.username}
        case _:
            return None, args
