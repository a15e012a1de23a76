"""Which files are rendered for a site, in which syntax, and what to do with each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ponytracker.deployment import syntax
from ponytracker.deployment.facts import Facts

TEMPLATES = Path(__file__).parent.parent.parent / "deploy"
"""The templates are of the checkout, beside the package, as the migrations are."""


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A file as it is to be, *name* within the folder that the administrator chose."""

    name: str
    content: str
    todo: str
    mode: int = 0o644


@dataclasses.dataclass(frozen=True)
class Template:
    """A file of `TEMPLATES`, and for which sites there is one."""

    name: str
    write: Callable[[str], str]
    todo: str
    wanted: Callable[[Facts], bool]
    mode: int = 0o644


def _has_worker(site: Facts) -> bool:
    return site.settings.celery_enabled


def _sends_mail(site: Facts) -> bool:
    return bool(site.settings.mail_default_sender)


def _takes_mail(site: Facts) -> bool:
    return site.settings.takes_mail


def _takes_files(site: Facts) -> bool:
    return site.takes_files


def _needs_folders(site: Facts) -> bool:
    return bool(site.runtime_folders)


def _asks_directory(site: Facts) -> bool:
    return site.asks_directory


def _always(_site: Facts) -> bool:
    return True


def _program(name: str, wanted: Callable[[Facts], bool]) -> Template:
    todo = "Copy to /etc/supervisor/conf.d/, then: supervisorctl update"
    return Template(f"supervisor/{name}.conf", syntax.supervisor, todo, wanted)


def _service(name: str, wanted: Callable[[Facts], bool]) -> Template:
    todo = (
        "Copy to /etc/systemd/system/, then: systemctl daemon-reload &&"
        f" systemctl enable --now {name}"
    )
    return Template(f"systemd/{name}.service", syntax.systemd, todo, wanted)


def _timer(name: str, wanted: Callable[[Facts], bool]) -> tuple[Template, Template]:
    """Return the unit that runs something at its times, and the one with the times."""
    todo = "Copy both to /etc/systemd/system/, then: systemctl daemon-reload &&"
    return (
        Template(f"systemd/{name}.service", syntax.systemd, f"Goes with {name}.timer.", wanted),
        Template(
            f"systemd/{name}.timer",
            syntax.systemd,
            f"{todo} systemctl enable --now {name}.timer",
            wanted,
        ),
    )


FILES = (
    _program("ponytracker-web", _always),
    _program("ponytracker-worker", _has_worker),
    Template(
        "logrotate.d/ponytracker",
        syntax.logrotate,
        "For supervisord's programs: copy to /etc/logrotate.d/",
        _always,
    ),
    Template(
        "tmpfiles.d/ponytracker.conf",
        syntax.systemd,
        "For supervisord's programs: copy to /etc/tmpfiles.d/, then: systemd-tmpfiles --create",
        _needs_folders,
    ),
    _service("ponytracker-web", _always),
    _service("ponytracker-worker", _has_worker),
    _service("ponytracker-beat", _has_worker),
    *_timer("ponytracker-deliver-mail", _sends_mail),
    *_timer("ponytracker-tidy-mail", _takes_mail),
    *_timer("ponytracker-tidy-attachments", _takes_files),
    *_timer("ponytracker-sync-ldap", _asks_directory),
    *_timer("ponytracker-backup", _always),
    Template(
        "cron.d/ponytracker",
        syntax.cron,
        "Instead of systemd's timers: copy to /etc/cron.d/",
        _always,
    ),
    Template(
        "nginx/ponytracker.conf",
        syntax.web_server,
        "Copy to /etc/nginx/sites-available/, link it into sites-enabled/, then: nginx -t &&"
        " systemctl reload nginx",
        _always,
    ),
    Template(
        "apache2/ponytracker.conf",
        syntax.web_server,
        "Copy to /etc/apache2/sites-available/, then: a2ensite ponytracker && apachectl configtest"
        " && systemctl reload apache2",
        _always,
    ),
    Template(
        "dovecot/99-ponytracker.conf",
        syntax.verbatim,
        "Copy to /etc/dovecot/conf.d/, then: systemctl restart dovecot",
        _takes_mail,
    ),
    Template(
        "dovecot/ponytracker.sieve",
        syntax.sieve,
        "Copy to /etc/dovecot/sieve/, then: sievec /etc/dovecot/sieve/ponytracker.sieve",
        _takes_mail,
    ),
    Template(
        "dovecot/ponytracker-retry.sieve",
        syntax.sieve,
        "Copy to /etc/dovecot/sieve/, then: sievec /etc/dovecot/sieve/ponytracker-retry.sieve",
        _takes_mail,
    ),
    Template(
        "dovecot/ponytracker.key",
        syntax.verbatim,
        "Copy to /etc/dovecot/, for the user of the mailboxes alone: it is a secret.",
        _takes_mail,
        mode=0o600,
    ),
    Template(
        "cron.d/ponytracker-retry",
        syntax.cron,
        "Copy to /etc/cron.d/",
        _takes_mail,
    ),
)


def render(site: Facts) -> Iterator[Rendered]:
    """Yield the files that *site* wants; raise `syntax.Unwritable` where a value does not fit."""
    for file in FILES:
        if file.wanted(site):
            values = {"site": site, "settings": site.settings, "options": site.options}
            try:
                content = _environment(file.write).get_template(file.name).render(values)
            except syntax.Unwritable as error:
                raise syntax.Unwritable(f"{file.name}: {error}") from None
            yield Rendered(file.name, content, file.todo, file.mode)


@cache
def _environment(write: Callable[[str], str]) -> Environment:
    """Return an environment that writes each value in the syntax of the file it goes into."""

    def finalize(value: Any) -> str:
        return write(value if isinstance(value, syntax.Line) else str(value))

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Not HTML: what is written is made fit by `finalize`.
        autoescape=False,  # noqa: S701
    )
    environment.filters["line"] = syntax.Line
    return environment
