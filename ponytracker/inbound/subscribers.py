"""Who else hears of an issue that was opened by mail: the accounts among those it was copied to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ponytracker.inbound.reading.message import ReceivedMessage
from ponytracker.models import Project, User
from ponytracker.projects.audience import sees

MAX_COPIED = 20
"""People of a header who are asked for; a mail to more of them is for nobody in particular."""


def find_copied(
    session: Session, project: Project, message: ReceivedMessage, *, besides: User
) -> Sequence[User]:
    """Return the people in the Cc of *message* who have an account and may see *project*."""
    named = [found.address.lower() for found in message.addresses("Cc")[:MAX_COPIED]]
    return session.scalars(
        select(User).where(func.lower(User.email).in_(named), User.id != besides.id, sees(project))
    ).all()
