"""What every page shares: layout, forms, error pages, and what a request must be to be answered."""

from typing import Any


def includeme(config: Any) -> None:
    config.include("ponytracker.web.sanity")
    config.include("ponytracker.web.rate_limit")
    config.include("ponytracker.web.subpath")
    config.include("ponytracker.web.layout")
    config.include("ponytracker.web.errors")
    config.include("ponytracker.web.static")
