"""Whether the directory can be used, and what it answers about somebody: step by step.

``ponytracker ldap-test`` and ``doctor`` show it. No password is in any step.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Iterator
from urllib.parse import urlsplit

from ponytracker.directory.errors import DirectoryError
from ponytracker.directory.library import require_library
from ponytracker.settings import LOCAL_NAMES, SettingError
from ponytracker.settings.ldap import Ldap


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at; where it *is_wrong* or *is_risky*, the text says what to do."""

    text: str
    is_wrong: bool = False
    is_risky: bool = False


def examine(settings: Ldap) -> Iterator[Step]:
    """Yield what there is to be said of the directory of *settings*; nothing where there is none.

    Each server is asked, also where the first one answers. Nothing is changed.
    """
    if not settings.is_on:
        return
    try:
        require_library()
    except SettingError as error:
        yield Step(str(error), is_wrong=True)
        return
    # Here, since it imports python-ldap.
    from ponytracker.directory.asking import list_entries, list_groups, read_named_groups
    from ponytracker.directory.connection import connect, reach

    yield Step(f"python-ldap {importlib.metadata.version('python-ldap')} is there.")
    for uri in settings.uris:
        if uri.startswith("ldap:") and not settings.start_tls:
            is_here = urlsplit(uri).hostname in LOCAL_NAMES
            yield Step(
                f"{uri}: not encrypted, within this machine."
                if is_here
                else f"{uri}: not encrypted, so passwords can be read on their way. Set"
                " ldap.start_tls = true, or name the server by ldaps://.",
                is_risky=not is_here,
            )
        if not settings.check_certificate:
            yield Step(
                f"{uri}: its certificate is not checked, so it may be somebody else's. Set"
                " ldap.check_certificate = true, and ldap.ca_file.",
                is_wrong=True,
            )
        try:
            if settings.reads_as_user:
                with reach(settings, uri):
                    yield Step(f"{uri}: answers. People are looked up as themselves.")
                continue
            with connect(settings, uri) as connection:
                yield Step(f"{uri}: answers, and lets us in.")
                if settings.user_base:
                    yield Step(f"{uri}: {len(list_entries(connection)):,} people.")
                if settings.group_base:
                    groups = list_groups(connection, read_named_groups(connection))
                    yield Step(f"{uri}: {len(groups):,} groups.")
        except DirectoryError as error:
            yield Step(_with_advice(str(error)), is_wrong=True)


def _with_advice(text: str) -> str:
    advice = {
        "cannot be reached": "Is it running, and are ldap.uri and the firewall right?",
        "Connect error": "Its certificate is not trusted here, or is for another name: see"
        " ldap.ca_file, and the name in ldap.uri.",
        "Invalid credentials": "See ldap.bind_dn and ldap.bind_password.",
        "Protocol error": "It may not know StartTLS: see ldap.start_tls.",
    }
    return " ".join([text, *(hint for said, hint in advice.items() if said in text)])


def try_user(settings: Ldap, username: str, password: str | None) -> Iterator[Step]:
    """Yield what is asked and answered when *username* signs in; without a password, up to that."""
    # Here, since it imports python-ldap.
    from ponytracker.directory.signing_in import ask, look_up

    said: list[str] = []
    failure = ""
    answer = None
    try:
        if password is None:
            answer = look_up(settings, username, said.append)
            failure = f"{username} was not found, or may not sign in."
        else:
            answer = ask(settings, username, password, said.append)
            failure = (
                f"{username} cannot sign in: the name or the password is wrong, or they may not."
            )
    except DirectoryError as error:
        failure = _with_advice(str(error))
    yield from map(Step, said)
    if answer is None and password is None and settings.reads_as_user:
        failure += " Perhaps people may only look up themselves: ask with their password."
    if answer is None:
        yield Step(failure, is_wrong=True)
        return
    person, groups = answer
    yield Step(f"id: {person.key}")
    if person.username:
        yield Step(f"account: {person.username}")
    else:
        yield Step("account: none, since the name is none that an account can have", is_wrong=True)
    for name, value in person.facts.items():
        yield Step(f"{name}: {value}")
    if person.groups is not None:
        yield Step(f"groups: {', '.join(sorted(groups[key] for key in person.groups)) or 'none'}")
    if person.is_superuser is not None:
        yield Step(f"superuser: {'yes' if person.is_superuser else 'no'}")
