"""What programs ask to watch over the tracker: whether it is well, and how much it does."""

from __future__ import annotations

from ponytracker.resources.base import Resource


class HealthResource(Resource):
    """``/health``; it asks the database nothing, which may be away."""

    def __init__(self, parent: Resource) -> None:
        super().__init__(parent, "health")


class MetricsResource(Resource):
    """``/metrics``, for Prometheus."""

    def __init__(self, parent: Resource) -> None:
        super().__init__(parent, "metrics")
