"""The keys ``ldap.*``: a directory that people sign in with, and whose groups may be mirrored."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ponytracker.settings import parsing
from ponytracker.settings.keys import Unfit, key

USER = "{user}"
"""What stands for the name that somebody types, in a filter or a DN."""

ANY_GROUP = (
    "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)"
    "(objectClass=group))"
)
"""The filter of every kind of group we know; Active Directory's is the last."""

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)
_DN = re.compile(r"[A-Za-z][A-Za-z0-9-]*\s*=.*", re.ASCII | re.DOTALL)
_MECHANISMS = ("EXTERNAL", "GSSAPI")


def _uris(raw: str) -> tuple[str, ...]:
    uris = tuple(raw.split())
    for uri in uris:
        parts = urlsplit(uri)
        if parts.scheme not in ("ldap", "ldaps", "ldapi") or not parts.netloc:
            raise Unfit(f"'{uri}' is no address of a directory")
        if parts.path.strip("/") or parts.query:
            raise Unfit("what is looked for is said by keys of its own")
        _ = parts.port if parts.scheme != "ldapi" else None  # raises ValueError for a bad one
    return uris


def _dn(raw: str) -> str:
    if not _DN.fullmatch(raw):
        raise ValueError
    return raw


def _bind_template(raw: str) -> str:
    if USER not in _dn(raw):
        raise Unfit(f"{USER} does not stand in it")
    return raw


def _filter(raw: str) -> str:
    depth = 0
    for character in raw:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
    if depth or not raw.startswith("(") or not raw.endswith(")"):
        raise Unfit("its parentheses do not match")
    return raw


def _user_filter(raw: str) -> str:
    if USER not in _filter(raw):
        raise Unfit(f"{USER} does not stand in it")
    return raw


def _attribute(raw: str) -> str:
    if not _ATTRIBUTE.fullmatch(raw):
        raise ValueError
    return raw


def _attribute_or_none(raw: str) -> str:
    return "" if raw == "-" else _attribute(raw)


def _mechanism(raw: str) -> str:
    if raw.upper() not in _MECHANISMS:
        raise ValueError
    return raw.upper()


def _first(raw: str) -> str:
    if raw not in ("local", "directory"):
        raise ValueError
    return raw


