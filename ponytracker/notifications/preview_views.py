"""The pages on which administrators see what mails look like.

A mail's HTML brings its styles along, which our Content-Security-Policy forbids. It is a page of
its own that may have them and nothing else, in a frame of the page that lists all.
"""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response
from pyramid.view import view_config

from ponytracker.notifications.preview import KINDS, make_sample
from ponytracker.resources import AdminResource
from ponytracker.security.headers import CONTENT_SECURITY_POLICY
from ponytracker.security.permissions import Permission

PAGE_POLICY = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


@view_config(
    context=AdminResource,
    name="mail-preview",
    request_method="GET",
    permission=Permission.MANAGE_SETTINGS,
    renderer="templates/mail_preview.jinja2",
)
def show_mails(context: AdminResource, request: Any) -> dict[str, Any]:
    request.response.headers["Content-Security-Policy"] = PAGE_POLICY
    samples = [make_sample(request.registry, kind, request.user) for kind in KINDS]
    return {"samples": samples, "is_sent": bool(request.settings.mail_default_sender)}


@view_config(
    context=AdminResource,
    name="mail-preview-html",
    request_method="GET",
    permission=Permission.MANAGE_SETTINGS,
)
def show_html(context: AdminResource, request: Any) -> Response:
    kind = request.GET.get("kind", KINDS[0])
    if kind not in KINDS:
        raise HTTPNotFound
    sample = make_sample(request.registry, kind, request.user)
    response = Response(sample.html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
