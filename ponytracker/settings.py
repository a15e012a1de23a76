"""The ini keys of PonyTracker: parsed and checked once, at start, into one frozen object.

A value comes from the first that has it of: a variable on the command line
(``pserve development.ini http_port=7001``), the environment, the ini file, the default.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

DEVELOPMENT_SECRET = "for-development-on-localhost-only-never-elsewhere"  # noqa: S105
"""The secret of ``development.ini``. The whole world knows it, so only localhost may use it."""

_LOCAL_PART = re.compile(r"[a-z0-9_-]+", re.IGNORECASE)
_TAKEN = frozenset({"new", "bounce", "leave-issue", "leave-project"})
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.IGNORECASE)

PLACEHOLDERS = ("replace", "change", "secret", "<")


class SettingError(ValueError):
    """An ini key is missing or has a value that cannot be used; the text says what to do."""


@dataclasses.dataclass(frozen=True)
class Key:
    """How one ini key is read; *variable* and *env* name what goes over the file."""

    name: str
    parse: Callable[[str], Any]
    expected: str
    variable: str | None = None
    env: str | None = None
    secret: bool = False

    def read(self, ini: Mapping[str, Any], variables: Mapping[str, str], default: object) -> Any:
        where, raw = self._find(ini, variables)
        if not raw:
            if default is dataclasses.MISSING:
                raise SettingError(f"{where} is missing: expected {self.expected}.")
            return default
        try:
            return self.parse(raw)
        except (ValueError, KeyError) as error:
            value = f"a value of {len(raw)} characters" if self.secret else f"the value '{raw}'"
            why = f" ({error})" if isinstance(error, Unfit) else ""
            raise SettingError(f"{where} has {value}: expected {self.expected}{why}.") from None

    def _find(self, ini: Mapping[str, Any], variables: Mapping[str, str]) -> tuple[str, str]:
        if self.variable and variables.get(self.variable):
            return f"variable '{self.variable}'", variables[self.variable].strip()
        if self.env and os.environ.get(self.env):
            return f"environment variable {self.env}", os.environ[self.env].strip()
        return f"key '{self.name}'", str(ini.get(self.name, "")).strip()


class Unfit(ValueError):
    """Why a value was refused, in words that may be shown."""


def _database_url(raw: str) -> str:
    try:
        url = make_url(raw)
    except ArgumentError as error:
        raise ValueError from error
    if url.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError
    return raw


def _base_url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    _ = parts.port  # raises ValueError when it is no port number
    return raw.rstrip("/")


def _secret(raw: str) -> str:
    if raw.lower().startswith(PLACEHOLDERS):
        raise Unfit("it is still the placeholder of the sample file")
    if len(raw) < 32:
        raise Unfit("it is too short")
    return raw


def _sender(raw: str) -> str:
    _name, address = parseaddr(raw)
    if not raw.isprintable() or address.count("@") != 1 or not all(address.split("@")):
        raise ValueError
    if not address.isascii():
        raise Unfit("its address may have ASCII characters only")
    return raw


def _mailbox(raw: str) -> str:
    local, _at, domain = raw.partition("@")
    if not raw.isascii() or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise ValueError
    if local.lower() in _TAKEN:
        raise Unfit("PonyTracker uses this name before the @ for something else")
    # What is added to it has 39 characters at most, of 64 in all (RFC 5321 §4.5.3.1.1).
    if len(local) > 25:
        raise Unfit("before the @ it may have 25 characters at most")
    return raw.lower()


def _shared_key(raw: str) -> str:
    if len(raw) < 16:
        raise Unfit("it is too short")
    if not raw.isascii() or not raw.isprintable() or "@" in raw or " " in raw:
        raise Unfit("it may have ASCII characters other than blanks and @ only")
    return raw


def _keys(raw: str) -> tuple[str, ...]:
    return tuple(_secret(key) for key in raw.split())


def _folder(raw: str) -> Path:
    path = Path(raw)
    if not path.is_absolute():
        raise Unfit("it does not begin with /")
    return path


def _broker_url(raw: str) -> str:
    if urlsplit(raw).scheme not in ("redis", "rediss", "redis+socket", "sentinel"):
        raise ValueError
    return raw


def _one_word(raw: str) -> str:
    if not raw.isascii() or len(raw.split()) != 1 or ";" in raw:
        raise ValueError
    return raw


def _count(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not raw.isascii() or not raw.isdigit() or not low <= int(raw) <= high:
            raise ValueError
        return int(raw)

    return parse


def _switch(raw: str) -> bool:
    return {"true": True, "false": False}[raw.lower()]


def _unknown(name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, 1, cutoff=0.8)
    hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
    return f"key '{name}' is not a key of PonyTracker.{hint}"


def _key(
    name: str,
    parse: Callable[[str], Any],
    expected: str,
    *,
    default: Any = dataclasses.MISSING,
    variable: str | None = None,
    env: str | None = None,
    secret: bool = False,
) -> Any:
    key = Key(name, parse, expected, variable, env, secret)
    return dataclasses.field(default=default, repr=not secret, metadata={"key": key})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the administrator decided. Each field is one key of the ini file."""

    database_url: str = _key(
        "sqlalchemy.url",
        _database_url,
        "a database address such as sqlite:////var/lib/ponytracker/db.sqlite"
        " or postgresql://user:password@host/name",
        variable="database_url",
        env="PONYTRACKER_DATABASE_URL",
        secret=True,
    )
    base_url: str = _key(
        "ponytracker.base_url",
        _base_url,
        "the address people type to come here, such as https://tracker.example.org",
        default="",
        variable="base_url",
        env="PONYTRACKER_BASE_URL",
    )
    secret: str = _key(
        "ponytracker.secret",
        _secret,
        "at least 32 random characters, which `ponytracker generate-secret` prints",
        env="PONYTRACKER_SECRET",
        secret=True,
    )
    http_port: int = _key(
        "http_port",
        _count(1, 65_535),
        "a port from 1 to 65535",
        default=6543,
        variable="http_port",
        env="PONYTRACKER_HTTP_PORT",
    )
    session_days: int = _key(
        "ponytracker.session_days", _count(1, 3650), "a number of days from 1 to 3650", default=30
    )
    sign_up: bool = _key("ponytracker.sign_up", _switch, "true or false", default=False)
    group_management: bool = _key(
        "ponytracker.group_management", _switch, "true or false", default=True
    )
    external_auth: bool = _key("ponytracker.external_auth", _switch, "true or false", default=False)
    mail_host: str = _key("mail.host", str, "the name of a mail server", default="localhost")
    mail_port: int = _key("mail.port", _count(1, 65_535), "a port from 1 to 65535", default=25)
    mail_username: str = _key("mail.username", str, "a name to sign in with", default="")
    mail_password: str = _key(
        "mail.password",
        str,
        "the password of mail.username",
        default="",
        env="PONYTRACKER_MAIL_PASSWORD",
        secret=True,
    )
    mail_tls: bool = _key("mail.tls", _switch, "true or false", default=False)
    mail_ssl: bool = _key("mail.ssl", _switch, "true or false", default=False)
    mail_default_sender: str = _key(
        "mail.default_sender",
        _sender,
        "who mail is from, such as PonyTracker <tracker@example.org>",
        default="",
    )
    reply_email: str = _key(
        "ponytracker.reply_email",
        _mailbox,
        "the address that answers to mails go to, such as reply@tracker.example.org",
        default="",
    )
    email_key: str = _key(
        "ponytracker.email_key",
        _shared_key,
        "at least 16 random characters, which `ponytracker generate-secret` prints",
        default="",
        env="PONYTRACKER_EMAIL_KEY",
        secret=True,
    )
    reply_keys: tuple[str, ...] = _key(
        "ponytracker.reply_keys",
        _keys,
        "keys of at least 32 characters with blanks between them, the newest first",
        default=(),
        env="PONYTRACKER_REPLY_KEYS",
        secret=True,
    )
    reply_days: int = _key(
        "ponytracker.reply_days", _count(0, 36_500), "a number of days, or 0 for ever", default=0
    )
    authserv_id: str = _key(
        "ponytracker.authserv_id",
        _one_word,
        "the name by which your mail server signs the header Authentication-Results",
        default="",
    )
    mail_max_mb: int = _key(
        "ponytracker.mail_max_mb", _count(1, 100), "a number of MB from 1 to 100", default=25
    )
    mail_retention_days: int = _key(
        "ponytracker.mail_retention_days",
        _count(0, 3650),
        "a number of days from 0 to 3650",
        default=30,
    )
    bounce_limit: int = _key(
        "ponytracker.bounce_limit", _count(1, 1000), "a number from 1 to 1000", default=5
    )
    attachments_dir: Path | None = _key(
        "ponytracker.attachments_dir",
        _folder,
        "the full path of a folder, such as /var/lib/ponytracker/attachments",
        default=None,
        env="PONYTRACKER_ATTACHMENTS_DIR",
    )
    attachment_max_mb: int = _key(
        "ponytracker.attachment_max_mb",
        _count(1, 1000),
        "a number of MB from 1 to 1000",
        default=10,
    )
    attachments_issue_max_mb: int = _key(
        "ponytracker.attachments_issue_max_mb",
        _count(1, 100_000),
        "a number of MB from 1 to 100000",
        default=100,
    )
    celery_enabled: bool = _key("celery.enabled", _switch, "true or false", default=False)
    celery_broker_url: str = _key(
        "celery.broker_url",
        _broker_url,
        "the address of Redis, such as redis://localhost:6379/0",
        default="redis://localhost:6379/0",
        env="PONYTRACKER_BROKER_URL",
        secret=True,
    )
    argon2_memory_kib: int = _key(
        "ponytracker.argon2_memory_kib",
        _count(32, 4_194_304),
        "a number of KiB from 32 to 4194304",
        default=65_536,
    )
    argon2_rounds: int = _key(
        "ponytracker.argon2_rounds", _count(1, 100), "a number from 1 to 100", default=3
    )

    @classmethod
    def from_ini(
        cls, ini: Mapping[str, Any], variables: Mapping[str, str] | None = None
    ) -> Settings:
        """Read the ``[app:main]`` section *ini*; raise one `SettingError` for all wrong keys."""
        fields = dataclasses.fields(cls)
        known = [field.metadata["key"].name for field in fields]
        faults = [
            _unknown(name, known)
            for name in ini
            if name.startswith(("ponytracker.", "mail.", "celery.")) and name not in known
        ]
        values: dict[str, Any] = {}
        for field in fields:
            try:
                key: Key = field.metadata["key"]
                values[field.name] = key.read(ini, variables or {}, field.default)
            except SettingError as error:
                faults.append(str(error))
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
        if bool(self.mail_username) != bool(self.mail_password):
            yield "keys 'mail.username' and 'mail.password' go together: expected both or neither."

    @property
    def is_local(self) -> bool:
        """Whether people come here only from this machine."""
        return urlsplit(self.base_url).hostname in ("localhost", "127.0.0.1", "::1")

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


def includeme(config: Any) -> None:
    config.add_request_method(
        lambda request: request.registry["ponytracker.settings"], "settings", reify=True
    )
