"""The issue that a page is asked for on behalf of: the parameter `issue` of its address."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound

from ponytracker.resources import IssueResource, ProjectResource


def issue_asked_for(place: ProjectResource, request: Any) -> IssueResource | None:
    """Return the issue of *place* whose number is `issue`, if there is such a parameter.

    Where the project has no such issue, the page is not there.
    """
    number = request.GET.get("issue")
    if number is None:
        return None
    try:
        issue: IssueResource = place["issues"][number]  # type: ignore[index]
    except KeyError:
        raise HTTPNotFound from None
    return issue
