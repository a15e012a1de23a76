"""The built stylesheet, script and pictures: under names that change with their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyramid.static import ManifestCacheBuster

STATIC = "ponytracker:static/"
MANIFEST = Path(__file__).parent.parent / "static" / "manifest.json"
ONE_YEAR = 31_536_000


class MissingAssets(RuntimeError):
    """The web assets have not been built."""


def includeme(config: Any) -> None:
    if not MANIFEST.exists():
        raise MissingAssets(f"{MANIFEST} is missing: build the web assets with `make assets`.")
    # No root: a stylesheet needs neither the tree nor the database.
    config.add_static_view("static", STATIC, cache_max_age=ONE_YEAR, factory=lambda request: None)
    config.add_cache_buster(STATIC, ManifestCacheBuster(str(MANIFEST)))
