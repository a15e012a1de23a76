"""What an administrator runs the tracker by: what it says of its own state, and what is wrong."""

from typing import Any


def includeme(config: Any) -> None:
    config.include("ponytracker.operations.answered")
    config.include("ponytracker.operations.access_log")
    config.include("ponytracker.operations.readiness")
    config.include("ponytracker.operations.metrics")
    config.include("ponytracker.operations.health_views")
    config.include("ponytracker.operations.metrics_views")
