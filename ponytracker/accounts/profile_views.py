"""The profile: what someone says of themselves, what they are in, watch, and are signed in with."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.security import forget
from pyramid.view import view_config

from ponytracker.accounts import profile
from ponytracker.accounts.browsers import browser_name
from ponytracker.accounts.forms import UpdatePasswordForm, UpdateProfileForm
from ponytracker.accounts.tries import knows_password
from ponytracker.i18n import _
from ponytracker.resources import ProfileResource
from ponytracker.resources.base import number
from ponytracker.security.permissions import Permission
from ponytracker.security.sessions import KEY, is_session, list_sessions
from ponytracker.web.forms import Form

PROFILE = {
    "context": ProfileResource,
    "permission": Permission.SIGNED_IN,
    "renderer": "templates/profile.jinja2",
}


@view_config(request_method="GET", **PROFILE)
@view_config(request_method="POST", **PROFILE)
def update_profile(context: ProfileResource, request: Any) -> Any:
    user = request.user
    form = UpdateProfileForm(request, user)
    if request.method == "POST" and not form.is_posted:  # by none of the page's buttons
        return HTTPSeeOther(request.resource_path(context))
    if form.accepts() and (not form.needs_password or knows_password(form, form.password, user)):
        token = request.session.get(KEY)
        profile.edit_profile(
            request.dbsession,
            request.identity,
            request.throttle,
            request.identity.user_id,
            profile.Proof(token, user.password_hash) if form.needs_password else None,
            **form.facts,
        )
        request.session.flash(_("Profile updated successfully."), "success")
        return HTTPSeeOther(request.resource_path(context))
    return profile_page(request, form)


def profile_page(request: Any, *forms: Form) -> dict[str, Any]:
    """Return what the profile shows; those of its forms that are in use come from *forms*."""
    user = request.user
    given = {form.button: form for form in forms}
    sessions = list_sessions(request.dbsession, request.identity.user_id)
    return {
        "profile_form": given.get(UpdateProfileForm.button) or UpdateProfileForm(request, user),
        "password_form": given.get(UpdatePasswordForm.button)
        or UpdatePasswordForm(request, username=user.username, email=user.email),
        "username": user.username,
        "groups": profile.list_groups(request.dbsession, user.id),
        "teams": profile.list_teams(request.dbsession, user.id),
        "watched": profile.list_watched(request.dbsession, request.identity),
        "sessions": [
            (row, browser_name(row.user_agent), is_session(row, request.session.get(KEY)))
            for row in sessions
        ],
    }


_UNWATCH = {"context": ProfileResource, "name": "unwatch", "permission": Permission.SIGNED_IN}


@view_config(request_method="GET", renderer="confirm.jinja2", **_UNWATCH)
def confirm_unwatch(context: ProfileResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Unwatch"),
        "question": _("Do you want to stop watching this project?"),
        "button": _("Unwatch"),
        "cancel": request.resource_path(context),
    }


@view_config(request_method="POST", **_UNWATCH)
def unwatch(context: ProfileResource, request: Any) -> HTTPSeeOther:
    try:
        profile.unwatch(request.dbsession, request.identity, _posted_id(request, "project"))
    except profile.AlreadyGone as error:
        request.session.flash(error.args[0], "info")
    else:
        request.session.flash(
            _("You will not receive any notifications for this project anymore."), "success"
        )
    return HTTPSeeOther(request.resource_path(context))


_END = {"context": ProfileResource, "name": "end-session", "permission": Permission.SIGNED_IN}


@view_config(request_method="GET", renderer="confirm.jinja2", **_END)
def confirm_end_session(context: ProfileResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Sign out"),
        "question": _("Do you want to sign out there?"),
        "button": _("Sign out"),
        "cancel": request.resource_path(context),
    }


@view_config(request_method="POST", **_END)
def end_session(context: ProfileResource, request: Any) -> HTTPSeeOther:
    try:
        profile.end_one_session(request.dbsession, request.identity, _posted_id(request, "session"))
    except profile.AlreadyGone as error:
        request.session.flash(error.args[0], "info")
    else:
        request.session.flash(_("Signed out there successfully."), "success")
    return HTTPSeeOther(request.resource_path(context))


_EVERYWHERE = {
    "context": ProfileResource,
    "name": "sign-out-everywhere",
    "permission": Permission.SIGNED_IN,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_EVERYWHERE)
def confirm_sign_out_everywhere(context: ProfileResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Sign out everywhere"),
        "question": _("Do you want to sign out of every browser, and of this one?"),
        "button": _("Sign out everywhere"),
        "cancel": request.resource_path(context),
    }


@view_config(request_method="POST", **_EVERYWHERE)
def sign_out_everywhere(context: ProfileResource, request: Any) -> HTTPSeeOther:
    profile.sign_out_everywhere(request.dbsession, request.identity)
    forget(request)
    request.session.flash(_("You are signed out everywhere."), "success")
    return HTTPSeeOther(request.resource_path(request.root, "login"))


def _posted_id(request: Any, name: str) -> int | None:
    """Return the id that the field *name* holds, also where it stands in the address."""
    try:
        return number(request.params.get(name))
    except (KeyError, TypeError):  # none, or a file
        return None
