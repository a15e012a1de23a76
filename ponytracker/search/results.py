"""What was found, as it is shown: each issue with the text that has a hit, hits marked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.issues.filter_sql import Selection
from ponytracker.issues.fulltext import first_hits
from ponytracker.models import Event, EventKind, Issue
from ponytracker.search.snippets import highlight, snippet


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """An issue that was found. `comment_id` is that of the comment the snippet is from."""

    issue: Issue
    title: Markup
    snippet: Markup | None
    comment_id: int | None


def present(session: Session, issues: Sequence[Issue], selection: Selection) -> list[Result]:
    """Return *issues* as results, in their order: one query."""
    texts = selection.texts
    hits: dict[int, Event] = {}
    if texts and issues:
        found = first_hits(session, [issue.id for issue in issues], texts, selection.scope)
        first = found.subquery()
        events = select(Event).join(first, first.c[1] == Event.id)
        hits = {event.issue_id: event for event in session.scalars(events)}
    return [_result(issue, hits.get(issue.id), texts) for issue in issues]


def _result(issue: Issue, hit: Event | None, texts: Sequence[str]) -> Result:
    is_comment = hit is not None and hit.kind is EventKind.COMMENTED
    return Result(
        issue,
        highlight(issue.title, texts),
        snippet(hit.text or "", texts) if hit else None,
        hit.id if hit and is_comment else None,
    )
