"""The pages of signing in and out."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.security import NO_PERMISSION_REQUIRED, forget, remember
from pyramid.view import view_config

from ponytracker.accounts import signing_in
from ponytracker.accounts.authentication import Unavailable, authenticators, prove
from ponytracker.accounts.events import SignInFailed
from ponytracker.accounts.forms import LoginForm
from ponytracker.accounts.tries import may_try
from ponytracker.i18n import _
from ponytracker.resources import LoginResource, Root
from ponytracker.security.sessions import KEY, ONE_DAY
from ponytracker.security.throttling import Purpose
from ponytracker.web.paths import site_path


@view_config(
    context=LoginResource,
    request_method=("GET", "POST"),
    permission=NO_PERMISSION_REQUIRED,
    renderer="templates/login.jinja2",
)
def login(context: LoginResource, request: Any) -> Any:
    form = LoginForm(request)
    home = request.resource_path(context.__parent__)
    if form.accepts() and may_try(form, Purpose.SIGN_IN, form.username.data):
        try:
            token = _sign_in(request, form)
        except Unavailable:
            request.response.status_int = 503
            form.form_errors.append(
                _("The directory that knows your password does not answer. Try again later.")
            )
        else:
            if token is not None:
                remember(request, token, stay=form.stay.data)
                return HTTPSeeOther(site_path(request, "next") or home)
            request.response.status_int = 422
            form.form_errors.append(_("The username or the password is wrong."))
    return {
        "form": form,
        "next": site_path(request, "next"),
        "prev": site_path(request, "prev"),
        "home": home,
    }


@view_config(
    context=Root,
    name="logout",
    request_method="GET",
    permission=NO_PERMISSION_REQUIRED,
    renderer="confirm.jinja2",
)
def confirm_logout(context: Root, request: Any) -> dict[str, Any]:
    return {
        "title": _("Sign out"),
        "question": _("Do you want to sign out?"),
        "button": _("Sign out"),
        "cancel": request.resource_path(context),
    }


@view_config(context=Root, name="logout", request_method="POST", permission=NO_PERMISSION_REQUIRED)
def logout(context: Root, request: Any) -> HTTPSeeOther:
    signing_in.sign_out(request.dbsession, request.identity, request.session.get(KEY))
    forget(request)
    return HTTPSeeOther(request.resource_path(context))


def _sign_in(request: Any, form: LoginForm) -> str | None:
    """Return the token of a new session, or nothing where the name or the password is wrong."""
    username, password = form.username.data, form.password.data
    found = signing_in.find_credentials(request.dbsession, username)
    # Checking a password is slow; on SQLite nobody could write meanwhile.
    request.release_database()
    proof = prove(authenticators(request.registry), request.passwords, found, username, password)
    token = None
    if proof is not None:
        token = signing_in.sign_in(
            request.dbsession,
            request.identity,
            request.throttle,
            proof,
            username=username,
            before=request.session.get(KEY),
            days=request.settings.session_days if form.stay.data else ONE_DAY,
            user_agent=request.user_agent or "",
        )
    if token is None:
        signing_in.fail_to_sign_in(request.dbsession, request.identity, username)
        request.registry.notify(SignInFailed())
    return token
