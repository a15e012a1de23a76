"""Hearing no more of an issue or project, for whoever was mailed the address that says so."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ponytracker.issues import subscriptions
from ponytracker.models import Issue, Project, User
from ponytracker.projects import watching
from ponytracker.projects.audience import sees
from ponytracker.security.principals import Identity


def leave(session: Session, user: User, place: Issue | Project) -> None:
    """Let *user* hear no more of *place*; where they do not, nothing changes."""
    actor = _as_actor(user)
    try:
        if isinstance(place, Issue):
            subscriptions.unsubscribe(session, actor, place)
        else:
            watching.unwatch_project(session, actor, place)
    except (subscriptions.CannotSubscribe, watching.CannotWatch):
        pass


def leave_for_good(session: Session, user: User, place: Issue | Project) -> None:
    """Let *user* get no more mail like one that was for *place*, also by its project.

    For whoever asks by a button of their mail program, which offers no choice: who goes on getting
    mails after that takes them for spam.
    """
    leave(session, user, place)
    if isinstance(place, Issue):
        leave(session, user, place.project)


def hears_of(session: Session, user: User, place: Issue | Project) -> bool:
    """Return whether *user* is subscribed to *place* itself."""
    if isinstance(place, Issue):
        return subscriptions.is_subscribed(session, _as_actor(user), place)
    return watching.is_watching(session, _as_actor(user), place)


def which_to_leave(session: Session, issue: Issue, user: User) -> Issue | Project:
    """Return what a mail about *issue* was for: the project, if *user* only watches that."""
    if not hears_of(session, user, issue) and hears_of(session, user, issue.project):
        return issue.project
    return issue


def may_still_see(session: Session, user: User, project: Project) -> bool:
    """Return whether *user* may be told what *project* is."""
    found = session.scalar(select(User.id).where(User.id == user.id, sees(project)))
    return found is not None


def _as_actor(user: User) -> Identity:
    # Also of someone disabled, who can be anybody to the rest of the site.
    return Identity(user_id=user.id, username=user.username)
