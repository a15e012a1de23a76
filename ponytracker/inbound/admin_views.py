"""The pages on which superusers see what came in by mail, and have it taken in again."""

from __future__ import annotations

import re
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config

from ponytracker.i18n import _
from ponytracker.inbound import log, receiving
from ponytracker.inbound.answering import send_answer
from ponytracker.inbound.verdict import MEANINGS, Outcome
from ponytracker.resources import ReceivedMailResource, ReceivedMailsResource
from ponytracker.security.permissions import Permission
from ponytracker.web.pages import Page

RAW_HEADERS = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
"""A mail may hold anything: nothing in it runs, or is shown as a page."""

MAX_SHOWN = 100_000
"""Characters of a mail that its page shows; the rest is in the file."""

_TOKEN = re.compile(r"\.[a-z2-7]{16}@")


def without_token(address: str) -> str:
    """Return *address* without what lets its reader use it."""
    return _TOKEN.sub(".…@", address)


@view_config(
    context=ReceivedMailsResource,
    request_method="GET",
    permission=Permission.READ_MAIL,
    renderer="templates/received_list.jinja2",
)
def list_mails(context: ReceivedMailsResource, request: Any) -> dict[str, Any]:
    outcome = request.GET.get("outcome", "")
    page = Page.asked_for(
        request.GET.get("page"),
        size=request.root.settings.items_per_page,
        total=log.count_mails(request.dbsession, outcome),
    )
    return {
        "mails": log.list_mails(request.dbsession, outcome, page),
        "page": page,
        "outcome": outcome if outcome in MEANINGS else "",
        "outcomes": list(Outcome),
        "meanings": MEANINGS,
        "without_token": without_token,
    }


@view_config(
    context=ReceivedMailResource,
    request_method="GET",
    permission=Permission.READ_MAIL,
    renderer="templates/received_show.jinja2",
)
def show_mail(context: ReceivedMailResource, request: Any) -> dict[str, Any]:
    mail = context.mail
    text = (mail.raw or b"")[:MAX_SHOWN].decode("utf-8", "replace").replace("\x00", "")
    return {
        "mail": mail,
        "meaning": MEANINGS.get(Outcome(mail.outcome), ""),
        "text": text,
        "is_kept": mail.raw is not None,
        "is_cut": len(mail.raw or b"") > MAX_SHOWN,
        "without_token": without_token,
    }


@view_config(
    context=ReceivedMailResource,
    name="raw",
    request_method="GET",
    permission=Permission.READ_MAIL,
)
def download_mail(context: ReceivedMailResource, request: Any) -> Response:
    if context.mail.raw is None:
        raise HTTPNotFound
    disposition = f'attachment; filename="mail-{context.mail.id}.txt"'
    headers = {**RAW_HEADERS, "Content-Disposition": disposition}
    response = Response(context.mail.raw, content_type="text/plain", charset="utf-8")
    response.headers.update(headers)
    return response


_REPLAY = {
    "context": ReceivedMailResource,
    "name": "replay",
    "permission": Permission.READ_MAIL,
}


@view_config(request_method="GET", renderer="confirm.jinja2", **_REPLAY)
def confirm_replay(context: ReceivedMailResource, request: Any) -> dict[str, Any]:
    return {
        "title": context.mail.subject or _("(no subject)"),
        "question": _("Do you want to take in this mail again, as if it came now?"),
        "button": _("Replay"),
        "cancel": request.resource_path(context, ""),
    }


@view_config(request_method="POST", **_REPLAY)
def replay_mail(context: ReceivedMailResource, request: Any) -> HTTPSeeOther:
    gate = request.registry["ponytracker.gate"]
    try:
        receipt = receiving.replay(request.dbsession, request.identity, gate, context.mail)
    except receiving.NotKept as error:
        request.session.flash(error.args[0], "error")
    else:
        if receipt.answer:
            request.after_commit(send_answer, request.registry, receipt.answer)
        request.session.flash(MEANINGS[receipt.verdict.outcome], "info")
    return HTTPSeeOther(request.resource_path(context, ""))
