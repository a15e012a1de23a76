"""Whether the directory can be used, and what it answers about somebody: step by step.

``ponytracker ldap-test`` and ``doctor`` show it. No password is in any step.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Iterator

from ponytracker.directory.errors import DirectoryError
from ponytracker.directory.library import require_library
from ponytracker.settings import SettingError
from ponytracker.settings.ldap import Ldap


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at; where it *is_wrong*, the text says what to do."""

    text: str
    is_wrong: bool = False


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
    from ponytracker.directory.asking import check_named_groups, list_entries, list_groups
    from ponytracker.directory.connection import connect

    yield Step(f"python-ldap {importlib.metadata.version('python-ldap')} is there.")
    for uri in settings.uris:
        if uri.startswith("ldap:") and not settings.start_tls:
            yield Step(f"{uri}: not encrypted, passwords can be read on their way.")
        if not settings.check_certificate:
            yield Step(
                f"{uri}: its certificate is not checked, so it may be somebody else's. Set"
                " ldap.check_certificate = true, and ldap.ca_file.",
                is_wrong=True,
            )
        try:
            with connect(dataclasses.replace(settings, uris=(uri,))) as connection:
                yield Step(f"{uri}: answers, and lets us in.")
                if settings.user_base:
                    yield Step(f"{uri}: {len(list_entries(connection)):,} people.")
                if settings.group_base:
                    yield Step(f"{uri}: {len(list_groups(connection)):,} groups.")
                check_named_groups(connection)
        except DirectoryError as error:
            yield Step(f"{_with_advice(str(error))}", is_wrong=True)


def _with_advice(text: str) -> str:
    advice = {
        "Can't contact LDAP server": "Is it running, and are ldap.uri and the firewall right? With"
        " ldaps, it may be the certificate: see ldap.ca_file.",
        "Connect error": "Its certificate is not trusted here, or is for another name: see"
        " ldap.ca_file, and the name in ldap.uri.",
        "Invalid credentials": "See ldap.bind_dn and ldap.bind_password.",
        "Protocol error": "It may not know StartTLS: see ldap.start_tls.",
    }
    return " ".join([text, *(hint for said, hint in advice.items() if said in text)])


def try_user(settings: Ldap, username: str, password: str | None) -> Iterator[Step]:
    """Yield what is asked and answered when *username* signs in; without a password, up to that."""
    from ponytracker.directory.asking import (
        ask_about,
        find_entry,
        own_dn,
        person_attributes,
        read_entry,
    )
    from ponytracker.directory.connection import connect
    from ponytracker.directory.signing_in import ask

    said: list[str] = []
    try:
        if password is not None:
            answer = ask(settings, username, password, said.append)
        elif settings.bind_template and not settings.user_base:
            yield Step(f"{username} would sign in as {own_dn(settings, username)}.")
            return
        else:
            answer = None
            with connect(settings, said.append) as reader:
                entry = (
                    find_entry(reader, username)
                    if settings.user_base
                    else read_entry(reader, own_dn(settings, username), username)
                )
                if entry is not None:
                    said.append(f"found {entry.dn}")
                    for name in person_attributes(settings):
                        values = entry.octets(name)
                        shown = ", ".join(
                            value.decode("utf-8", "backslashreplace") for value in values
                        )
                        said.append(f"  {name}: {shown or '(nothing)'}")
                    person, groups, notes = ask_about(reader, entry)
                    said.extend(notes)
                    answer = (person, groups) if person else None
    except DirectoryError as error:
        yield from map(Step, said)
        yield Step(_with_advice(str(error)), is_wrong=True)
        return
    yield from map(Step, said)
    if answer is None:
        yield Step(
            f"{username} cannot sign in: the name or the password is wrong, or they may not."
            if password is not None
            else f"{username} was not found, or may not sign in.",
            is_wrong=True,
        )
        return
    person, groups = answer
    yield Step(f"id: {person.key}")
    yield Step(f"account: {person.username or '(none that is possible)'}")
    for name, value in person.facts.items():
        yield Step(f"{name}: {value}")
    if settings.needs_groups:
        names = sorted(groups[key] for key in person.groups or () if key in groups)
        yield Step(f"groups: {', '.join(names) or 'none that are mirrored'}")
    if person.is_superuser is not None:
        yield Step(f"superuser: {'yes' if person.is_superuser else 'no'}")
