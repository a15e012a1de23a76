"""What is suggested while someone writes a text: people after an @, issues after a #."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from ponytracker.issues.fulltext import has_words, issue_ids
from ponytracker.models import Event, Issue, Project, User
from ponytracker.projects.audience import sees
from ponytracker.security.principals import Identity
from ponytracker.text import fold

MAX_SUGGESTIONS = 10

MAX_LOOKED_AT = 1_000
"""Issues, those of late, whose titles are looked through for parts of words."""

MAX_PEOPLE = 100
"""People, by username, of whom it is asked whether they have taken part."""

MAX_WORDS = 8
MAX_DIGITS = 9

_DIGITS = re.compile(r"[1-9][0-9]*", re.ASCII)


def suggest_people(
    session: Session, reader: Identity, project: Project, text: str
) -> Sequence[User]:
    """Return the first people who may see *project* and one of whose names begins with *text*.

    Those who have taken part in it come before the others. Who is not signed in sees nobody: the
    users of a site are no list for everyone.
    """
    if not reader.is_signed_in:
        return []
    fitting = (
        select(User.id)
        .where(_has_name(text), sees(project))
        .order_by(User.username_key)
        .limit(MAX_PEOPLE)
    )
    has_taken_part = exists().where(Event.actor_id == User.id, Event.project_id == project.id)
    return session.scalars(
        select(User)
        .where(User.id.in_(fitting))
        .order_by(has_taken_part.correlate(User).desc(), User.username_key)
        .limit(MAX_SUGGESTIONS)
    ).all()


def suggest_issues(session: Session, project: Project, text: str) -> Sequence[Issue]:
    """Return the first issues of *project* whose number begins with *text*, or whose title has it.

    Without a text they are those of late.
    """
    if _DIGITS.fullmatch(text):
        wanted = select(Issue).where(Issue.project_id == project.id, _has_number(project, text))
        return session.scalars(wanted.order_by(Issue.number).limit(MAX_SUGGESTIONS)).all()
    of_late = Issue.updated_at.desc(), Issue.number.desc()
    lately = select(Issue.id).where(Issue.project_id == project.id).order_by(*of_late)
    words = [Issue.title.icontains(word, autoescape=True) for word in text.split()[:MAX_WORDS]]
    wanted = select(Issue).where(Issue.id.in_(lately.limit(MAX_LOOKED_AT)), *words)
    found = session.scalars(wanted.order_by(*of_late).limit(MAX_SUGGESTIONS)).all()
    if len(found) == MAX_SUGGESTIONS or not has_words(text):
        return found
    # Of older ones those with these whole words, which the index knows.
    older = select(Issue).where(
        Issue.project_id == project.id,
        Issue.id.in_(issue_ids(session, text, frozenset({"title"}))),
        Issue.id.not_in([issue.id for issue in found]),
    )
    missing = MAX_SUGGESTIONS - len(found)
    return [*found, *session.scalars(older.order_by(*of_late).limit(missing))]


def _has_name(text: str) -> ColumnElement[bool]:
    return or_(
        User.username_key.startswith(fold(text), autoescape=True),
        User.first_name.istartswith(text, autoescape=True),
        User.last_name.istartswith(text, autoescape=True),
    )


def _has_number(project: Project, digits: str) -> ColumnElement[bool]:
    """Return that the number of the row of `Issue` begins with *digits*: as ranges of an index."""
    ranges = []
    first = last = int(digits[: MAX_DIGITS + 1])
    while first <= project.last_issue_number:
        ranges.append(and_(Issue.number >= first, Issue.number <= last))
        first, last = first * 10, last * 10 + 9
    return or_(Issue.number == -1, *ranges)
