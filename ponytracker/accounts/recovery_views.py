"""The pages for whoever has forgotten their password."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from ponytracker.accounts import recovery
from ponytracker.accounts.forms import NewPasswordForm, ResetForm
from ponytracker.accounts.links import posted_token
from ponytracker.accounts.tries import may_try
from ponytracker.i18n import _
from ponytracker.resources import LoginResource
from ponytracker.security.throttling import Purpose

_RESET = {"context": LoginResource, "name": "reset", "permission": NO_PERMISSION_REQUIRED}
_ASK = {**_RESET, "renderer": "templates/reset_ask.jinja2"}
_CHOOSE = {**_RESET, "request_param": "token", "renderer": "templates/reset_choose.jinja2"}


@view_config(request_method="GET", **_ASK)
@view_config(request_method="POST", **_ASK)
def ask_for_reset(context: LoginResource, request: Any) -> Any:
    form = ResetForm(request)
    if form.accepts() and may_try(form, Purpose.RESET, form.email.data or ""):
        # The answer is the same for every address, and comes before anyone looks for an account.
        request.after_commit(recovery.mail_reset_links, request.registry, form.email.data)
        request.session.flash(
            _(
                "If there is an account with this address, a mail with a link is on its way. The"
                " link works for an hour."
            ),
            "info",
        )
        return HTTPSeeOther(request.resource_path(request.root, "login"))
    return {"form": form, "cancel": request.resource_path(request.root, "login")}


@view_config(request_method="GET", **_CHOOSE)
@view_config(request_method="POST", **_CHOOSE)
def choose_password(context: LoginResource, request: Any) -> Any:
    token = posted_token(request)
    user = recovery.find_reset(request.dbsession, token)
    username = user.username
    form = NewPasswordForm(request, username=username, email=user.email)
    if form.accepts():
        recovery.reset_password(
            request.dbsession,
            request.identity,
            request.throttle,
            token=token,
            password_hash=request.hash_password(form.new1.data),
        )
        request.session.flash(_("Password updated successfully."), "success")
        return HTTPSeeOther(request.resource_path(request.root, "login"))
    return {"form": form, "token": token, "username": username}
