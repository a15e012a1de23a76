"""The pages of grants: those on one project, and those on PonyTracker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPNotFound, HTTPSeeOther
from pyramid.view import view_config

from ponytracker.grants import service
from ponytracker.grants.forms import GrantForm
from ponytracker.grants.grantees import GranteeType, suggest_grantees, typed_name
from ponytracker.grants.names import NAMES, grantee_name
from ponytracker.i18n import _
from ponytracker.models import Grant
from ponytracker.resources import (
    GrantResource,
    GrantsResource,
    ProjectGrantResource,
    ProjectGrantsResource,
    SiteGrantResource,
    SiteGrantsResource,
)
from ponytracker.security.impact import assess, grant_removal
from ponytracker.security.permissions import GLOBAL_ONLY, Permission
from ponytracker.text import clean_line
from ponytracker.web.forms import posted_text
from ponytracker.web.pages import Page
from ponytracker.web.paths import site_path

View = Callable[..., Any]

MAX_QUERY = 150
"""Characters of a name that suggestions are asked for by."""


def grants_view(**options: Any) -> Callable[[View], View]:
    """Register a view of all grants at one place: of a project, or of PonyTracker."""
    return _on_each(ProjectGrantsResource, SiteGrantsResource, **options)


def grant_view(**options: Any) -> Callable[[View], View]:
    """Register a view of one grant."""
    return _on_each(ProjectGrantResource, SiteGrantResource, **options)


def _on_each(project: type, site: type, **options: Any) -> Callable[[View], View]:
    def register(view: View) -> View:
        view_config(context=project, permission=ProjectGrantsResource.manager, **options)(view)
        view_config(context=site, permission=SiteGrantsResource.manager, **options)(view)
        return view

    return register


@grants_view(request_method="GET", renderer="templates/grant_list.jinja2")
def grant_list(context: GrantsResource, request: Any) -> dict[str, Any]:
    page = Page.asked_for(
        request.GET.get("page"),
        size=request.root.settings.items_per_page,
        total=service.count_grants(request.dbsession, context.project),
    )
    on_projects = context.project is not None or request.GET.get("show") == "projects"
    return {
        "grants": service.list_grants(request.dbsession, context.project, page),
        "page": page,
        "on_projects": on_projects,
        "permissions": [
            permission
            for permission in NAMES
            if permission in context.grantable and (permission in GLOBAL_ONLY) != on_projects
        ],
        "grantee_name": grantee_name,
    }


_FORM = "templates/grant_form.jinja2"


@grants_view(name="add", request_method="GET", renderer=_FORM)
@grants_view(name="add", request_method="POST", renderer=_FORM)
def add_grant(context: GrantsResource, request: Any) -> Any:
    form = GrantForm(request, context)
    if form.accepts():
        grant = service.add_grant(
            request.dbsession,
            request.identity,
            context,
            grantee=form.grantee,
            permissions=form.chosen(),
        )
        request.session.flash(_("Permission added successfully."), "success")
        return _to_list(context, request, grant)
    return _form_page(form, context, request)


@grants_view(name="add", request_method="GET", request_param="query", renderer="json")
def suggest(context: GrantsResource, request: Any) -> dict[str, Any]:
    """Answer names that have `query` in them, of the `type` of grantee that was chosen."""
    query = clean_line(request.GET["query"]).strip()[:MAX_QUERY]
    asked = request.GET.get("type", GranteeType.USER)
    if not query or asked not in list(GranteeType):
        raise HTTPNotFound
    found = suggest_grantees(request.dbsession, GranteeType(asked), query)
    return {
        "suggestions": [
            {"value": typed_name(grantee), "data": grantee.id} for grantee in found if grantee
        ]
    }


@grant_view(name="edit", request_method="GET", renderer=_FORM)
@grant_view(name="edit", request_method="POST", renderer=_FORM)
def edit_grant(context: GrantResource, request: Any) -> Any:
    place = context.__parent__
    form = GrantForm(request, place, context.grant)
    if form.accepts():
        service.edit_grant(
            request.dbsession,
            request.identity,
            place,
            context.grant,
            grantee=form.grantee,
            permissions=form.chosen(),
        )
        request.session.flash(_("Permission updated successfully."), "success")
        return _to_list(place, request, context.grant)
    return _form_page(form, place, request)


@grant_view(name="delete", request_method="GET", renderer="confirm.jinja2")
def confirm_delete(context: GrantResource, request: Any) -> dict[str, Any]:
    return {
        "title": grantee_name(context.grant),
        "question": _("Do you want to take back everything that was given here?"),
        "button": _("Delete this permission"),
        "cancel": request.resource_path(context.__parent__),
        "impact": assess(request.dbsession, grant_removal(context.grant)),
    }


@grant_view(name="delete", request_method="POST")
def delete_grant(context: GrantResource, request: Any) -> HTTPSeeOther:
    place = context.__parent__
    service.delete_grant(request.dbsession, request.identity, place, context.grant)
    request.session.flash(_("Permission deleted successfully."), "success")
    return HTTPSeeOther(request.resource_path(place))


@grant_view(
    name="toggle",
    subpath=True,
    request_method="GET",
    renderer="templates/grant_toggle.jinja2",
)
def confirm_toggle(context: GrantResource, request: Any) -> dict[str, Any]:
    permission = _permission(context, request)
    give = not context.grant.gives(permission)
    question = (
        _("Do you want to give the right to ${right}?")
        if give
        else _("Do you want to take away the right to ${right}?")
    )
    right = request.localizer.translate(NAMES[permission])
    page = {
        "title": grantee_name(context.grant),
        "question": _(question, mapping={"right": right}),
        "button": _("Give this right") if give else _("Take this right away"),
        "give": give,
        "cancel": request.resource_path(context.__parent__),
    }
    if not give:
        page["impact"] = service.assess_permission(request.dbsession, context.grant, permission)
    return page


@grant_view(name="toggle", subpath=True, request_method="POST")
def toggle(context: GrantResource, request: Any) -> HTTPSeeOther:
    _toggle(context, request)
    return _to_list(context.__parent__, request, context.grant)


@grant_view(name="toggle", subpath=True, request_method="POST", xhr=True, renderer="json")
def toggle_by_script(context: GrantResource, request: Any) -> dict[str, bool]:
    return {"given": _toggle(context, request)}


_GIVE = {"1": True, "0": False, "": None}


def _toggle(context: GrantResource, request: Any) -> bool:
    permission = _permission(context, request)
    give = posted_text(request, "give")
    if give not in _GIVE:
        raise HTTPBadRequest(_("The field 'give' is 1 or 0."))
    return service.toggle_permission(
        request.dbsession,
        request.identity,
        context.__parent__,
        context.grant,
        permission,
        give=_GIVE[give],
    )


def _permission(context: GrantResource, request: Any) -> Permission:
    """Return the permission that the address names behind the view, if it can be granted here."""
    for permission in context.__parent__.grantable:
        if request.subpath == (permission,):
            return permission
    raise HTTPNotFound


def _form_page(form: GrantForm, place: GrantsResource, request: Any) -> dict[str, Any]:
    existing = form.existing if form.existing is not form.grant else None
    return {
        "form": form,
        "suggestions": request.resource_path(place, "add", ""),
        "existing": existing and request.resource_path(place, str(existing.id), "edit", ""),
        "cancel": request.resource_path(place),
    }


def _to_list(place: GrantsResource, request: Any, grant: Grant) -> HTTPSeeOther:
    """Lead to the row of *grant* in the list, on the page where the button was or where it is."""
    path = site_path(request, "next")
    if path is None:
        size = request.root.settings.items_per_page
        number = service.find_page(request.dbsession, grant, size=size)
        path = request.resource_path(place, query={"page": number})
    return HTTPSeeOther(f"{path.partition('#')[0]}#grant-{grant.id}")
