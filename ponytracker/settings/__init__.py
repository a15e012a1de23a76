"""The ini keys of PonyTracker: parsed and checked once, at start, into one frozen object.

``keys.py`` says where a value comes from, ``parsing.py`` what it may be.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ponytracker.settings import parsing
from ponytracker.settings.keys import SettingError, key, names_of, read_keys, section
from ponytracker.settings.ldap import Ldap
from ponytracker.settings.metrics import MetricsSettings
from ponytracker.settings.s3 import S3Settings

__all__ = ["DEVELOPMENT_SECRET", "SettingError", "Settings"]

DEVELOPMENT_SECRET = "for-development-on-localhost-only-never-elsewhere"  # noqa: S105
"""The secret of ``development.ini``. The whole world knows it, so only localhost may use it."""

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""How this machine calls itself."""

PREFIXES = ("ponytracker.", "mail.", "celery.", "ldap.")
"""How our keys begin: one that begins like this and is none is a mistake."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the administrator decided. Each field is one key of the ini file."""

    database_url: str = key(
        "sqlalchemy.url",
        parsing.database_url,
        "a database address such as sqlite:////var/lib/ponytracker/db.sqlite"
        " or postgresql://user:password@host/name",
        variable="database_url",
        env="PONYTRACKER_DATABASE_URL",
        secret=True,
    )
    base_url: str = key(
        "ponytracker.base_url",
        parsing.base_url,
        "the address people type to come here, such as https://tracker.example.org",
        default="",
        variable="base_url",
        env="PONYTRACKER_BASE_URL",
    )
    trusted_proxies: parsing.Networks = key(
        "ponytracker.trusted_proxies",
        parsing.networks,
        "addresses and networks with blanks between, such as 127.0.0.1 10.0.0.0/24, or none",
        default=parsing.networks("127.0.0.1 ::1"),
    )
    secret: str = key(
        "ponytracker.secret",
        parsing.secret,
        "at least 32 random characters, which `ponytracker generate-secret` prints",
        env="PONYTRACKER_SECRET",
        secret=True,
    )
    http_port: int = key(
        "http_port",
        parsing.count(1, 65_535),
        "a port from 1 to 65535",
        default=6543,
        variable="http_port",
        env="PONYTRACKER_HTTP_PORT",
    )
    session_days: int = key(
        "ponytracker.session_days",
        parsing.count(1, 3650),
        "a number of days from 1 to 3650",
        default=30,
    )
    posts_per_minute: int = key(
        "ponytracker.posts_per_minute",
        parsing.count(1, 1_000_000),
        "a number from 1 to 1000000",
        default=120,
    )
    sign_up: bool = key("ponytracker.sign_up", parsing.switch, "true or false", default=False)
    group_management: bool = key(
        "ponytracker.group_management", parsing.switch, "true or false", default=True
    )
    external_auth: bool = key(
        "ponytracker.external_auth", parsing.switch, "true or false", default=False
    )
    mail_host: str = key("mail.host", str, "the name of a mail server", default="localhost")
    mail_port: int = key(
        "mail.port", parsing.count(1, 65_535), "a port from 1 to 65535", default=25
    )
    mail_username: str = key("mail.username", str, "a name to sign in with", default="")
    mail_password: str = key(
        "mail.password",
        str,
        "the password of mail.username",
        default="",
        env="PONYTRACKER_MAIL_PASSWORD",
        secret=True,
    )
    mail_tls: bool = key("mail.tls", parsing.switch, "true or false", default=False)
    mail_ssl: bool = key("mail.ssl", parsing.switch, "true or false", default=False)
    mail_default_sender: str = key(
        "mail.default_sender",
        parsing.sender,
        "who mail is from, such as PonyTracker <tracker@example.org>",
        default="",
    )
    reply_email: str = key(
        "ponytracker.reply_email",
        parsing.mailbox,
        "the address that answers to mails go to, such as reply@tracker.example.org",
        default="",
    )
    email_key: str = key(
        "ponytracker.email_key",
        parsing.shared_key,
        "at least 16 random characters, which `ponytracker generate-secret` prints",
        default="",
        env="PONYTRACKER_EMAIL_KEY",
        secret=True,
    )
    reply_keys: tuple[str, ...] = key(
        "ponytracker.reply_keys",
        parsing.keys,
        "keys of at least 32 characters with blanks between them, the newest first",
        default=(),
        env="PONYTRACKER_REPLY_KEYS",
        secret=True,
    )
    reply_days: int = key(
        "ponytracker.reply_days",
        parsing.count(0, 36_500),
        "a number of days, or 0 for ever",
        default=0,
    )
    authserv_id: str = key(
        "ponytracker.authserv_id",
        parsing.one_word,
        "the name by which your mail server signs the header Authentication-Results",
        default="",
    )
    mail_max_mb: int = key(
        "ponytracker.mail_max_mb", parsing.count(1, 100), "a number of MB from 1 to 100", default=25
    )
    mail_retention_days: int = key(
        "ponytracker.mail_retention_days",
        parsing.count(0, 3650),
        "a number of days from 0 to 3650",
        default=30,
    )
    bounce_limit: int = key(
        "ponytracker.bounce_limit", parsing.count(1, 1000), "a number from 1 to 1000", default=5
    )
    attachments_dir: Path | None = key(
        "ponytracker.attachments_dir",
        parsing.folder,
        "the full path of a folder, such as /var/lib/ponytracker/attachments",
        default=None,
        env="PONYTRACKER_ATTACHMENTS_DIR",
    )
    attachment_max_mb: int = key(
        "ponytracker.attachment_max_mb",
        parsing.count(1, 1000),
        "a number of MB from 1 to 1000",
        default=10,
    )
    attachments_issue_max_mb: int = key(
        "ponytracker.attachments_issue_max_mb",
        parsing.count(1, 100_000),
        "a number of MB from 1 to 100000",
        default=100,
    )
    celery_enabled: bool = key("celery.enabled", parsing.switch, "true or false", default=False)
    celery_broker_url: str = key(
        "celery.broker_url",
        parsing.broker_url,
        "the address of Redis, such as redis://localhost:6379/0",
        default="redis://localhost:6379/0",
        env="PONYTRACKER_BROKER_URL",
        secret=True,
    )
    argon2_memory_kib: int = key(
        "ponytracker.argon2_memory_kib",
        parsing.count(32, 4_194_304),
        "a number of KiB from 32 to 4194304",
        default=65_536,
    )
    argon2_rounds: int = key(
        "ponytracker.argon2_rounds", parsing.count(1, 100), "a number from 1 to 100", default=3
    )

    ldap: Ldap = section(Ldap)
    s3: S3Settings = section(S3Settings)
    metrics: MetricsSettings = section(MetricsSettings)

    @classmethod
    def from_ini(
        cls, ini: Mapping[str, Any], variables: Mapping[str, str] | None = None
    ) -> Settings:
        """Read the ``[app:main]`` section *ini*; raise one `SettingError` for all wrong keys."""
        known = names_of(cls)
        faults = [
            _unknown(name, known) for name in ini if name.startswith(PREFIXES) and name not in known
        ]
        values = read_keys(cls, ini, variables or {}, faults)
        if faults:
            raise SettingError("\n".join(faults))
        for_development = values["secret"] == DEVELOPMENT_SECRET
        if not values["base_url"] and for_development:
            values["base_url"] = f"http://localhost:{values['http_port']}"
        if not values["base_url"]:
            raise SettingError(
                "key 'ponytracker.base_url' is missing: expected the address people type to come"
                " here, such as https://tracker.example.org."
            )
        settings = cls(**values)
        if contradictions := "\n".join(settings._contradictions()):
            raise SettingError(contradictions)
        return settings

    def _contradictions(self) -> Iterator[str]:
        """Yield what is wrong with keys that are each right."""
        if self.secret == DEVELOPMENT_SECRET and not self.is_local:
            yield (
                "key 'ponytracker.secret' still has the secret of development.ini, which everybody"
                f" knows, though base_url is '{self.base_url}': expected your own, which"
                " `ponytracker generate-secret` prints."
            )
        if self.sign_up and not self.mail_default_sender:
            yield (
                "key 'ponytracker.sign_up' is true without 'mail.default_sender': expected who mail"
                " is from, since whoever signs up gets a mail to confirm their address."
            )
        if self.sign_up and self.external_auth:
            yield (
                "keys 'ponytracker.sign_up' and 'ponytracker.external_auth' are both true: expected"
                " at most one of them, since accounts then come from elsewhere."
            )
        if self.mail_tls and self.mail_ssl:
            yield (
                "keys 'mail.tls' and 'mail.ssl' are both true: expected at most one of them,"
                " mail.tls for STARTTLS (port 587), mail.ssl for TLS from the start (port 465)."
            )
        if self.celery_enabled and not self.mail_default_sender:
            yield (
                "key 'celery.enabled' is true without 'mail.default_sender': expected who mail is"
                " from, since there is nothing to send without it."
            )
        if self.metrics.enabled and not self.metrics.bearer_key:
            yield (
                "key 'ponytracker.metrics' is true without 'ponytracker.metrics_key': expected what"
                " Prometheus proves itself by, which `ponytracker generate-secret` prints."
            )
        if bool(self.mail_username) != bool(self.mail_password):
            yield "keys 'mail.username' and 'mail.password' go together: expected both or neither."
        yield from self.ldap.contradictions()
        yield from self.s3.contradictions()
        if self.attachments_dir and self.s3.place:
            yield (
                "keys 'ponytracker.attachments_dir' and 'ponytracker.attachments_url' are both set:"
                " expected at most one of them, since files are kept in one place."
            )

    @property
    def is_local(self) -> bool:
        """Whether people come here only from this machine."""
        return urlsplit(self.base_url).hostname in LOCAL_NAMES

    @property
    def is_https(self) -> bool:
        """Whether people come here by https."""
        return urlsplit(self.base_url).scheme == "https"

    @property
    def prefix(self) -> str:
        """The path that all addresses of this site begin with, without a slash at its end."""
        return urlsplit(self.base_url).path

    @property
    def can_reset_password(self) -> bool:
        """Whether who has forgotten their password can get a link by mail to choose another."""
        return bool(self.mail_default_sender) and not self.external_auth

    @property
    def takes_mail(self) -> bool:
        """Whether what people answer by mail comes in."""
        return bool(self.reply_email and self.email_key)

    @property
    def can_sign_up(self) -> bool:
        """Whether anyone can ask for an account."""
        return self.sign_up and not self.external_auth


def _unknown(name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, 1, cutoff=0.8)
    hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
    return f"key '{name}' is not a key of PonyTracker.{hint}"


def includeme(config: Any) -> None:
    config.add_request_method(
        lambda request: request.registry["ponytracker.settings"], "settings", reify=True
    )
