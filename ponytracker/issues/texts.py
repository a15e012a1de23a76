"""The texts of a page as whoever asks for it may read them, with links to what they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from ponytracker.attachments.links import Shelf, link_files
from ponytracker.attachments.query import find_for_preview
from ponytracker.issues.references import Place, link_references
from ponytracker.markup import render
from ponytracker.models import Attachment, Issue, Project
from ponytracker.placeholders import collect_attachments
from ponytracker.text import MAX_TEXT


def link_texts(
    request: Any,
    project: Project | None,
    htmls: Iterable[Markup],
    issue: Issue | None = None,
    files: Sequence[Attachment] = (),
) -> list[Markup]:
    """Return *htmls*, as they are stored, with links to what they name: two queries at most.

    Of files they show those that are among *files*, which are of *issue* or still pending.
    """
    place = Place(
        project,
        request.settings.base_url,
        partial(request.resource_path, request.root),
        partial(request.localizer.translate, domain="ponytracker"),
    )
    linked = link_references(request.dbsession, request.identity, place, htmls)
    if project is None or not files:
        return linked
    number = issue.number if issue else None
    by_id = {file.id: file for file in files}
    return link_files(Shelf(by_id, project.name, number, place.path), linked)


def show_text(
    request: Any, project: Project | None, text: str, issue: Issue | None = None
) -> Markup:
    """Return the HTML of *text*, which is not stored yet, as it will look on *issue*."""
    html = render(text[:MAX_TEXT])
    files: Sequence[Attachment] = []
    if project is not None:
        files = find_for_preview(
            request.dbsession,
            project,
            issue.id if issue else None,
            request.identity.user_id,
            collect_attachments([html]),
        )
    return link_texts(request, project, [html], issue, files)[0]
