"""Who asks, and by which address: as people see it, whatever proxies stand in front.

The address is known: it is ``ponytracker.base_url``. So scheme, host and prefix are taken from
there, and no header needs to be believed for them. Of the client, only trusted proxies can tell.
See docs/decisions/serving.rst.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from webob import Response

from ponytracker.security.headers import add_headers
from ponytracker.settings import LOCAL_NAMES, Settings
from ponytracker.settings.parsing import Networks

MAX_HOPS = 50
"""Addresses of ``X-Forwarded-For`` that are looked at."""

PROBED = frozenset({"/health", "/health/ready", "/metrics"})
"""What load balancers and the like ask for by the address of this machine, whatever its name."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BehindProxy:
    """The WSGI application *app* as it answers at the ``base_url`` of *settings*."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app = app
        self.registry = app.registry
        self.max_body = app.max_body
        self._settings = settings
        self._scheme = urlsplit(settings.base_url).scheme
        self._host = _to_ascii(urlsplit(settings.base_url).netloc)
        self._names = LOCAL_NAMES if settings.is_local else (_host_name(self._host),)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        peer = parse_address(environ.get("REMOTE_ADDR", ""))
        # What has no address has come by a Unix socket, where the rights of a file say who may.
        is_trusted = peer is None or is_in(self._settings.trusted_proxies, peer)
        self._set_path(environ, is_trusted=is_trusted)
        if not self._set_host(environ, is_trusted=is_trusted):
            return self._refuse()(environ, start_response)
        if is_trusted:
            said = environ.get("HTTP_X_FORWARDED_FOR", "")
            client = find_client(peer, said, self._settings.trusted_proxies)
            environ["REMOTE_ADDR"] = str(client or "")
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def _set_path(self, environ: dict[str, Any], *, is_trusted: bool) -> None:
        """Divide the path into the prefix and what is within the site.

        Some front ends cut the prefix off and some do not, and not all that do say so; those that
        set SCRIPT_NAME mean different things by it.
        """
        prefix = self._settings.prefix
        path = environ.get("PATH_INFO", "") or "/"
        is_cut = is_trusted and environ.get("HTTP_X_FORWARDED_PREFIX", "").rstrip("/") == prefix
        if prefix and not is_cut and f"{path}/".startswith(f"{prefix}/"):
            path = path[len(prefix) :] or "/"
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = prefix, path

    def _set_host(self, environ: dict[str, Any], *, is_trusted: bool) -> bool:
        """Set scheme and host to those of this site; return False if it was another's they asked.

        Here at home it is taken as it comes, since several ports may lead here.
        """
        asked = environ.get("HTTP_HOST", "")
        forwarded = environ.get("HTTP_X_FORWARDED_HOST", "") if is_trusted else ""
        if forwarded:
            asked = forwarded.rpartition(",")[2].strip()
        is_known = not asked or _host_name(asked) in self._names
        # A proxy that hands on no host asks for this machine, by its address.
        is_by_address = is_trusted and not forwarded and _is_address(_host_name(asked))
        if not (is_known or is_by_address or environ["PATH_INFO"].rstrip("/") in PROBED):
            return False
        if not (self._settings.is_local and self._scheme == "http" and asked):
            environ["wsgi.url_scheme"] = self._scheme
            environ["HTTP_HOST"] = self._host
        else:
            environ["HTTP_HOST"] = asked
        return True

    def _refuse(self) -> Response:
        """Return an answer to whoever may not have meant this site at all: no page of it."""
        text = (
            f"This site is at {self._settings.base_url} and was asked for by another name.\n\n"
            "For whoever runs it: ponytracker.base_url must be the address that people type, and a"
            " proxy in front\nmust hand on the name they typed (nginx: proxy_set_header Host"
            " $http_host).\n"
        )
        answer = Response(text, status=400, content_type="text/plain", charset="utf-8")
        add_headers(answer.headers, is_https=self._settings.is_https)
        return answer


def find_client(peer: Address | None, forwarded_for: str, trusted: Networks) -> Address | None:
    """Return the address of the client, which *peer*, a trusted proxy, has asked for.

    Each proxy adds to *forwarded_for* whom it was asked by, at its end; what came before may be
    anybody's invention. So it is read from the end, as far as proxies go that are trusted.
    """
    client = peer
    for said in forwarded_for.split(",")[: -MAX_HOPS - 1 : -1]:
        address = parse_address(said)
        if address is None:
            break
        client = address
        if not is_in(trusted, address):
            break
    return client


def parse_address(said: str) -> Address | None:
    """Return the IP address *said*, perhaps with a port, or nothing if it is none."""
    said = said.strip().strip('"')
    if said.startswith("["):
        said = said[1:].partition("]")[0]
    elif said.count(":") == 1:
        said = said.partition(":")[0]
    try:
        address = ipaddress.ip_address(said.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_in(networks: Networks, address: Address) -> bool:
    return any(address in network for network in networks)


def _host_name(host: str) -> str:
    """Return the name in *host*, which is a name or an address and perhaps a port."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises ValueError when it is no port number
    except ValueError:
        return ""
    is_host_alone = parts.netloc == host and "@" not in host
    return (parts.hostname or "") if is_host_alone else ""


def _is_address(name: str) -> bool:
    return name in LOCAL_NAMES or parse_address(name) is not None


def _to_ascii(host: str) -> str:
    """Return *host* as browsers write it, where its name has other letters than ASCII's."""
    return host if host.isascii() else host.encode("idna").decode()
