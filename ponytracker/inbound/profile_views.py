"""The page of one's own addresses, ending them, and getting mail again after it came back."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config
from wtforms import validators

from ponytracker.accounts.service import end_mail_addresses, resume_mail
from ponytracker.i18n import _
from ponytracker.inbound.personal_addresses import (
    NoAddress,
    list_addresses,
    make_address,
    revoke_address,
)
from ponytracker.projects.service import list_projects
from ponytracker.resources import ProfileResource
from ponytracker.resources.base import number
from ponytracker.security.permissions import Permission
from ponytracker.web.forms import Form, LineField

MAX_SUGGESTED = 200
"""Projects that the field suggests; any other can be typed."""


class AddressForm(Form):
    """The project for which an address is to be shown."""

    project = LineField(
        _("Project"),
        [
            validators.DataRequired(_("Enter the name of a project.")),
            validators.Length(max=100, message=_("At most ${max} characters.")),
        ],
    )

    def validate_project(self, field: Any) -> None:
        try:
            make_address(self.request.dbsession, self.request.identity, field.data)
        except NoAddress as error:
            raise validators.ValidationError(error.args[0]) from None


_ADDRESSES = {
    "context": ProfileResource,
    "name": "mail",
    "permission": Permission.SIGNED_IN,
    "renderer": "templates/personal_addresses.jinja2",
}


@view_config(request_method=("GET", "POST"), **_ADDRESSES)
def show_addresses(context: ProfileResource, request: Any) -> Any:
    """Show the addresses there are; each is made when it is first asked for."""
    form = AddressForm(request)
    if request.settings.takes_mail and form.accepts():
        return HTTPSeeOther(request.resource_path(context, "mail", ""))
    session, reader = request.dbsession, request.identity
    addresses = request.registry["ponytracker.gate"].addresses
    return {
        "form": form,
        "user": request.user,
        "addresses": [
            (row, addresses.for_new_issue(row)) for row in list_addresses(session, reader)
        ],
        "projects": list_projects(session, reader, archived=False, limit=MAX_SUGGESTED),
    }


_REVOKE = {"context": ProfileResource, "name": "revoke-address", "permission": Permission.SIGNED_IN}


@view_config(request_method="GET", renderer="confirm.jinja2", **_REVOKE)
def confirm_revoke(context: ProfileResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Revoke"),
        "question": _("Do you want to end this address? Mail to it is not taken any more."),
        "button": _("Revoke"),
        "cancel": request.resource_path(context, "mail", ""),
    }


@view_config(request_method="POST", **_REVOKE)
def revoke(context: ProfileResource, request: Any) -> HTTPSeeOther:
    try:
        revoke_address(request.dbsession, request.identity, _posted_id(request))
    except NoAddress as error:
        request.session.flash(error.args[0], "info")
    else:
        request.session.flash(_("Address revoked successfully."), "success")
    return HTTPSeeOther(request.resource_path(context, "mail", ""))


_END = {"context": ProfileResource, "name": "end-addresses", "permission": Permission.SIGNED_IN}


@view_config(request_method="GET", renderer="confirm.jinja2", **_END)
def confirm_end(context: ProfileResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("End all addresses"),
        "question": _(
            "Do you want to end all addresses that you were given so far, also those to which you"
            " answer mails? Mails that come from now on have new ones."
        ),
        "button": _("End all addresses"),
        "cancel": request.resource_path(context, "mail", ""),
    }


@view_config(request_method="POST", **_END)
def end_addresses(context: ProfileResource, request: Any) -> HTTPSeeOther:
    end_mail_addresses(request.user)
    request.session.flash(_("All addresses given so far are ended."), "success")
    return HTTPSeeOther(request.resource_path(context, "mail", ""))


_RESUME = {"context": ProfileResource, "name": "resume-mail", "permission": Permission.SIGNED_IN}


@view_config(request_method="GET", renderer="confirm.jinja2", **_RESUME)
def confirm_resume(context: ProfileResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Send me mail again"),
        "question": _("Do you want to be sent mail again, to the address in your profile?"),
        "button": _("Send me mail again"),
        "cancel": request.resource_path(context, ""),
    }


@view_config(request_method="POST", **_RESUME)
def resume(context: ProfileResource, request: Any) -> HTTPSeeOther:
    resume_mail(request.user)
    request.session.flash(_("Mail is sent to you again."), "success")
    return HTTPSeeOther(request.resource_path(context, ""))


def _posted_id(request: Any) -> int | None:
    """Return the id in the field `address`, also where it stands in the address of the page."""
    try:
        return number(request.params.get("address"))
    except (KeyError, TypeError):  # none, or a file
        return None
