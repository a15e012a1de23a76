"""Opening an issue marks it as read: the one write of a GET, made once the page is."""

from __future__ import annotations

from typing import Any

from ponytracker.db import Database
from ponytracker.issues.unread import mark_read


def is_reading(request: Any) -> bool:
    """Return whether someone looks at the page that is asked for.

    A picture in some text may have its address, and a browser may fetch what is never looked at.
    """
    headers = request.headers
    purpose = headers.get("Sec-Purpose", "") + headers.get("Purpose", "")
    return (
        request.method == "GET"
        and request.identity.is_signed_in
        and headers.get("Sec-Fetch-Dest", "document") == "document"
        and "prefetch" not in purpose
    )


def mark_read_afterwards(request: Any, issue_id: int, event_id: int) -> None:
    """Let whoever asks have read the issue up to that event, after the answer and apart from it.

    It is a transaction of its own, since that of a GET may not write.
    """
    database = request.registry["ponytracker.database"]
    request.after_commit(_mark_read, database, request.identity.user_id, issue_id, event_id)


def _mark_read(database: Database, user_id: int, issue_id: int, event_id: int) -> None:
    with database.session(write=True) as session, session.begin():
        mark_read(session, user_id, issue_id, event_id)
