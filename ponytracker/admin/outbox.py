"""The pages of the outbox: what is owed to whom, and what could not be sent."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.admin import service
from ponytracker.i18n import _
from ponytracker.models import MailState
from ponytracker.notifications import outbox
from ponytracker.resources import OutboxResource, OwedMailResource
from ponytracker.security.permissions import Permission
from ponytracker.web.pages import Page

STATES = {
    MailState.OWED: _("Owed"),
    MailState.FAILED: _("Failed"),
    MailState.DROPPED: _("Not wanted any more"),
    MailState.SENT: _("Sent"),
}


@view_config(
    context=OutboxResource,
    request_method="GET",
    permission=Permission.READ_MAIL,
    renderer="templates/outbox.jinja2",
)
def show_outbox(context: OutboxResource, request: Any) -> dict[str, Any]:
    asked = request.GET.get("state")
    state = next((state for state in MailState if state == asked), MailState.OWED)
    counts = outbox.count_by_state(request.dbsession)
    page = Page.asked_for(
        request.GET.get("page"), size=request.root.settings.items_per_page, total=counts[state]
    )
    mails = outbox.list_mails(request.dbsession, state, page)
    return {"states": STATES, "state": state, "counts": counts, "page": page, "mails": mails}


_RETRY_ONE: Any = {
    "context": OwedMailResource,
    "name": "retry",
    "permission": Permission.READ_MAIL,
}
_RETRY_ALL: Any = {**_RETRY_ONE, "context": OutboxResource}


@view_config(request_method="GET", renderer="confirm.jinja2", **_RETRY_ONE)
def confirm_retry(context: OwedMailResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Try again"),
        "question": _(
            "Shall the mail to ${user} be tried again?",
            mapping={"user": context.owed.user.username},
        ),
        "button": _("Try again"),
        "cancel": request.resource_path(context.__parent__),
    }


@view_config(request_method="POST", **_RETRY_ONE)
def retry(context: OwedMailResource, request: Any) -> HTTPSeeOther:
    count = service.retry_mail(request.dbsession, request.identity, context.owed)
    return _tell(request, context.__parent__, count)


@view_config(request_method="GET", renderer="confirm.jinja2", **_RETRY_ALL)
def confirm_retry_all(context: OutboxResource, request: Any) -> dict[str, Any]:
    return {
        "title": _("Try again"),
        "question": _("Shall all mails that have failed be tried again?"),
        "button": _("Try all again"),
        "cancel": request.resource_path(context),
    }


@view_config(request_method="POST", **_RETRY_ALL)
def retry_all(context: OutboxResource, request: Any) -> HTTPSeeOther:
    count = service.retry_failed_mails(request.dbsession, request.identity)
    return _tell(request, context, count)


def _tell(request: Any, place: OutboxResource, count: int) -> HTTPSeeOther:
    if count:
        texts = "${count} mail is tried again.", "${count} mails are tried again."
        message = request.localizer.pluralize(
            *texts, count, domain="ponytracker", mapping={"count": count}
        )
        request.session.flash(message, "success")
    else:
        request.session.flash(_("Nothing has failed that could be tried again."), "info")
    return HTTPSeeOther(request.resource_path(place))
