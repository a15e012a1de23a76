"""What the administration changes itself: settings of the site, and mails it has tried again."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ponytracker.issues.owing import OWES
from ponytracker.models import EditPolicy, OwedMail, SiteSettings
from ponytracker.notifications import outbox
from ponytracker.security.audit import record
from ponytracker.security.principals import Identity


def edit_settings(
    session: Session,
    actor: Identity,
    *,
    items_per_page: int,
    edit_policy: EditPolicy,
    edit_policy_minutes: int,
) -> None:
    settings = session.get_one(
        SiteSettings, 1, populate_existing=True, with_for_update={"key_share": True}
    )
    before = _audited(settings)
    settings.items_per_page = items_per_page
    settings.edit_policy = edit_policy
    settings.edit_policy_minutes = edit_policy_minutes
    after = _audited(settings)
    if after != before:
        record(session, actor, "settings.edit", "PonyTracker", before=before, after=after)


def retry_mail(session: Session, actor: Identity, owed: OwedMail) -> int:
    """Have a mail that was given up tried again; return how many those are, one or none."""
    target = f"mail {owed.id} to {owed.user.username}"
    return _retried(session, actor, target, outbox.try_again(session, OwedMail.id == owed.id))


def retry_failed_mails(session: Session, actor: Identity) -> int:
    """Have all mails that were given up tried again; return how many those are."""
    return _retried(session, actor, "failed mails", outbox.try_again(session))


def _retried(session: Session, actor: Identity, target: str, count: int) -> int:
    if count:
        record(session, actor, "mail.retry", target, after={"mails": count})
        session.info[OWES] = True
    return count


def _audited(settings: SiteSettings) -> dict[str, Any]:
    return {
        "items_per_page": settings.items_per_page,
        "edit_policy": settings.edit_policy,
        "edit_policy_minutes": settings.edit_policy_minutes,
    }
