"""Search: words across all projects one may see, each result with the text that has them."""

from typing import Any


def includeme(config: Any) -> None:
    config.scan("ponytracker.search.views")
