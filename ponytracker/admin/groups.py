"""The pages of groups, to read; ``group_management.py`` changes them."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from ponytracker.accounts import groups
from ponytracker.resources import GroupResource, GroupsResource
from ponytracker.web.forms import searched_text
from ponytracker.web.pages import Page


@view_config(context=GroupsResource, request_method="GET", renderer="templates/group_list.jinja2")
def group_list(context: GroupsResource, request: Any) -> dict[str, Any]:
    text = searched_text(request)
    page = Page.asked_for(
        request.GET.get("page"),
        size=request.root.settings.items_per_page,
        total=groups.count_groups(request.dbsession, text),
    )
    return {
        "text": text,
        "page": page,
        "rows": groups.list_groups(request.dbsession, text, page),
    }


@view_config(context=GroupResource, request_method="GET", renderer="templates/group_show.jinja2")
def show_group(context: GroupResource, request: Any) -> dict[str, Any]:
    text = searched_text(request)
    page = Page.asked_for(
        request.GET.get("page"),
        size=request.root.settings.items_per_page,
        total=groups.count_users(request.dbsession, context.group, text),
    )
    return {
        "group": context.group,
        "text": text,
        "page": page,
        "users": groups.list_users(request.dbsession, context.group, text, page),
    }
