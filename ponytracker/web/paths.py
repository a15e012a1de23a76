"""Paths of this site, which `next` and `prev` may name; anything else is not followed."""

from __future__ import annotations

import re
from typing import Any

# A browser reads "//" as the start of another site, drops tabs and line ends and takes a backslash
# for a slash. What our own links hand on is %-encoded, and a header takes nothing but ASCII.
_SITE_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")

# ".." leads out of the prefix that a site may have, and browsers take %2e for a dot.
_UPWARDS = re.compile(r"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)


def site_path(request: Any, parameter: str) -> str | None:
    """Return the path that *parameter* of the query or form names, if it is one of this site."""
    raw = request.params.get(parameter)
    if not isinstance(raw, str) or not _SITE_PATH.fullmatch(raw):
        return None
    path = re.split(r"[?#]", raw, maxsplit=1)[0]
    is_within = f"{path}/".startswith(f"{request.script_name}/") and not _UPWARDS.search(path)
    return raw if is_within else None
