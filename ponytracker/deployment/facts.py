"""What the files around a tracker must say: read from its ini file, and from a few options."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import plaster
from sqlalchemy.engine import make_url

from ponytracker.errors import DomainError
from ponytracker.operations.uwsgi import find_risk
from ponytracker.settings import Settings
from ponytracker.settings.keys import Key
from ponytracker.web.bodies import MAX_BODY

MIB = 1 << 20
SERVERS = ("uwsgi", "gunicorn", "waitress")
"""The programs that can serve the tracker."""

EVERYWHERE = "0.0.0.0"  # noqa: S104 - only where the ini file says so

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:([a-z0-9.-]+|\*)?:)?([0-9]{1,5})", re.IGNORECASE)


class Undeployable(DomainError):
    """The ini file does not say what the files of other programs need."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What the ini file does not know. Each path is absolute; ports are of the front end."""

    checkout: Path
    programs: Path
    user: str
    server: str
    http_port: int
    certificate: str | None
    certificate_key: str | None
    webroot: str
    logs: str
    backups: str
    mail_user: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the templates may name; their fields are theirs."""

    ini: Path
    settings: Settings
    options: Options
    protocol: str
    """What the front end speaks with the tracker: ``uwsgi`` or ``http``."""
    listen: str
    """Where the tracker listens: ``0.0.0.0:6543``, or the path of a socket."""
    backend: str
    """Where the front end finds it, which is on this machine: ``127.0.0.1:6543``, or that path."""

    @classmethod
    def read(cls, ini: Path, settings: Settings, options: Options) -> Facts:
        """Read what *ini* says beside its *settings*; raise `Undeployable`."""
        for user in (options.user, options.mail_user):
            if not _USER.fullmatch(user):
                raise Undeployable(f"'{user}' is no name of a user.")
        # It expands the path of a log twice, whatever is done to the sign.
        if "%" in options.logs:
            raise Undeployable(
                f"supervisord takes no percent sign in the path of its logs, '{options.logs}'."
            )
        protocol, listen = _find_listener(ini, settings, options.server)
        facts = cls(ini, settings, options, protocol, listen, _find_backend(listen))
        if not _HOST.fullmatch(facts.host):
            raise Undeployable(
                f"key 'ponytracker.base_url' has the host '{facts.host}', which a web server does"
                " not take: expected a name of letters, digits, dots and hyphens, where others are"
                " written as xn--…."
            )
        return facts

    @property
    def host(self) -> str:
        return urlsplit(self.settings.base_url).hostname or ""

    @property
    def origin(self) -> str:
        parts = urlsplit(self.settings.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def https_port(self) -> int:
        return urlsplit(self.settings.base_url).port or 443

    @property
    def http_port(self) -> int:
        """The port for http: the site's own, or where it only leads to https."""
        if self.settings.is_https:
            return self.options.http_port
        return urlsplit(self.settings.base_url).port or self.options.http_port

    @property
    def certificate(self) -> str:
        return self.options.certificate or f"/etc/letsencrypt/live/{self.host}/fullchain.pem"

    @property
    def certificate_key(self) -> str:
        return self.options.certificate_key or f"/etc/letsencrypt/live/{self.host}/privkey.pem"

    @property
    def is_socket_file(self) -> bool:
        return self.backend.startswith("/")

    @property
    def runtime_folders(self) -> list[str]:
        """The folders in /run that the tracker needs, which go when it ends: relative to /run."""
        folders = [Path(self.backend).parent] if self.is_socket_file else []
        if self.settings.metrics.folder:
            folders.append(self.settings.metrics.folder)
        inside = [folder for folder in folders if folder.is_relative_to("/run")]
        return list(dict.fromkeys(str(folder.relative_to("/run")) for folder in inside))

    @property
    def static(self) -> str:
        return f"{self.options.checkout}/ponytracker/static"

    @property
    def body_mib(self) -> int:
        """How large a body may be that the front end lets through, in MiB.

        Of the limits of PonyTracker the largest, which itself says what is too large where.
        """
        largest = MAX_BODY
        if self.takes_files:
            largest = max(largest, MAX_BODY + self.settings.attachments_issue_max_mb * 10**6)
        if self.settings.takes_mail:
            largest = max(largest, (self.settings.mail_max_mb + 1) * MIB)
        return math.ceil(largest / MIB)

    @property
    def takes_files(self) -> bool:
        return bool(self.settings.attachments_dir or self.settings.s3.place)

    @property
    def writable(self) -> list[str]:
        """The folders that the tracker writes to."""
        folders = []
        url = make_url(self.settings.database_url)
        if url.drivername == "sqlite" and url.database:
            folders.append(Path(url.database).resolve().parent)
        if self.settings.attachments_dir:
            folders.append(self.settings.attachments_dir)
        metrics = self.settings.metrics.folder
        if metrics and not metrics.is_relative_to("/run"):
            folders.append(metrics)
        return list(dict.fromkeys(map(str, folders)))

    @property
    def is_in_home(self) -> bool:
        """Whether something that the tracker needs is where people have their own things."""
        needed = [str(self.options.checkout), str(self.options.programs), str(self.ini)]
        return any(
            path.startswith(("/home/", "/root/", "/run/user/")) for path in needed + self.writable
        )

    @property
    def local_services(self) -> list[str]:
        """The units of Debian on this machine that the tracker's begin after."""
        url = make_url(self.settings.database_url)
        services = []
        if url.drivername.startswith("postgresql") and _is_here(url.host):
            services.append("postgresql.service")
        if self.settings.celery_enabled and _is_here(
            urlsplit(self.settings.celery_broker_url).hostname
        ):
            services.append("redis-server.service")
        return services

    @property
    def credentials(self) -> list[tuple[str, str, str]]:
        """For each secret in a file of its own: a name, the file, the variable that names it."""
        app = _section(self.ini, "app:main")
        found = []
        for key in _keys(Settings):
            path = str(app.get(f"{key.name}_file", "")).strip()
            if key.secret and key.env and path:
                found.append((key.name, path, f"{key.env}_FILE"))
        return found

    @property
    def asks_directory(self) -> bool:
        """Whether a timer brings people up to the directory: workers do it themselves."""
        ldap = self.settings.ldap
        return ldap.can_list and ldap.sync_minutes > 0 and not self.settings.celery_enabled

    @property
    def mail_domain(self) -> str:
        return self.settings.reply_email.partition("@")[2]

    @property
    def reply_name(self) -> str:
        return self.settings.reply_email.partition("@")[0]


