"""The tracker for a server that is tried out: it waits no longer than a test does."""

from __future__ import annotations

from typing import Any

from ponytracker import main
from ponytracker.web import bodies

SECONDS = 2.0


def make_app(global_config: dict[str, str], **ini: Any) -> Any:
    bodies.PATIENCE = SECONDS
    return main(global_config, **ini)
