"""The pages on which one asks to hear of an issue, or to hear no more of it."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.issues import subscriptions
from ponytracker.issues.answers import confirmation, to_issue
from ponytracker.resources import IssueResource
from ponytracker.security.permissions import Permission

_SUBSCRIBE = {
    "context": IssueResource,
    "name": "subscribe",
    "permission": Permission.SIGNED_IN,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_SUBSCRIBE)
def confirm_subscribe(context: IssueResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to hear of everything that happens to this issue?")
    return confirmation(context, request, question, _("Subscribe"))


@view_config(request_method="POST", **_SUBSCRIBE)
def subscribe(context: IssueResource, request: Any) -> HTTPSeeOther:
    try:
        subscriptions.subscribe(request.dbsession, request.identity, context.issue)
    except subscriptions.CannotSubscribe as error:
        request.session.flash(error.args[0], "error")
    else:
        text = _("You have been subscribed to this issue successfully.")
        request.session.flash(text, "success")
    return to_issue(context, request)


_UNSUBSCRIBE = {
    "context": IssueResource,
    "name": "unsubscribe",
    "permission": Permission.SIGNED_IN,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_UNSUBSCRIBE)
def confirm_unsubscribe(context: IssueResource, request: Any) -> dict[str, Any]:
    question = _("Do you want to hear no more of this issue?")
    return confirmation(context, request, question, _("Unsubscribe"))


@view_config(request_method="POST", **_UNSUBSCRIBE)
def unsubscribe(context: IssueResource, request: Any) -> HTTPSeeOther:
    try:
        subscriptions.unsubscribe(request.dbsession, request.identity, context.issue)
    except subscriptions.CannotSubscribe as error:
        request.session.flash(error.args[0], "error")
    else:
        text = _("You will not receive any notifications for this issue anymore.")
        request.session.flash(text, "success")
    return to_issue(context, request)
