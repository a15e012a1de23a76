"""The page of the audit log."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from pyramid.view import view_config

from ponytracker.admin import audit_query
from ponytracker.admin.audit_query import AuditQuery, changes_of
from ponytracker.admin.forms import AuditForm
from ponytracker.resources import AdminResource
from ponytracker.security.permissions import Permission
from ponytracker.web.pages import Page


@view_config(
    context=AdminResource,
    name="audit",
    request_method="GET",
    permission=Permission.READ_AUDIT_LOG,
    renderer="templates/audit_log.jinja2",
)
def audit_log(context: AdminResource, request: Any) -> dict[str, Any]:
    form = AuditForm(request, audit_query.list_actions(request.dbsession))
    asked = AuditQuery(**form.facts, zone=ZoneInfo(request.identity.time_zone))
    page = Page.asked_for(
        request.GET.get("page"),
        size=request.root.settings.items_per_page,
        total=audit_query.count_entries(request.dbsession, asked),
    )
    entries = audit_query.list_entries(request.dbsession, asked, page)
    return {"form": form, "page": page, "entries": entries, "changes_of": changes_of}
