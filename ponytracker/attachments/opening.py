"""Which store an ini file means."""

from __future__ import annotations

from ponytracker.attachments.folder import FolderStore
from ponytracker.attachments.s3 import S3Store
from ponytracker.attachments.store import Store
from ponytracker.settings import Settings

MISSING = "neither ponytracker.attachments_dir nor ponytracker.attachments_url is set"


def make_store(settings: Settings) -> Store | None:
    """Return the store of *settings*, or `None` where no files are kept; nothing is asked yet."""
    limits = {
        "max_mb": settings.attachment_max_mb,
        "issue_max_mb": settings.attachments_issue_max_mb,
    }
    if settings.s3.place is not None:
        return S3Store(settings.s3, **limits)
    if settings.attachments_dir is not None:
        return FolderStore(settings.attachments_dir, **limits)
    return None
