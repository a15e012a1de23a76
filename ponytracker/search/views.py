"""The search page."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from ponytracker.issues import query
from ponytracker.resources import Root
from ponytracker.search.results import present


@view_config(context=Root, name="search", request_method="GET", renderer="templates/search.jinja2")
def search(context: Root, request: Any) -> dict[str, Any]:
    """Show what `q`, a filter, finds in all projects that the reader may see."""
    session = request.dbsession
    asked = query.parse_query(session, request.GET.get("q"), None, request.identity)
    if not asked.filter.text.strip():
        return {"query": asked, "results": None}
    size = context.settings.items_per_page
    page, count = query.find_page(session, asked, request.GET.get("page"), size=size)
    issues = query.list_issues(session, asked, page)
    results = present(session, issues, asked.selection)
    return {"query": asked, "page": page, "count": count, "results": results}
