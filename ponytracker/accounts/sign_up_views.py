"""The pages of signing up."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from ponytracker.accounts import sign_up
from ponytracker.accounts.forms import MakeAccountForm, SignUpForm
from ponytracker.accounts.links import posted_token
from ponytracker.accounts.tries import may_try
from ponytracker.i18n import _
from ponytracker.resources import LoginResource
from ponytracker.security.throttling import Purpose

_SIGN_UP = {"context": LoginResource, "name": "sign-up", "permission": NO_PERMISSION_REQUIRED}
_ASK = {**_SIGN_UP, "renderer": "templates/sign_up_ask.jinja2"}
_MAKE = {**_SIGN_UP, "request_param": "token", "renderer": "templates/sign_up_make.jinja2"}


@view_config(request_method="GET", **_ASK)
@view_config(request_method="POST", **_ASK)
def ask_for_account(context: LoginResource, request: Any) -> Any:
    form = SignUpForm(request)
    if (
        form.accepts()
        and may_try(form, Purpose.SIGN_UP, form.email.data or "")
        and form.has_free_name()
    ):
        # The answer is the same for every address, and comes before anyone looks for an account.
        asked = {name: form[name].data for name in sign_up.ASKED}
        request.after_commit(sign_up.mail_invitation, request.registry, asked)
        request.session.flash(
            _(
                "A mail with a link is on its way to you: follow it to choose a password. The link"
                " works for a day."
            ),
            "info",
        )
        return HTTPSeeOther(request.resource_path(request.root, "login"))
    return {"form": form, "cancel": request.resource_path(request.root, "login")}


@view_config(request_method="GET", **_MAKE)
@view_config(request_method="POST", **_MAKE)
def make_account(context: LoginResource, request: Any) -> Any:
    token = posted_token(request)
    asked = sign_up.find_sign_up(request.dbsession, token)
    form = MakeAccountForm(request, username=asked["username"], email=asked["email"])
    if form.accepts():
        sign_up.make_account(
            request.dbsession,
            request.identity,
            token=token,
            username=form.username.data,
            password_hash=request.hash_password(form.new1.data),
        )
        request.session.flash(_("Your account is ready. Sign in with it."), "success")
        return HTTPSeeOther(request.resource_path(request.root, "login"))
    return {"form": form, "token": token}
