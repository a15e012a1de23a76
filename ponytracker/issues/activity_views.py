"""The page of what happens in a project."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from ponytracker.issues import activity
from ponytracker.issues.timeline import ICONS
from ponytracker.resources import ProjectResource
from ponytracker.web.pages import Page


@view_config(
    context=ProjectResource,
    name="activity",
    request_method="GET",
    renderer="templates/activity.jinja2",
)
def show_activity(context: ProjectResource, request: Any) -> dict[str, Any]:
    session, reader, project = request.dbsession, request.identity, context.project
    total = activity.count_events(session, reader, project)
    page = Page.asked_for(request.GET.get("page"), size=activity.PER_PAGE, total=total)
    entries = activity.list_activity(session, reader, project, page)
    return {"entries": entries, "icons": ICONS, "page": page}
