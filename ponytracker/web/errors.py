"""The error pages: what went wrong, in words, and what to do; never a traceback."""

from __future__ import annotations

import errno
import logging
from typing import Any

from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken, PredicateMismatch
from pyramid.httpexceptions import (
    HTTPException,
    HTTPMethodNotAllowed,
    HTTPSeeOther,
    HTTPTooManyRequests,
)
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config
from sqlalchemy.exc import IntegrityError

from ponytracker.db import SAFE_METHODS, STATEMENT_SECONDS, UNAVAILABLE, Outage, find_outage
from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.logs import readable_path
from ponytracker.resources import RESERVED_NAMES, Resource, Root
from ponytracker.security.permissions import Permission
from ponytracker.web.bodies import NO_ROOM, REFUSED

log = logging.getLogger(__name__)

NOT_FOUND = _("This is not the web page you are looking for.")
FORBIDDEN = _("Sorry, you are not allowed to access this page.")
TOO_FAST = _(
    "Too much was sent within a minute. Wait a moment, then send this again; nothing was changed so"
    " far."
)
STALE = _(
    "The page it was on had become too old, or it was not from this site. If you meant to send"
    " this, send it again; nothing was changed so far."
)
PAGE = "error.jinja2"

_KEPT_BACK = ("csrf_token", "password")
_PASSWORDS = ("again", "new1", "new2", "old")
_BUTTONS = ("change-state", "preview", "update-password", "update-profile")
_FILES = ("attachment", "remove_attachment")
_NOT_TYPED = (
    *_BUTTONS,
    *_FILES,
    *("next", "prev", "project", "session", "submission", "token", "version"),
)

OUTAGES = {
    Outage.AWAY: _(
        "The database does not answer at the moment. Please try again in a few minutes."
    ),
    Outage.NO_CHANGES: _(
        "The database takes no changes at the moment. Please try again in a few minutes."
    ),
    Outage.TOO_SLOW: _(
        "This was given up, since it took the database more than ${seconds} seconds. Please try"
        " again later, or ask for less at once.",
        mapping={"seconds": STATEMENT_SECONDS},
    ),
}
_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

MAX_RETURNED = 50
"""Fields of a form that are given back; no form of this site has as many."""


@notfound_view_config(renderer=PAGE)
def not_found(error: Any, request: Any) -> Any:
    """Answer what is not there; someone not signed in may find it after signing in.

    What one may not see was not found by the tree either, so it is answered here, and alike.
    """
    allowed = _allowed_methods(error, request)
    if allowed:
        return method_not_allowed(HTTPMethodNotAllowed(headers={"Allow": allowed}), request)
    if not request.identity.is_signed_in and _might_be_there(request):
        return _sign_in(request)
    return _page(request, 404, _("Not found"), NOT_FOUND)


def _might_be_there(request: Any) -> bool:
    """Return whether someone signed in might find what was not found for nobody."""
    context = request.context
    if isinstance(context, Root):
        return request.view_name not in RESERVED_NAMES
    return isinstance(context, Resource) and not request.has_permission(Permission.VIEW, context)


@forbidden_view_config(renderer=PAGE)
def forbidden(error: Any, request: Any) -> Any:
    if not request.identity.is_signed_in:
        return _sign_in(request)
    return _page(request, 403, _("Not allowed"), FORBIDDEN)


@exception_view_config(HTTPMethodNotAllowed, renderer=PAGE)
def method_not_allowed(error: Any, request: Any) -> Any:
    request.response.headers["Allow"] = error.headers["Allow"]
    text = _(
        "This address does not take ${method}. It takes ${allowed}.",
        mapping={"method": request.method, "allowed": error.headers["Allow"]},
    )
    return _page(request, 405, _("Method not allowed"), text)


@exception_view_config(BadCSRFToken)
@exception_view_config(BadCSRFOrigin)
def bad_csrf_token(error: Any, request: Any) -> Response:
    return _send_again(request, 400, STALE)


@exception_view_config(HTTPTooManyRequests)
def too_many_requests(error: Any, request: Any) -> Response:
    """Give back what came too soon, to people as a form, to scripts as JSON."""
    retry_after = {"Retry-After": error.headers["Retry-After"]}
    if _is_of_script(request):
        text = request.localizer.translate(TOO_FAST, domain="ponytracker")
        answer = Response(json_body={"error": text}, status=429)
        answer.headers.update(retry_after)
        return answer
    request.response.headers.update(retry_after)
    return _send_again(request, 429, TOO_FAST, bare=True)


def _is_of_script(request: Any) -> bool:
    """Return whether whoever asks reads JSON rather than a page."""
    accepted = request.accept.acceptable_offers(["text/html", "application/json"])
    return request.is_xhr or (bool(accepted) and accepted[0][0] == "application/json")


@exception_view_config(Conflict, renderer=PAGE)
def conflict(error: Conflict, request: Any) -> Any:
    return _page(request, 409, _("Not possible any more"), error.args[0])


@exception_view_config(IntegrityError, renderer=PAGE)
def integrity_error(error: IntegrityError, request: Any) -> Any:
    """Two changes met, again and again: the tries of pyramid_retry are used up."""
    log.warning("%s: %s", _asked(request), error.orig)
    text = _("Someone else changed the same thing at the same time. Go back and try again.")
    return _bare(request, 409, _("Not possible any more"), text)


