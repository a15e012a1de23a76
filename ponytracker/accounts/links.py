"""Pages that a mailed link leads to: the token in it, and what is shown when it is used up."""

from __future__ import annotations

from typing import Any

from pyramid.view import exception_view_config

from ponytracker.accounts.tokens import UsedLink
from ponytracker.text import clean_line


def posted_token(request: Any) -> str:
    """Return the token of the link that was followed, or of the form that it led to."""
    raw = request.params.get("token")
    return clean_line(raw) if type(raw) is str else ""


@exception_view_config(UsedLink, renderer="templates/used_link.jinja2")
def used_link(_error: UsedLink, request: Any) -> dict[str, Any]:
    request.response.status_int = 410
    return {"again": request.path}
