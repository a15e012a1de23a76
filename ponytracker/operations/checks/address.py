"""Looks at ``base_url`` from outside: whether it leads here, and what proxies make of it."""

from __future__ import annotations

import dataclasses
import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ponytracker.operations import introduction
from ponytracker.operations.findings import Finding, warning, well, wrong
from ponytracker.operations.patience import Asked
from ponytracker.operations.site import Site
from ponytracker.settings import Settings
from ponytracker.web.proxy import is_in, parse_address

SECONDS = 5
MAX_ANSWER = 65_536

FORGED = "192.0.2.1"
"""Where the doctor says that it comes from, to see who believes it; nobody does (RFC 5737)."""

PORTS = {"http": 80, "https": 443}


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, and from which address of this machine it was asked."""

    status: int
    location: str
    body: bytes
    source: str


def check_address(site: Site) -> Iterator[Finding]:
    settings = site.settings
    parts = urlsplit(settings.base_url)
    if parts.scheme != "https" and not settings.is_local:
        yield warning(
            f"Address: {settings.base_url} is not https, so whoever is on the way reads passwords."
            " Let the web server in front do https, and change ponytracker.base_url."
        )
    try:
        Asked(lambda: socket.getaddrinfo(parts.hostname, None)).ask(SECONDS)
    except (OSError, UnicodeError):
        yield wrong(
            f"Address: there is no machine named {parts.hostname}, as far as this one knows. See"
            " ponytracker.base_url, and your DNS."
        )
        return
    proof = introduction.introduce(settings.secret)
    try:
        answer = Asked(lambda: ask(parts, proof)).ask(2 * SECONDS)
    except (OSError, http.client.HTTPException) as error:
        yield wrong(f"Address: {settings.base_url} {_why(error)}")
        return
    yield from judge(settings, proof, answer)


def ask(parts: SplitResult, proof: str) -> Answer:
    """Ask the tracker at *parts* what it sees of us; raise `OSError` or `HTTPException`."""
    port = parts.port or PORTS[parts.scheme]
    host = str(parts.hostname)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.connect()
        source = connection.sock.getsockname()[0]
        headers = {introduction.HEADER: proof, "X-Forwarded-For": FORGED}
        connection.request("GET", f"{parts.path}/health/seen", headers=headers)
        reply = connection.getresponse()
        location = reply.headers.get("Location", "")
        return Answer(reply.status, location, reply.read(MAX_ANSWER), source)
    finally:
        connection.close()


def _why(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"has a certificate that this machine does not trust ({error.verify_message}). See"
                " the web server in front; SSL_CERT_FILE names an authority of your own."
            )
        case ssl.SSLError():
            return "does not speak TLS. See the web server in front, and ponytracker.base_url."
        case TimeoutError():
            return (
                f"does not answer within {SECONDS} s. Is the web server running, and does a"
                " firewall let this machine ask it?"
            )
        case OSError():
            return (
                f"does not answer ({type(error).__name__}). Are the tracker and the web server in"
                " front of it running?"
            )
    return f"answers in no HTTP ({type(error).__name__}). See ponytracker.base_url."


def judge(settings: Settings, proof: str, answer: Answer) -> Iterator[Finding]:
    """Yield what *answer* says of the web server in front, and of whom it says we are."""
    if 300 <= answer.status < 400:
        yield wrong(
            f"Address: {settings.base_url} leads on to {answer.location[:200]!r}."
            " ponytracker.base_url must be where it ends."
        )
        return
    if answer.status == 400:
        yield wrong(
            f"Address: {settings.base_url} is refused by the name it is asked by. The web server in"
            " front must hand on what people typed: proxy_set_header Host $host in nginx,"
            " ProxyPreserveHost On in Apache."
        )
        return
    if answer.status in (502, 503, 504):
        yield wrong(
            f"Address: {settings.base_url} answers {answer.status}: the web server in front does"
            " not reach the tracker. Is it running, and where the web server looks for it?"
        )
        return
    seen = _parse(answer.body) if answer.status == 200 else {}
    if not introduction.is_acknowledged(settings.secret, proof, str(seen.get("proof", ""))):
        yield wrong(
            f"Address: at {settings.base_url} something else answers ({answer.status}), or a"
            " tracker started with another ponytracker.secret. Restart it, or mend base_url."
        )
        return
    yield well(f"Address: this tracker answers at {settings.base_url}.")
    yield _client(settings, answer.source, str(seen.get("address", "")))


def _parse(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _client(settings: Settings, source: str, seen: str) -> Finding:
    """Say whether the tracker knows where requests come from, as we have come from *source*."""
    here, there = parse_address(source), parse_address(seen)
    if here is not None and is_in(settings.trusted_proxies, here):
        return well(
            "Proxy: whether it says who asks cannot be told from here, since this machine is"
            " trusted to say so itself. Run this on another one, with the same ini file."
        )
    if seen == FORGED:
        return wrong(
            "Proxy: it hands on what visitors themselves say of where they come from. It must add"
            " to X-Forwarded-For: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for."
        )
    if there is None or is_in(settings.trusted_proxies, there):
        return wrong(
            "Proxy: to the tracker all visitors come from the proxy, so that one who fails to sign"
            " in slows down everybody. See ponytracker.trusted_proxies, and let the proxy set"
            " X-Forwarded-For."
        )
    if there != here and _is_local(there):
        return wrong(
            f"Proxy: to the tracker we came from {seen}, which is a proxy that is not in"
            " ponytracker.trusted_proxies. Put it there."
        )
    return well(f"Proxy: visitors are told apart; we came from {seen}.")


def _is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether *address* can be no visitor's from outside."""
    return address.is_private or address.is_loopback
