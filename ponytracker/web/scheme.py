"""The address that people type, where a proxy in front of PonyTracker speaks https for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit


def behind_https(app: Callable[..., Any], base_url: str) -> Callable[..., Any]:
    """Return *app* as it answers at *base_url*, whose scheme is https.

    Requests come by http and perhaps under another name. Redirects must lead to the address that
    people typed, cookies go over https only, and a form's origin is compared with that address. It
    is known, so no header needs to be believed for it.
    """
    host = urlsplit(base_url).netloc

    def app_behind_https(environ: dict[str, Any], start_response: Any) -> Any:
        environ["wsgi.url_scheme"] = "https"
        environ["HTTP_HOST"] = host
        return app(environ, start_response)

    return app_behind_https
