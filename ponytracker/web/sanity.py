"""A request that cannot be read is refused before anything looks at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPRequestEntityTooLarge
from pyramid.tweens import EXCVIEW

from ponytracker.i18n import _

MAX_BODY = 4 * 1024 * 1024
"""Octets of a form: a text of the greatest length, each character sent as %XX four times over."""


MAX_FIELDS = 1000
"""Fields of a form, and parameters of an address: parsing and showing them takes time each."""


def sanity_tween_factory(handler: Callable[..., Any], _registry: Any) -> Any:
    """Answer 400 to what is not UTF-8 or no form, and 413 to what is too large."""

    def sanity_tween(request: Any) -> Any:
        if (request.content_length or 0) > MAX_BODY:
            raise HTTPRequestEntityTooLarge(_("What you sent is larger than 4 MiB."))
        if _count_fields(request) > MAX_FIELDS:
            raise HTTPRequestEntityTooLarge(_("What you sent has more than 1000 fields."))
        try:
            for part in ("path_info", "GET", "POST"):
                getattr(request, part)
        # Bad UTF-8 and bad multipart; and what WebOb raises for another charset of a form.
        except (ValueError, DeprecationWarning) as error:
            raise HTTPBadRequest(_("The address or form is not valid UTF-8.")) from error
        if "\x00" in request.path_info:  # PostgreSQL takes none, not even to look for it
            raise HTTPBadRequest(_("The address has a NUL character in it."))
        return handler(request)

    return sanity_tween


def _count_fields(request: Any) -> int:
    """Return how many fields there are, or somewhat more, without parsing them."""
    fields: int = request.query_string.count("&")
    if request.content_type == "multipart/form-data":
        return fields + request.body.lower().count(b"content-disposition:")
    return fields + request.body.count(b"&")


def includeme(config: Any) -> None:
    config.add_tween("ponytracker.web.sanity.sanity_tween_factory", under=EXCVIEW)