def database_error(error: Exception, request: Any) -> Any:
    log.error("%s: %s", _asked(request), error)
    return _not_available(request, OUTAGES[find_outage(error)])


@exception_view_config(OSError, renderer=PAGE)
def system_error(error: OSError, request: Any) -> Any:
    """Tell a disk that takes nothing, as for what is too large for memory, from faults of ours."""
    if error.errno not in _DISK_FAULTS:
        return internal_error(error, request)
    log.error("%s: %s", _asked(request), error)
    return _not_available(request, NO_ROOM)


def _not_available(request: Any, text: str) -> Any:
    request.response.headers["Retry-After"] = "10"
    return _bare(request, 503, _("Not available"), text)


@exception_view_config(HTTPException, renderer=PAGE)
def http_exception(error: HTTPException, request: Any) -> Any:
    """Show what a view or the framework raised as a page; pass redirects on."""
    if error.status_int < 400:
        return error
    if "Retry-After" in error.headers:
        request.response.headers["Retry-After"] = error.headers["Retry-After"]
    return _bare(request, error.status_int, error.title, error.detail or error.explanation)


@exception_view_config(Exception, renderer=PAGE)
def internal_error(error: Exception, request: Any) -> Any:
    log.error("%s", _asked(request), exc_info=error)
    text = _("Sorry, an error occurred. Please try again in a few minutes.")
    return _bare(request, 500, _("Error"), text)


def _asked(request: Any) -> str:
    """Return what *request* asked for, as it may be logged."""
    return f"{request.method} {readable_path(request.environ.get('PATH_INFO', ''))}"


def _page(request: Any, status: int, title: str, text: str) -> dict[str, Any]:
    """Return a page about what went wrong, with what was typed, so that it is not lost."""
    request.response.status_int = status
    typed = [(name, value) for name, value in _posted(request) if name not in _NOT_TYPED]
    # By its id the administrator finds it in the log. What is not there must look alike each time.
    request_id = request.request_id if status >= 500 else ""
    return {"title": title, "text": text, "typed": typed, "bare": False, "request_id": request_id}


def _bare(request: Any, status: int, title: str, text: str) -> dict[str, Any]:
    """Return a page that asks nothing of the database, which may be what failed.

    Nor of the rows already read: a flush that failed has expired them, and ended their session.
    """
    return {**_page(request, status, title, text), "bare": True}


def _sign_in(request: Any) -> Response:
    """Lead to the sign-in, or give back the form that was sent by someone signed out meanwhile."""
    if request.method not in SAFE_METHODS:
        return _send_again(request, 403)
    query = {"next": request.path_qs}
    return HTTPSeeOther(request.resource_url(request.root, "login", query=query))


def _send_again(request: Any, status: int, why: str = "", *, bare: bool = False) -> Response:
    """Answer the form that was sent, to be sent again by hand by whoever typed it.

    It says *why*; without, that they are signed out. A *bare* page asks nothing of the database.

    Not to a form of another site: the session that goes with it would replace the reader's own,
    whose cookie the browser has kept back (SameSite).
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        text = _("This form was sent from another site, so nothing was changed.")
        return _respond(request, PAGE, _bare(request, status, _("Not taken"), text))
    fields = _posted(request)
    answer = {
        "unseen": [(name, value) for name, value in fields if name in _NOT_TYPED],
        "typed": [(name, value) for name, value in fields if name not in _NOT_TYPED],
        "action": "/" + request.path_qs.lstrip("/"),  # "//evil/login" would be another site
        "why": why,
        "bare": bare,
    }
    request.response.status_int = status
    return _respond(request, "form_again.jinja2", answer)


def _respond(request: Any, template: str, answer: dict[str, Any]) -> Response:
    return render_to_response(template, answer, request, response=request.response)


def _posted(request: Any) -> list[tuple[str, str]]:
    """Return the texts of the form that was sent, but for secrets."""
    if REFUSED in request.environ:  # it is not even to be parsed
        return []
    try:
        items = list(request.POST.items())
    # It could not be read, which is what this page says.
    except (ValueError, DeprecationWarning, OSError):
        return []
    return [
        (name, value)
        for name, value in items[:MAX_RETURNED]
        if isinstance(value, str) and name and not _is_secret(name)
    ]


def _is_secret(name: str) -> bool:
    if name in _BUTTONS:
        return False
    return name in _PASSWORDS or any(word in name for word in _KEPT_BACK)


def _allowed_methods(error: Any, request: Any) -> str:
    """Return the methods of the views of this name, where only the method did not fit."""
    if not isinstance(error, PredicateMismatch):
        return ""
    methods: set[str] = set()
    for item in request.registry.introspector.get_category("views") or ():
        view = item["introspectable"]
        if view["name"] == request.view_name and isinstance(request.context, view["context"] or ()):
            named = view["request_methods"] or ()
            methods.update({named} if isinstance(named, str) else named)
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods - {request.method}))


def includeme(config: Any) -> None:
    for error in UNAVAILABLE:
        config.add_exception_view(database_error, error, renderer=PAGE)
    config.scan(__name__)
