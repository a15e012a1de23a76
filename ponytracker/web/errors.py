"""The error pages: what went wrong, in words, and what to do; never a traceback."""

from __future__ import annotations

import logging
from typing import Any

from pyramid.csrf import get_csrf_token
from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken, PredicateMismatch
from pyramid.httpexceptions import (
    HTTPException,
    HTTPMethodNotAllowed,
    HTTPSeeOther,
)
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config
from sqlalchemy.exc import IntegrityError, OperationalError

from ponytracker.errors import Conflict
from ponytracker.i18n import _
from ponytracker.resources import Root

log = logging.getLogger(__name__)

NOT_FOUND = _("This is not the web page you are looking for.")
FORBIDDEN = _("Sorry, you are not allowed to access this page.")
PAGE = "error.jinja2"

_KEPT_BACK = ("csrf_token", "password")


@notfound_view_config(renderer=PAGE)
def not_found(error: Any, request: Any) -> Any:
    """Answer what is not there; someone not signed in may find it after signing in.

    What one may not see was not found by the tree either, so it is answered here, and alike.
    """
    allowed = _allowed_methods(error, request)
    if allowed:
        return method_not_allowed(HTTPMethodNotAllowed(headers={"Allow": allowed}), request)
    if isinstance(request.context, Root) and not request.identity.is_signed_in:
        return _sign_in(request)
    return _page(request, 404, _("Not found"), NOT_FOUND)


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


@exception_view_config(BadCSRFToken, renderer="form_again.jinja2")
@exception_view_config(BadCSRFOrigin, renderer="form_again.jinja2")
def bad_csrf_token(error: Any, request: Any) -> Any:
    """Give back what was typed, to be sent once more by whoever typed it."""
    request.response.status_int = 400
    fields = [
        (name, value)
        for name, value in request.POST.items()
        if isinstance(value, str) and name and not any(word in name for word in _KEPT_BACK)
    ]
    action = "/" + request.path_qs.lstrip("/")  # "//evil/login" would be another site
    return {"fields": fields, "action": action, "csrf_token": get_csrf_token(request)}


@exception_view_config(Conflict, renderer=PAGE)
def conflict(error: Conflict, request: Any) -> Any:
    return _page(request, 409, _("Not possible any more"), error.args[0])


@exception_view_config(IntegrityError, renderer=PAGE)
def integrity_error(error: IntegrityError, request: Any) -> Any:
    """Two changes met, again and again: the tries of pyramid_retry are used up."""
    log.warning("%s %s: %s", request.method, request.path, error.orig)
    text = _("Someone else changed the same thing at the same time. Go back and try again.")
    return _bare(request, 409, _("Not possible any more"), text)


@exception_view_config(OperationalError, renderer=PAGE)
def database_error(error: OperationalError, request: Any) -> Any:
    log.error("%s %s: %s", request.method, request.path, error.orig)
    request.response.headers["Retry-After"] = "10"
    text = _("The database does not answer at the moment. Please try again in a few minutes.")
    return _bare(request, 503, _("Not available"), text)


@exception_view_config(HTTPException, renderer=PAGE)
def http_exception(error: HTTPException, request: Any) -> Any:
    """Show what a view or the framework raised as a page; pass redirects on."""
    if error.status_int < 400:
        return error
    return _bare(request, error.status_int, error.title, error.detail or error.explanation)


@exception_view_config(Exception, renderer=PAGE)
def internal_error(error: Exception, request: Any) -> Any:
    log.error("%s %s", request.method, request.path, exc_info=error)
    text = _("Sorry, an error occurred. Please try again in a few minutes.")
    return _bare(request, 500, _("Error"), text)


def _page(request: Any, status: int, title: str, text: str) -> dict[str, Any]:
    request.response.status_int = status
    return {"title": title, "text": text, "bare": False}


def _bare(request: Any, status: int, title: str, text: str) -> dict[str, Any]:
    """Return a page that asks nothing of the database, which may be what failed.

    Nor of the rows already read: a flush that failed has expired them, and ended their session.
    """
    return {**_page(request, status, title, text), "bare": True}


def _sign_in(request: Any) -> HTTPSeeOther:
    wanted = request.path_qs if request.method in ("GET", "HEAD") else None
    query = {"next": wanted} if wanted else {}
    return HTTPSeeOther(request.resource_url(request.root, "login", query=query))


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
    config.scan(__name__)
