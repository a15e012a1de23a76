"""``/metrics``: what Prometheus reads, with the key that proves it."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from ponytracker.operations.bearer import has_metrics_key
from ponytracker.operations.metrics import METRICS
from ponytracker.resources import MetricsResource

SCRAPE = "ponytracker.scrape"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The text format, which every Prometheus reads."""


@view_config(context=MetricsResource, request_method="GET", permission=NO_PERMISSION_REQUIRED)
def metrics(context: MetricsResource, request: Any) -> Response:
    """Answer the metrics to whoever has the key."""
    if not has_metrics_key(request):
        refused = Response(status=401, text="The metrics are for whoever has their key.\n")
        refused.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refused
    return Response(
        request.registry[SCRAPE].answer(),
        headerlist=[("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store")],
    )


def includeme(config: Any) -> None:
    """Show the metrics where they are on; else there is nothing at their address."""
    if METRICS in config.registry:
        # Here, since most sites count nothing.
        from ponytracker.operations.scrape import Scrape

        config.registry[SCRAPE] = Scrape(config.registry)
        config.scan(__name__)
