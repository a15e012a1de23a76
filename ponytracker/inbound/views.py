"""The gate's address, ``/api/email/recv/``: each mail is posted to it, as to the original's.

What proves who posts is the key in the form; there is no session, no cookie and no CSRF token.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import exception_view_config, view_config
from pyramid_retry import is_error_retryable
from sqlalchemy.exc import IntegrityError

from ponytracker.attachments.service import NotStored
from ponytracker.db import UNAVAILABLE
from ponytracker.errors import DomainError
from ponytracker.inbound import receiving
from ponytracker.inbound.answering import send_answer
from ponytracker.inbound.events import MailReceived
from ponytracker.inbound.gate import Gate
from ponytracker.inbound.posted import Malformed, Posted, read_form, read_key
from ponytracker.inbound.verdict import MEANINGS, STATUS, Outcome
from ponytracker.resources import MailGateResource
from ponytracker.security.throttling import network
from ponytracker.web.bodies import REFUSED

log = logging.getLogger(__name__)

MB = 1024 * 1024

WARN_EVERY = 60.0
"""Seconds between two lines in the server's log about keys that are wrong."""

_REFUSALS = {413: Outcome.TOO_LARGE, 408: Outcome.NOT_AVAILABLE, 503: Outcome.NOT_AVAILABLE}
"""What becomes of a mail whose form was refused before it came here, by the status of that."""

_warned_at = {"wrong key": -WARN_EVERY}


@view_config(
    context=MailGateResource,
    request_method="POST",
    permission=NO_PERMISSION_REQUIRED,
    require_csrf=False,
)
def receive_mail(context: MailGateResource, request: Any) -> Response:
    gate = request.registry["ponytracker.gate"]
    if not gate.settings.takes_mail:
        return _answer(request, Outcome.OFF)
    if refusal := request.environ.get(REFUSED):
        return _answer(request, _REFUSALS.get(refusal.status_int, Outcome.MALFORMED))
    try:
        posted = _open(request, gate)
    except Malformed as error:
        return _answer(request, Outcome.MALFORMED, error.args[0])
    if not isinstance(posted, Posted):
        _warn(request)
        return _answer(request, posted)
    request.arrival = (receiving.read(posted), posted.mail)
    receipt = receiving.receive(request.dbsession, gate, *request.arrival)
    if receipt.answer:
        request.after_commit(send_answer, request.registry, receipt.answer)
    return _answer(request, receipt.verdict.outcome)


def _open(request: Any, gate: Gate) -> Posted | Outcome:
    """Return what was posted with the right key, or what becomes of it; raise `Malformed`."""
    request.make_body_seekable()
    form = (request.body_file_raw, request.headers.get("Content-Type", ""))
    place = network(request.remote_addr or "")
    key = read_key(*form)
    if key is None and gate.is_shut(place):
        return Outcome.TOO_MANY
    if key is not None and (refusal := gate.refuse_key(key, place)):
        return refusal
    max_mail = gate.settings.mail_max_mb * MB
    try:
        posted = read_form(*form, size=request.content_length or 0, max_mail=max_mail)
    except Malformed:
        if key is None:  # the next one may cost as much
            gate.refuse_key("", place)
        raise
    return gate.refuse_key(posted.key, place) or posted


def _answer(request: Any, outcome: Outcome, detail: str = "") -> Response:
    """Return what the mail server is told: nothing that it could not know."""
    request.registry.notify(MailReceived(outcome))
    text = detail or MEANINGS[outcome]
    interpolate = getattr(text, "interpolate", lambda: text)
    answer = {"verdict": outcome, "detail": interpolate()}
    return Response(json_body=answer, status=STATUS.get(outcome, 200))


def _warn(request: Any) -> None:
    """Say in the log that a key was wrong, though not as often as someone may try."""
    moment = time.monotonic()
    if moment - _warned_at["wrong key"] >= WARN_EVERY:
        _warned_at["wrong key"] = moment
        log.warning("mail was posted with a wrong key from %s", request.remote_addr)


def cannot_receive(error: Exception, request: Any) -> Response:
    """Answer that the mail may come again: the database or the disk takes nothing at the moment."""
    log.error("a mail could not be received: %s", getattr(error, "orig", error))
    return _answer(request, Outcome.NOT_AVAILABLE)


@exception_view_config(DomainError, containment=MailGateResource)
@exception_view_config(Exception, containment=MailGateResource)
def failed(error: Exception, request: Any) -> Any:
    """Answer that we have made a mistake; the mail is kept, to be replayed once that is mended."""
    log.error("a mail could not be received", exc_info=error)
    arrival = getattr(request, "arrival", None)
    if arrival and not is_error_retryable(request, error):
        gate = request.registry["ponytracker.gate"]
        receiving.fail(request.dbsession, gate, *arrival, error=error)
        request.commit_database()  # what answers an error is rolled back
    return _answer(request, Outcome.FAILED)


def includeme(config: Any) -> None:
    for error in (IntegrityError, NotStored, *UNAVAILABLE):
        config.add_exception_view(cannot_receive, error, containment=MailGateResource)
    config.scan(__name__)
