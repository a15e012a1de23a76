"""Looks at the secrets: whether they can be guessed, do one thing each, and who may read them."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import plaster

from ponytracker.operations.findings import Finding, warning, well, wrong
from ponytracker.operations.site import Site
from ponytracker.settings import DEVELOPMENT_SECRET, Settings
from ponytracker.settings.keys import secret_keys, secret_values

LEAST_DIFFERENT = 12
"""Characters that a random secret of 32 has at least, all but never fewer."""

ADDRESSES = ("sqlalchemy.url", "celery.broker_url")
"""The keys that may have a password within; a broker may have several addresses."""

_PASSWORD = re.compile(r"://[^:/@]*:([^@]*)@")

NEW = "`ponytracker generate-secret` prints another."


def check_secrets(site: Site) -> Iterator[Finding]:
    settings = site.settings
    yield _strength(settings)
    yield from _shared(settings)
    if not settings.is_local:
        yield from _readers(site.ini)


def _strength(settings: Settings) -> Finding:
    secret = settings.secret
    if secret == DEVELOPMENT_SECRET:
        return warning(
            "Secret: that of development.ini, which everybody knows. For this machine alone it will"
            f" do. {NEW}"
        )
    if len(set(secret)) < LEAST_DIFFERENT:
        return wrong(
            f"Secret: it has only {len(set(secret))} different characters, so it can be guessed."
            f" {NEW}"
        )
    return well(f"Secret: {len(secret)} characters, and not one of ours.")


def _shared(settings: Settings) -> Iterator[Finding]:
    """Yield what is used for two things: who comes to know it by one may do the other too."""
    named = defaultdict(list)
    for name, secret in _secrets(settings):
        if secret:
            named[secret].append(name)
    for names in named.values():
        if len(names) > 1:
            yield wrong(
                f"Secret: {' and '.join(names)} are the same. Who comes to know one of them, as the"
                f" mail server does, knows the others. {NEW}"
            )


def _secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each secret and what it is called; of addresses, that is the passwords in them."""
    for name, value in secret_values(settings):
        if isinstance(value, tuple):
            yield from ((f"{name} ({n})", one) for n, one in enumerate(value, 1))
        elif name in ADDRESSES:
            yield from ((name, unquote(password)) for password in set(_PASSWORD.findall(value)))
        else:
            yield name, value


def _readers(ini: Path) -> Iterator[Finding]:
    """Yield who else may read or change the files that have secrets in them."""
    section = plaster.get_settings(str(ini), "app:main")
    has_secrets = any(section.get(key.name) for key in secret_keys(Settings))
    files = {ini: has_secrets}
    for key in secret_keys(Settings):
        named = (section.get(f"{key.name}_file"), key.env and os.environ.get(f"{key.env}_FILE"))
        files.update((Path(path), True) for path in named if path)
    for path, is_secret in files.items():
        yield _rights(path, is_secret=is_secret)


def _rights(path: Path, *, is_secret: bool) -> Finding:
    mode = path.stat().st_mode
    fix = f"chmod o= {path}"
    if mode & stat.S_IWOTH:
        return wrong(f"File rights: everybody on this machine may change {path}: {fix}")
    if is_secret and mode & stat.S_IROTH:
        return wrong(f"File rights: everybody on this machine may read {path}: {fix}")
    return well(f"File rights: {path} is not for everybody.")
