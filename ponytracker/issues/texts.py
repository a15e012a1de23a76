"""The texts of a page as whoever asks for it may read them, with links to what they name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from markupsafe import Markup

from ponytracker.issues.references import Place, link_references
from ponytracker.markup import render
from ponytracker.models import Project
from ponytracker.text import MAX_TEXT


def link_texts(request: Any, project: Project | None, htmls: Iterable[Markup]) -> list[Markup]:
    """Return *htmls*, as they are stored, with links to what they name: two queries at most."""
    place = Place(
        project,
        request.settings.base_url,
        partial(request.resource_path, request.root),
        partial(request.localizer.translate, domain="ponytracker"),
    )
    return link_references(request.dbsession, request.identity, place, htmls)


def show_text(request: Any, project: Project | None, text: str) -> Markup:
    """Return the HTML of *text*, which is not stored yet, as it will look."""
    return link_texts(request, project, [render(text[:MAX_TEXT])])[0]
