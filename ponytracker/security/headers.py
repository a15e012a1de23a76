"""The security headers of every response: nothing foreign loads, nothing inline runs."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from pyramid.tweens import INGRESS

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

ONE_YEAR = 31_536_000


def headers_tween_factory(handler: Callable[..., Any], _registry: Any) -> Any:
    """Set the headers where a view has not set its own; pages are not kept by shared caches."""

    def headers_tween(request: Any) -> Any:
        response = handler(request)
        add_headers(response.headers, is_https=request.scheme == "https")
        return response

    return headers_tween


def add_headers(headers: MutableMapping[str, str], *, is_https: bool) -> None:
    """Set those of the *headers* of an answer that are not set yet."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if is_https:
        headers.setdefault("Strict-Transport-Security", f"max-age={ONE_YEAR}")
    headers.setdefault("Cache-Control", "private, no-cache")


def includeme(config: Any) -> None:
    config.add_tween("ponytracker.security.headers.headers_tween_factory", under=INGRESS)
