"""Projects: the list of those one may see, adding and editing them."""

from typing import Any

from ponytracker.projects import service


def includeme(config: Any) -> None:
    config.add_request_method(_menu_projects, "menu_projects", reify=True)
    config.scan("ponytracker.projects.views")


def _menu_projects(request: Any) -> Any:
    """Return the first of the projects for the menu of every page."""
    return service.list_projects(
        request.dbsession, request.identity, archived=False, limit=service.MENU_LENGTH
    )