_AN_ATTRIBUTE = "the name of an attribute"
_OR_NONE = "the name of an attribute, or - for none"
_A_SWITCH = "true or false"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ldap:
    """Where the directory is, how it is asked, and what becomes of its answers."""

    uris: tuple[str, ...] = key(
        "ldap.uri",
        _uris,
        "addresses such as ldaps://ldap.example.org, with blanks between them",
        default=(),
    )
    start_tls: bool = key("ldap.start_tls", parsing.switch, _A_SWITCH, default=True)
    check_certificate: bool = key("ldap.check_certificate", parsing.switch, _A_SWITCH, default=True)
    ca_file: Path | None = key(
        "ldap.ca_file", parsing.folder, "the full path of a file of certificates", default=None
    )
    cert_file: Path | None = key(
        "ldap.cert_file", parsing.folder, "the full path of our own certificate", default=None
    )
    key_file: Path | None = key(
        "ldap.key_file", parsing.folder, "the full path of the key of ldap.cert_file", default=None
    )
    bind_dn: str = key("ldap.bind_dn", _dn, "the DN that PonyTracker signs in as", default="")
    bind_password: str = key(
        "ldap.bind_password",
        str,
        "the password of ldap.bind_dn",
        default="",
        env="PONYTRACKER_LDAP_PASSWORD",
        secret=True,
    )
    sasl_mechanism: str = key(
        "ldap.sasl_mechanism", _mechanism, "EXTERNAL, GSSAPI or nothing", default=""
    )
    sasl_authorization_id: str = key(
        "ldap.sasl_authorization_id", str, "whom to act for, such as u:tracker", default=""
    )
    bind_template: str = key(
        "ldap.bind_template",
        _bind_template,
        "a DN such as uid={user},ou=people,dc=example,dc=org",
        default="",
    )
    user_base: str = key("ldap.user_base", _dn, "the DN that people are below", default="")
    user_filter: str = key(
        "ldap.user_filter", _user_filter, "a filter such as (uid={user})", default="(uid={user})"
    )
    id_attribute: str = key("ldap.id_attribute", _attribute, _AN_ATTRIBUTE, default="")
    username_attribute: str = key(
        "ldap.username_attribute", _attribute, _AN_ATTRIBUTE, default="uid"
    )
    first_name_attribute: str = key(
        "ldap.first_name_attribute", _attribute_or_none, _OR_NONE, default="givenName"
    )
    last_name_attribute: str = key(
        "ldap.last_name_attribute", _attribute_or_none, _OR_NONE, default="sn"
    )
    email_attribute: str = key("ldap.email_attribute", _attribute_or_none, _OR_NONE, default="mail")
    group_base: str = key("ldap.group_base", _dn, "the DN that groups are below", default="")
    group_filter: str = key(
        "ldap.group_filter",
        _filter,
        "a filter such as (objectClass=groupOfNames)",
        default=ANY_GROUP,
    )
    group_name_attribute: str = key(
        "ldap.group_name_attribute", _attribute, _AN_ATTRIBUTE, default="cn"
    )
    nested_groups: bool = key("ldap.nested_groups", parsing.switch, _A_SWITCH, default=True)
    required_group: str = key("ldap.required_group", _dn, "the DN of a group", default="")
    superuser_group: str = key("ldap.superuser_group", _dn, "the DN of a group", default="")
    mirror_groups: bool = key("ldap.mirror_groups", parsing.switch, _A_SWITCH, default=False)
    first: str = key("ldap.first", _first, "local or directory", default="local")
    network_timeout: int = key(
        "ldap.network_timeout",
        parsing.count(1, 300),
        "a number of seconds from 1 to 300",
        default=5,
    )
    timeout: int = key(
        "ldap.timeout", parsing.count(1, 3600), "a number of seconds from 1 to 3600", default=10
    )
    page_size: int = key(
        "ldap.page_size", parsing.count(1, 10_000), "a number from 1 to 10000", default=500
    )
    ignore_referrals: bool = key("ldap.ignore_referrals", parsing.switch, _A_SWITCH, default=False)
    sync_creates_accounts: bool = key(
        "ldap.sync_creates_accounts", parsing.switch, _A_SWITCH, default=False
    )
    sync_minutes: int = key(
        "ldap.sync_minutes",
        parsing.count(0, 10_080),
        "a number of minutes, or 0 for never",
        default=60,
    )
    max_disable_percent: int = key(
        "ldap.max_disable_percent",
        parsing.count(0, 100),
        "a number from 0 to 100",
        default=10,
    )

    @property
    def is_on(self) -> bool:
        """Whether there is a directory."""
        return bool(self.uris)

    @property
    def can_list(self) -> bool:
        """Whether all its people can be asked for, and not only the one who signs in."""
        return self.is_on and bool(self.user_base)

    @property
    def reads_as_user(self) -> bool:
        """Whether only who signs in is there to look up who they are."""
        return bool(self.bind_template) and not (self.bind_dn or self.sasl_mechanism)

    @property
    def needs_groups(self) -> bool:
        """Whether anything depends on the groups of the directory."""
        return bool(self.mirror_groups or self.required_group or self.superuser_group)

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with keys that are each right."""
        if not self.is_on:
            return
        if not self.user_base and not self.bind_template:
            yield (
                "key 'ldap.uri' is set without 'ldap.user_base' and 'ldap.bind_template': expected"
                " one of them, to find people in the directory."
            )
        if self.needs_groups and not self.group_base:
            yield (
                "key 'ldap.group_base' is missing: expected the DN that groups are below, since"
                " 'ldap.mirror_groups', 'ldap.required_group' or 'ldap.superuser_group' is set."
            )
        if bool(self.bind_dn) != bool(self.bind_password):
            # A DN without a password binds as nobody, and seems to succeed (RFC 4513 §5.1.2).
            yield (
                "keys 'ldap.bind_dn' and 'ldap.bind_password' go together: expected both or"
                " neither."
            )
        if self.sasl_mechanism and self.bind_dn:
            yield (
                "keys 'ldap.sasl_mechanism' and 'ldap.bind_dn' are both set: expected at most one"
                " of them, since each says who PonyTracker is."
            )
        if self.sasl_mechanism == "GSSAPI" and any(uri.startswith("ldaps:") for uri in self.uris):
            yield (
                "key 'ldap.sasl_mechanism' is GSSAPI: expected 'ldap.uri' to have no ldaps://, but"
                " ldap://, which is encrypted by StartTLS."
            )
        if bool(self.cert_file) != bool(self.key_file):
            yield "keys 'ldap.cert_file' and 'ldap.key_file' go together: expected both or neither."
