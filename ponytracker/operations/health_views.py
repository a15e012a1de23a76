"""What load balancers and monitoring ask: ``/health`` and ``/health/ready``.

Strangers are told what is well and what is not, and nothing of why: that is in the log, and for
whoever has the key of the metrics. Neither needs a session, nor the database to answer.
"""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from ponytracker.operations import introduction
from ponytracker.operations.bearer import has_metrics_key
from ponytracker.operations.readiness import READINESS, Readiness
from ponytracker.resources import HealthResource


@view_config(context=HealthResource, request_method="GET", permission=NO_PERMISSION_REQUIRED)
def live(context: HealthResource, request: Any) -> Response:
    """Answer: so the process does."""
    return _answer(200, {"status": "ok"})


@view_config(
    context=HealthResource,
    name="ready",
    request_method="GET",
    permission=NO_PERMISSION_REQUIRED,
)
def ready(context: HealthResource, request: Any) -> Response:
    """Say whether pages can be served (200) or not (503)."""
    readiness: Readiness = request.registry[READINESS]
    states = readiness.states()
    is_ready = all(state.is_ok for state in states.values() if state.is_needed)
    is_well = all(state.is_ok for state in states.values())
    answer: dict[str, Any] = {
        "status": "ok" if is_well else "degraded" if is_ready else "failing",
        "checks": {name: "ok" if state.is_ok else "failing" for name, state in states.items()},
    }
    if has_metrics_key(request):
        answer["why"] = {name: state.why for name, state in states.items() if state.why}
    return _answer(200 if is_ready else 503, answer)


@view_config(
    context=HealthResource,
    name="seen",
    request_method="GET",
    permission=NO_PERMISSION_REQUIRED,
)
def seen(context: HealthResource, request: Any) -> Response:
    """Tell ``ponytracker doctor`` where it seems to come from; others, that somebody is here."""
    secret, said = request.settings.secret, request.headers.get(introduction.HEADER, "")
    if not introduction.is_introduced(secret, said):
        return live(context, request)
    proof = introduction.acknowledge(secret, said)
    return _answer(200, {"address": request.remote_addr or "", "proof": proof})


def _answer(status: int, answer: dict[str, Any]) -> Response:
    response = Response(json_body=answer, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def includeme(config: Any) -> None:
    config.scan(__name__)
