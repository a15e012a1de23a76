"""Projects: the list of those one may see; adding, editing, watching, archiving, deleting them."""

from typing import Any

from pyramid.traversal import find_interface

from ponytracker.projects import service, watching
from ponytracker.resources import ProjectResource, Root


def includeme(config: Any) -> None:
    config.add_request_method(_is_among_archived, "is_among_archived", reify=True)
    config.add_request_method(_menu_projects, "menu_projects", reify=True)
    config.add_request_method(_is_watching, "is_watching", reify=True)
    config.scan("ponytracker.projects.views")


def _is_among_archived(request: Any) -> bool:
    """Return whether this page is of an archived project, or of the list of those."""
    place = find_interface(request.context, ProjectResource)
    if place is not None:
        return bool(place.project.archived)
    return isinstance(request.context, Root) and request.view_name == "archived"


def _menu_projects(request: Any) -> Any:
    """Return the first of the projects for the menu of every page."""
    return service.list_projects(
        request.dbsession,
        request.identity,
        archived=request.is_among_archived,
        limit=service.MENU_LENGTH,
    )


def _is_watching(request: Any) -> bool:
    """Return whether whoever asks watches the project that the page is of."""
    place = find_interface(request.context, ProjectResource)
    return watching.is_watching(request.dbsession, request.identity, place.project)
