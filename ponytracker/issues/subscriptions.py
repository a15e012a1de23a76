"""Who hears of an issue because they asked to."""

from __future__ import annotations

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from ponytracker.errors import DomainError
from ponytracker.i18n import _
from ponytracker.models import Issue, IssueSubscription, Notifications, SubscriptionReason, User
from ponytracker.security.principals import Identity


class CannotSubscribe(DomainError):
    """Someone cannot subscribe to an issue, or stop to; the text says why."""


def subscribe(session: Session, actor: Identity, issue: Issue) -> None:
    """Let *actor* hear of whatever happens to *issue*; raise `CannotSubscribe`."""
    user = session.get_one(User, actor.user_id)
    if not user.email:
        raise CannotSubscribe(
            _("You must set an email address in your profile in order to subscribe to this issue.")
        )
    if user.notifications is Notifications.NEVER:
        raise CannotSubscribe(
            _("You must enable notifications in your profile in order to subscribe to this issue.")
        )
    if is_subscribed(session, actor, issue):
        raise CannotSubscribe(_("You are already subscribed to this issue."))
    reason = SubscriptionReason.MANUAL
    session.add(IssueSubscription(issue_id=issue.id, user_id=user.id, reason=reason))


def unsubscribe(session: Session, actor: Identity, issue: Issue) -> None:
    """Let *actor* hear no more of *issue*; raise `CannotSubscribe`."""
    deleted = session.scalars(
        delete(IssueSubscription)
        .where(IssueSubscription.issue_id == issue.id, IssueSubscription.user_id == actor.user_id)
        .returning(IssueSubscription.user_id)
    )
    if not deleted.all():
        raise CannotSubscribe(_("You are not subscribed to this issue."))


def is_subscribed(session: Session, actor: Identity, issue: Issue) -> bool:
    """Return whether *actor* hears of *issue*, for whatever reason of its own."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    IssueSubscription.issue_id == issue.id,
                    IssueSubscription.user_id == actor.user_id,
                )
            )
        )
    )
