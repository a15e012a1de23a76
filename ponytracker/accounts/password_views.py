"""Changing one's own password, on the profile's page."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.security import remember
from pyramid.view import view_config

from ponytracker.accounts import profile
from ponytracker.accounts.forms import UpdatePasswordForm
from ponytracker.accounts.profile_views import PROFILE, profile_page
from ponytracker.accounts.tries import knows_password
from ponytracker.i18n import _
from ponytracker.resources import ProfileResource
from ponytracker.security.sessions import KEY, ONE_DAY, STAY


@view_config(request_method="POST", request_param=UpdatePasswordForm.button, **PROFILE)
def update_password(context: ProfileResource, request: Any) -> Any:
    user = request.user
    form = UpdatePasswordForm(request, username=user.username, email=user.email)
    if form.accepts() and knows_password(form, form.old, user):
        stay = STAY in request.session
        token = profile.change_password(
            request.dbsession,
            request.identity,
            request.throttle,
            profile.Proof(request.session.get(KEY), user.password_hash),
            password_hash=request.hash_password(form.new1.data),
            days=request.settings.session_days if stay else ONE_DAY,
            user_agent=request.user_agent or "",
        )
        remember(request, token, stay=stay)
        request.session.flash(_("Password updated successfully."), "success")
        return HTTPSeeOther(request.resource_path(context))
    return profile_page(request, form)