def _find_listener(ini: Path, settings: Settings, server: str) -> tuple[str, str]:
    """Return the protocol and the address by which *server* serves what *ini* says."""
    if server != "uwsgi":
        section = _section(ini, "server:main")
        port = section.get("port", settings.http_port)
        # An asterisk is for waitress alone.
        host = section.get("host", "127.0.0.1").replace("*", EVERYWHERE)
        return "http", f"{host}:{port}"
    if risk := find_risk(ini):
        raise Undeployable(risk)
    section = _section(ini, "uwsgi")
    for name, protocol in (("http-socket", "http"), ("socket", "uwsgi"), ("uwsgi-socket", "uwsgi")):
        if value := str(section.get(name, "")).strip():
            return protocol, value
    raise Undeployable(
        "section [uwsgi] has neither 'http-socket' nor 'socket': expected an address such as"
        " 127.0.0.1:6543, or another server (--server)."
    )


def _find_backend(listen: str) -> str:
    """Return *listen* as a client names it: what listens everywhere is asked on this machine."""
    if listen.startswith("/"):
        return listen
    match = _ADDRESS.fullmatch(listen)
    if not match:
        raise Undeployable(
            f"'{listen}' is no address for the tracker to listen at: expected one such as"
            " 127.0.0.1:6543, or the path of a socket."
        )
    host, port = match.groups()
    return f"{'127.0.0.1' if host in (None, '*', EVERYWHERE) else host}:{port}"


def _section(ini: Path, name: str) -> Mapping[str, Any]:
    section: Mapping[str, Any] = plaster.get_loader(str(ini), ["wsgi"]).get_settings(name)
    return section


def _keys(fields: type[Any]) -> Iterator[Key]:
    for field in dataclasses.fields(fields):
        if "section" in field.metadata:
            yield from _keys(field.metadata["section"])
        else:
            yield field.metadata["key"]


def _is_here(host: str | None) -> bool:
    return host in (None, "", "localhost", "127.0.0.1", "::1")
