"""A request that cannot be read is refused before anything looks at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPRequestEntityTooLarge
from pyramid.tweens import EXCVIEW

from ponytracker.i18n import _

MAX_BODY = 4 * 1024 * 1024
"""Octets of a form: a text of the greatest length, each character sent as %XX four times over."""


def sanity_tween_factory(handler: Callable[..., Any], _registry: Any) -> Any:
    """Answer 400 to what is not UTF-8 or no form, and 413 to what is too large."""

    def sanity_tween(request: Any) -> Any:
        if (request.content_length or 0) > MAX_BODY:
            raise HTTPRequestEntityTooLarge(_("What you sent is larger than 4 MiB."))
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


def includeme(config: Any) -> None:
    config.add_tween("ponytracker.web.sanity.sanity_tween_factory", under=EXCVIEW)
