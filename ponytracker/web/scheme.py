"""The scheme that people type: behind a proxy that speaks https, requests come by http."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def with_https(app: Callable[..., Any]) -> Callable[..., Any]:
    """Return *app* as it answers where its `base_url` is https.

    Redirects then lead to https, and cookies are sent over it only, whatever the proxy says.
    """

    def app_with_https(environ: dict[str, Any], start_response: Any) -> Any:
        environ["wsgi.url_scheme"] = "https"
        return app(environ, start_response)

    return app_with_https
