"""The page of the site's settings."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.admin import service
from ponytracker.admin.forms import SettingsForm
from ponytracker.i18n import _
from ponytracker.resources import AdminResource
from ponytracker.security.permissions import Permission


@view_config(
    context=AdminResource,
    name="settings",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_SETTINGS,
    renderer="templates/settings_form.jinja2",
)
def edit_settings(context: AdminResource, request: Any) -> Any:
    form = SettingsForm(request, request.root.settings)
    if form.accepts():
        service.edit_settings(request.dbsession, request.identity, **form.facts)
        request.session.flash(_("Settings successfully updated."), "success")
        return HTTPSeeOther(request.resource_path(context, "settings", ""))
    return {"form": form}
