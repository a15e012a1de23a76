"""What a text says of other issues and of people: events there, and who hears of it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ponytracker.models import Event, User


def follow_references(session: Session, event: Event, author: User | None) -> None:
    """Write on each issue that the text of *event* refers to that it does, once.

    Whoever is mentioned hears of the issue from now on. Only what *author* may see is found.
    """
