"""What a field suggests while a name is typed into it, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyramid.httpexceptions import HTTPNotFound

from ponytracker.models import Group, Team, User
from ponytracker.web.forms import searched_text

Suggestions = dict[str, list[dict[str, Any]]]


def suggest(request: Any, find: Callable[[str], Iterable[User | Group | Team]]) -> Suggestions:
    """Return what *find* finds for the parameter `query`; where that is empty, nothing is there."""
    text = searched_text(request, "query")
    if not text:
        raise HTTPNotFound
    return {"suggestions": [{"value": _typed(found), "data": found.id} for found in find(text)]}


def _typed(found: User | Group | Team) -> str:
    return found.username_and_full_name if isinstance(found, User) else found.name
