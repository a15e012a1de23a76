"""The entrance of the administration: it leads to what one manages."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.view import view_config

from ponytracker.resources import AdminResource
from ponytracker.security.permissions import Permission

PLACES = {
    "settings": Permission.MANAGE_SETTINGS,
    "users": Permission.MANAGE_ACCOUNTS,
    "permissions": Permission.MANAGE_GLOBAL_PERMISSION,
}


@view_config(context=AdminResource, request_method="GET")
def show_admin(context: AdminResource, request: Any) -> HTTPSeeOther:
    for name, permission in PLACES.items():
        if request.has_permission(permission):
            return HTTPSeeOther(request.resource_path(context, name, ""))
    raise HTTPForbidden
