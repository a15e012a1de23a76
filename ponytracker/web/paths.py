"""Paths of this site, which `next` and `prev` may name; anything else is not followed."""

from __future__ import annotations

import re
from typing import Any

# A browser reads "//" as the start of another site, drops tabs and line ends and takes a backslash
# for a slash. What our own links hand on is %-encoded, and a header takes nothing but ASCII.
_SITE_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")


def site_path(request: Any, parameter: str) -> str | None:
    """Return the path that *parameter* of the query or form names, if it is one of this site."""
    raw = request.params.get(parameter)
    if isinstance(raw, str) and _SITE_PATH.fullmatch(raw):
        return raw
    return None
