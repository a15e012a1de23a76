"""Signing in with the directory: whether the password is right there, and whose account that is."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ponytracker.accounts.authentication import Unavailable, join
from ponytracker.db import Database
from ponytracker.directory.applying import SIGN_IN, apply, new_run
from ponytracker.directory.asking import (
    ask_about,
    find_entry,
    find_or_read,
    own_dn,
    person_attributes,
    read_entry,
)
from ponytracker.directory.connection import (
    Connection,
    Say,
    connect,
    connect_as,
    first_answer,
    say_nothing,
)
from ponytracker.directory.errors import DirectoryError
from ponytracker.directory.here import read_one
from ponytracker.directory.plan import Person, Rules, Told, make_plan
from ponytracker.errors import DomainError
from ponytracker.models import User
from ponytracker.settings.ldap import Ldap

log = logging.getLogger(__name__)

TRIES = 3
"""How often an account is brought up to date where others write the same at the same moment."""

Answer = tuple[Person, dict[str, str]]
"""Who it is, and the names of their groups by key."""


class DirectoryAuthenticator:
    """Asks the directory of *settings* when somebody signs in."""

    def __init__(self, settings: Ldap, database: Callable[[], Database]) -> None:
        self._settings = settings
        self._database = database

    @property
    def is_first(self) -> bool:
        return self._settings.first == "directory"

    def vouch(self, username: str, password: str) -> int | None:
        with _available():
            answer = ask(self._settings, username, password)
        if answer is None:
            return None
        for tries_left in reversed(range(TRIES)):
            try:
                with self._database().session(write=True) as session, session.begin():
                    return bring_up_to_date(session, *answer)
            except (IntegrityError, DomainError):
                # Somebody has written the same, or taken it away, between our reading and writing.
                if not tries_left:
                    raise
        return None

    def vouch_in_vain(self) -> None:
        with _available():
            ask(self._settings, secrets.token_hex(8), secrets.token_hex(8))


def ask(settings: Ldap, username: str, password: str, say: Say = say_nothing) -> Answer | None:
    """Return who *username* is, if *password* is theirs and they may sign in.

    Raise `DirectoryError` where that cannot be found out.
    """
    if not password or "\0" in username or "\0" in password:
        return None
    try:
        username.encode(), password.encode()
    except UnicodeEncodeError:
        return None
    way = _ask_directly if settings.bind_template else _find_and_ask
    return first_answer(settings, lambda uri: way(settings, uri, username, password, say))


def look_up(settings: Ldap, username: str, say: Say) -> Answer | None:
    """Return who *username* is, as PonyTracker itself sees them; tell each of their attributes."""

    def look(uri: str) -> Answer | None:
        with connect(settings, uri, say) as reader:
            entry = find_or_read(reader, username)
            if entry is None:
                return None
            say(f"found {entry.dn}")
            for name in person_attributes(settings):
                values = (value.decode("utf-8", "backslashreplace") for value in entry.octets(name))
                say(f"  {name}: {', '.join(values) or '(nothing)'}")
            return _told(reader, *ask_about(reader, entry))

    return first_answer(settings, look)


def _find_and_ask(
    settings: Ldap, uri: str, username: str, password: str, say: Say
) -> Answer | None:
    with connect(settings, uri, say) as reader:
        entry = find_entry(reader, username)
        # Where there is none, somebody who is not there is tried: it takes as long.
        dn = entry.dn if entry else f"uid={secrets.token_hex(8)},{settings.user_base}"
        with connect_as(settings, uri, dn, password, say) as own:
            if own is None or entry is None:
                return None
        return _told(reader, *ask_about(reader, entry))


def _ask_directly(
    settings: Ldap, uri: str, username: str, password: str, say: Say
) -> Answer | None:
    dn = own_dn(settings, username)
    with connect_as(settings, uri, dn, password, say) as own:
        if own is None:
            return None
        if settings.reads_as_user:
            return _read(own, dn, username)
    with connect(settings, uri, say) as reader:
        return _read(reader, dn, username)


def _read(reader: Connection, dn: str, username: str) -> Answer | None:
    entry = read_entry(reader, dn, username)
    if entry is None:
        log.warning("An entry signed in to that may not be read, or does not fit ldap.user_filter")
        return None
    return _told(reader, *ask_about(reader, entry))


def _told(
    reader: Connection, person: Person | None, groups: dict[str, str], notes: list[str]
) -> Answer | None:
    for note in notes:
        reader.say(note)
        log.warning("Signing in with the directory: %s", note)
    return None if person is None else (person, groups)


def bring_up_to_date(session: Session, person: Person, groups: dict[str, str]) -> int | None:
    """Make or change the account of *person*; return its id, or nothing where there is none.

    There is none where their name is another account's here, which a directory cannot take over.
    """
    here = read_one(session, person.key, person.username)
    told = Told({person.key: person}, groups, is_whole=False)
    plan = make_plan(here, told, Rules(creates_accounts=True, max_percent=0))
    for note in plan.notes:
        log.warning("Signing in with the directory: %s", note)
    apply(session, new_run(SIGN_IN), plan.changes)
    return session.scalar(select(User.id).where(User.directory_id == person.key, User.is_active))


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except DirectoryError as error:
        log.error("Nobody can sign in with the directory: %s", error)
        raise Unavailable from None


def join_accounts(config: Any) -> None:
    """Have the directory asked when somebody signs in."""
    registry = config.registry
    settings = registry["ponytracker.settings"].ldap
    join(config, DirectoryAuthenticator(settings, lambda: registry["ponytracker.database"]))
