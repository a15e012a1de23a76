"""What the administration changes itself: the settings of the site."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ponytracker.models import EditPolicy, SiteSettings
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


def _audited(settings: SiteSettings) -> dict[str, Any]:
    return {
        "items_per_page": settings.items_per_page,
        "edit_policy": settings.edit_policy,
        "edit_policy_minutes": settings.edit_policy_minutes,
    }
