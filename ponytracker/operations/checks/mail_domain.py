"""Looks at what DNS says of the domains of mail: who sends for them, and where it is sent to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parseaddr

import dns.exception
import dns.resolver

from ponytracker.operations.findings import Finding, unknown, warning, well, wrong
from ponytracker.operations.site import Site

SECONDS = 3.0

_OF_NOBODY = re.compile(r"\.(example(\.(com|net|org))?|test|invalid|localhost)$")
"""What DNS need not be asked about: names that are kept for examples and tests (RFC 2606)."""


class NotAsked(Exception):
    """No name server answers."""


def check_mail_domain(site: Site) -> Iterator[Finding]:
    _name, sender = parseaddr(site.settings.mail_default_sender)
    for domain, look in (
        (_domain(sender), _look_at_sender),
        (_domain(site.settings.reply_email), _look_at_receiver),
    ):
        if not domain or "." not in domain:
            continue  # none, or a name that only this machine knows
        if _OF_NOBODY.search(f".{domain}"):
            yield warning(
                f"DNS of {domain}: it is a name for examples, which no mail reaches. See"
                " mail.default_sender and ponytracker.reply_email."
            )
            continue
        try:
            yield from look(domain)
        except NotAsked as error:
            yield unknown(f"DNS of {domain}: could not be asked ({error}).")


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _look_at_sender(domain: str) -> Iterator[Finding]:
    policies = [text for text in _texts(domain) if text.lower().split(" ")[0] == "v=spf1"]
    if not policies:
        yield warning(
            f"DNS of {domain}: it does not say who may send mail for it (SPF), so that ours may"
            f' count as spam. Let your mail server\'s name into a TXT record: "v=spf1 a:MAIL -all"'
        )
    elif len(policies) > 1:
        yield wrong(
            f"DNS of {domain}: it has {len(policies)} records of SPF, and with more than one none"
            " counts (RFC 7208 §3.2). Make them one."
        )
    else:
        yield well(f"DNS of {domain}: {policies[0][:200]}")
    if not any(text.lower().startswith("v=dmarc1") for text in _texts(f"_dmarc.{domain}")):
        yield warning(
            f"DNS of {domain}: there is no DMARC policy, without which large mail providers refuse"
            f' mail. A TXT record for _dmarc.{domain} is a beginning: "v=DMARC1; p=none"'
        )


def _look_at_receiver(domain: str) -> Iterator[Finding]:
    servers = sorted(str(record.exchange).rstrip(".") for record in _ask(domain, "MX"))
    if servers:
        yield well(f"DNS of {domain}: mail for it goes to {', '.join(servers)[:200]}.")
    elif _ask(domain, "A") or _ask(domain, "AAAA"):
        yield well(f"DNS of {domain}: mail for it goes to the machine of that name, without an MX.")
    else:
        yield wrong(
            f"DNS of {domain}: it has neither MX nor address, so nobody can answer by mail. Let its"
            " MX record name your mail server, or see ponytracker.reply_email."
        )


def _texts(name: str) -> list[str]:
    return [
        b"".join(record.strings).decode("ascii", "backslashreplace") for record in _ask(name, "TXT")
    ]


def _ask(name: str, kind: str) -> list:  # type: ignore[type-arg]
    """Return the records of a *kind* that *name* has; raise `NotAsked`."""
    try:
        return list(make_resolver().resolve(name, kind, search=False))
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, UnicodeError) as error:
        raise NotAsked(type(error).__name__) from None


def make_resolver() -> dns.resolver.Resolver:
    """Return what asks the name servers of this machine, for a few seconds at most."""
    resolver = dns.resolver.Resolver()
    resolver.lifetime = SECONDS
    return resolver
