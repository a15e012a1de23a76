"""Bringing all accounts and groups to what the directory says; run by hand, by cron or by beat."""

from __future__ import annotations

import dataclasses
import logging

from sqlalchemy.exc import IntegrityError

from ponytracker.db import UNAVAILABLE, Database
from ponytracker.directory.applying import Linked, apply, link, new_run, run_of
from ponytracker.directory.asking import ask_about, ask_about_all, find_or_read
from ponytracker.directory.connection import Say, connect, first_answer, say_nothing
from ponytracker.directory.errors import DirectoryError, Unusable
from ponytracker.directory.here import read_all
from ponytracker.directory.plan import Change, Person, Rules, Told, make_plan
from ponytracker.errors import DomainError
from ponytracker.security.principals import SHELL
from ponytracker.settings.ldap import Ldap
from ponytracker.text import clean_line

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has done, or would; *run* is the name to take it back by."""

    run: str
    changes: list[Change]
    notes: list[str]


def sync(
    settings: Ldap,
    database: Database,
    *,
    dry: bool = False,
    allow_percent: int | None = None,
    say: Say = say_nothing,
) -> Outcome:
    """Do what the directory says, all or nothing; with *dry* only tell it.

    Raise `DirectoryError`, and nothing is changed. No transaction is open while it is asked.
    """
    if not settings.can_list:
        raise DirectoryError("To ask for everybody, expected ldap.uri and ldap.user_base.")

    def ask_all(uri: str) -> tuple[dict[str, Person], dict[str, str], list[str]]:
        with connect(settings, uri, say) as connection:
            return ask_about_all(connection)

    people, groups, notes = first_answer(settings, ask_all)
    told = Told(people, groups, is_whole=True)
    percent = settings.max_disable_percent if allow_percent is None else allow_percent
    rules = Rules(settings.sync_creates_accounts, percent)
    actor = new_run()
    try:
        with database.session(write=not dry) as session, session.begin():
            plan = make_plan(read_all(session), told, rules)
            if not dry:
                apply(session, actor, plan.changes)
    except UNAVAILABLE as error:
        raise DirectoryError(
            f"The database did not do it: {_cause(error)}. Nothing was changed by this run."
        ) from None
    except (IntegrityError, DomainError):
        raise DirectoryError(
            "Somebody has changed the same accounts or groups at the same moment. Nothing was"
            " changed by this run: run it again."
        ) from None
    return Outcome(run_of(actor), plan.changes, [*notes, *plan.notes])


def _cause(error: BaseException) -> str:
    return clean_line(str(getattr(error, "orig", None) or error)).strip()


def sync_and_log(settings: Ldap, database: Database) -> None:
    """Do what the directory says, and log what that was, or why nothing was done."""
    try:
        outcome = sync(settings, database)
    except DirectoryError as error:
        log.error("Nothing was taken over from the directory: %s", error)
        return
    if outcome.notes:
        log.warning(
            "Not all was taken over from the directory: %d notes, which sync-ldap --dry-run shows",
            len(outcome.notes),
        )
    if outcome.changes:
        log.info("Run %s changed %d from the directory", outcome.run, len(outcome.changes))


def link_account(settings: Ldap, database: Database, username: str) -> Linked:
    """Give the account *username* to the entry of that name; raise `DirectoryError` or `Left`."""

    def ask(uri: str) -> tuple[Person | None, list[str]]:
        with connect(settings, uri) as connection:
            entry = find_or_read(connection, username)
            if entry is None:
                raise Unusable(
                    f"There is no {username} in the directory, or"
                    f" {settings.bind_dn or 'PonyTracker'} may not read them."
                )
            person, _groups, notes = ask_about(connection, entry)
            return person, notes

    person, notes = first_answer(settings, ask)
    if person is None:
        raise Unusable(notes[0])
    with database.session(write=True) as session, session.begin():
        return link(session, SHELL, username, person.key)
