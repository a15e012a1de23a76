"""The page that a mail leads to for hearing no more of something, and what mail programs post to.

It asks for no session: the token in its address was mailed to one person and does only this, so a
POST needs neither cookie nor sign-in nor CSRF token (RFC 8058 §3.2), and changes nothing the second
time. A GET only asks, since programs that look for malware follow every link.
"""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.view import view_config

from ponytracker.mail.addresses import Addresses
from ponytracker.models import Issue, Project, User
from ponytracker.notifications import unsubscribing
from ponytracker.notifications.urls import Urls
from ponytracker.resources import LeavingResource
from ponytracker.security.permissions import Permission

_LEAVE = {
    "context": LeavingResource,
    "permission": Permission.VIEW,
    "renderer": "templates/unsubscribe.jinja2",
}


@view_config(request_method="GET", **_LEAVE)
def ask(context: LeavingResource, request: Any) -> dict[str, Any]:
    _check(context, request)
    return _page(context, request)


@view_config(request_method="POST", require_csrf=False, **_LEAVE)
def leave(context: LeavingResource, request: Any) -> dict[str, Any]:
    _check(context, request)
    is_program = request.POST.get("List-Unsubscribe") == "One-Click"
    let_go = unsubscribing.leave_for_good if is_program else unsubscribing.leave
    let_go(request.dbsession, context.user, context.place)
    return {**_page(context, request), "has_left": True}


def _check(context: LeavingResource, request: Any) -> None:
    """Answer a forged token like an address that is not there."""
    addresses = Addresses(request.settings)
    if not addresses.is_leaving(context.token, context.place, context.user):
        raise HTTPNotFound


def _page(context: LeavingResource, request: Any) -> dict[str, Any]:
    session, user, place = request.dbsession, context.user, context.place
    project = place.project if isinstance(place, Issue) else place
    return {
        "user": user,
        "issue": place if isinstance(place, Issue) else None,
        "project": project,
        "is_shown": unsubscribing.may_still_see(session, user, project),
        "hears": unsubscribing.hears_of(session, user, place),
        "has_left": False,
        "leave_project": _path_to_leave(request, project, user) if place is not project else "",
        "watches": unsubscribing.hears_of(session, user, project),
    }


def _path_to_leave(request: Any, project: Project, user: User) -> str:
    urls = Urls(request.script_name)
    return urls.leaving(Addresses(request.settings), project, user)
