"""Setting someone's password; absent where people are known from elsewhere (external_auth)."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.accounts import service
from ponytracker.admin.forms import UserPasswordForm
from ponytracker.i18n import _
from ponytracker.resources import UserResource
from ponytracker.security.permissions import Permission


@view_config(
    context=UserResource,
    name="edit-password",
    request_method=("GET", "POST"),
    permission=Permission.MANAGE_ACCOUNTS,
    renderer="templates/user_password.jinja2",
)
def edit_password(context: UserResource, request: Any) -> Any:
    service.check_password_is_here(context.user)
    form = UserPasswordForm(request, context.user)
    if form.accepts():
        password_hash = request.hash_password(form.password.data)
        service.set_password(request.dbsession, request.identity, context.user.id, password_hash)
        request.session.flash(_("User password modified successfully."), "success")
        return HTTPSeeOther(request.resource_path(context, ""))
    return {"form": form, "cancel": request.resource_path(context, "")}
