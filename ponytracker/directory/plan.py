"""What follows from what the directory says: a list of changes, each of which can be undone.

Pure: what is here and what the directory has said go in. Signing in, ``sync-ldap`` and its
``--dry-run`` all come by here, so that they cannot differ. See docs/decisions/directory.rst.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Set
from enum import StrEnum
from typing import Any

from ponytracker.directory.errors import TooMuchGone
from ponytracker.text import fold

MAX_GROUP_NAME = 128
"""Characters of a group's name."""

FEW_PLACES = 10
"""Places in groups that may go at once, however few there are: one person who changes teams."""


class Action(StrEnum):
    """What is done, as the audit log calls it."""

    ADD_USER = "user.add"
    DELETE_USER = "user.delete"
    EDIT_USER = "user.edit"
    DISABLE = "user.disable"
    ACTIVATE = "user.activate"
    ADD_GROUP = "group.add"
    DELETE_GROUP = "group.delete"
    EDIT_GROUP = "group.edit"
    ADD_TO_GROUP = "group.add_user"
    REMOVE_FROM_GROUP = "group.remove_user"


UNDOES = {
    Action.ADD_USER: Action.DELETE_USER,
    Action.EDIT_USER: Action.EDIT_USER,
    Action.DISABLE: Action.ACTIVATE,
    Action.ACTIVATE: Action.DISABLE,
    Action.ADD_GROUP: Action.DELETE_GROUP,
    Action.EDIT_GROUP: Action.EDIT_GROUP,
    Action.ADD_TO_GROUP: Action.REMOVE_FROM_GROUP,
    Action.REMOVE_FROM_GROUP: Action.ADD_TO_GROUP,
}
"""What takes back what."""

DISABLED = {"is_active": False, "disabled_by_directory": True}
ACTIVE = {"is_active": True, "disabled_by_directory": False}


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One thing to do to the account of the entry *user*, to the group *group*, or to both.

    *target* is the name that the audit log gives; *before* and *after* are what differs.
    """

    action: Action
    target: str
    user: str = ""
    group: str = ""
    before: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    after: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def undone(self) -> Change:
        """Return the change that takes this one back."""
        names = self.after if self.action is Action.EDIT_GROUP else {}
        return dataclasses.replace(
            self,
            action=UNDOES[self.action],
            target=names.get("name", self.target),
            before=self.after,
            after=self.before,
        )

    def __str__(self) -> str:
        differences = [
            f"{name}: {self.before.get(name, '')!s} -> {self.after.get(name, '')!s}"
            for name in sorted({*self.before, *self.after})
        ]
        return f"{self.action} {self.target}" + (
            f" ({', '.join(differences)})" if differences else ""
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """Somebody the directory has; without a *username* that will do, no account is made of them.

    *facts* are names and address, as far as it says. *groups* are keys, or nothing where groups are
    not mirrored; *is_superuser* is nothing where that is not the directory's to say.
    """

    key: str
    username: str
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    groups: Set[str] | None = None
    is_superuser: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What the directory has said: of everybody (*is_whole*), or of one who signs in."""

    people: Mapping[str, Person]
    groups: Mapping[str, str]
    is_whole: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """An account here that belongs to an entry."""

    username: str
    first_name: str = ""
    last_name: str = ""
    email: str | None = None
    is_active: bool = True
    is_superuser: bool = False
    disabled_by_directory: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Here:
    """What is here: accounts and groups by the key of their entry, and who is in which group.

    *names* are the folded names of all other accounts that matter, *group_names* the names of all
    other groups; *other_superusers* counts the active ones who belong to no entry of *accounts*.
    """

    accounts: Mapping[str, Account]
    groups: Mapping[str, str]
    places: Set[tuple[str, str]]
    names: Set[str]
    group_names: Set[str]
    other_superusers: int


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """What may be done: whether accounts are made, and how much may go, in percent."""

    creates_accounts: bool
    max_percent: int


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order, and what could not be done and why."""

    changes: list[Change]
    notes: list[str]


def make_plan(here: Here, told: Told, rules: Rules) -> Plan:
    """Return what brings *here* to what was *told*; raise `TooMuchGone`, and nothing is done."""
    notes: list[str] = []
    gone = [key for key in here.accounts if told.is_whole and key not in told.people]
    _check_gone(here, told, gone, rules)
    renamed = list(_renamed(here, told, notes))
    added = list(_added(here, told, rules, notes))
    made, unmade = _superusers(here, told, added)
    changes = [
        *renamed,
        *added,
        *_described(here, told),
        *_activated(here, told),
        # First who becomes one: whoever was the only one may leave then.
        *made,
        *_taken_away(here, told, made, unmade, gone, notes),
    ]
    _check_superusers(here, told, made, changes, rules)
    if any(person.groups is not None for person in told.people.values()):
        moved = list(_mirrored(here, told, changes, notes))
        _check_places(here, told, moved, rules)
        changes += moved
    return Plan(changes, notes)


def may_go(total: int, percent: int, least: int = 1) -> int:
    """Return how many of *total* may go at once: *percent* of them, or *least* where that is less.

    So one of five may leave where ten percent would be half a person; but never all of them, unless
    that is what *percent* says.
    """
    if percent >= 100:
        return total
    if percent == 0:
        return 0
    return min(max(total * percent // 100, least), max(total - 1, 0))


def _check_gone(here: Here, told: Told, gone: list[str], rules: Rules) -> None:
    if not told.is_whole:
        return
    active = [key for key, account in here.accounts.items() if account.is_active]
    leaving = [here.accounts[key].username for key in gone if here.accounts[key].is_active]
    _refuse("accounts", leaving, len(active), may_go(len(active), rules.max_percent), rules)
    if any(person.groups is not None for person in told.people.values()):
        # The places in it go by themselves with a group; there may be many. A group that nobody is
        # in any more has nothing to lose: it may have gone long ago.
        groups = {group for group, user in here.places if user in told.people}
        lost = [here.groups[key] for key in groups if key not in told.groups]
        _refuse("groups", lost, len(groups), may_go(len(groups), rules.max_percent), rules)


def _check_superusers(
    here: Here, told: Told, made: list[Change], changes: list[Change], rules: Rules
) -> None:
    if not told.is_whole:
        return
    own = {key for key, account in here.accounts.items() if account.is_superuser}
    total = here.other_superusers + len(own | {change.user for change in made})
    lost = [change.target for change in changes if change.after.get("is_superuser") is False]
    _refuse("superusers", lost, total, may_go(total, rules.max_percent), rules)


def _check_places(here: Here, told: Told, moved: list[Change], rules: Rules) -> None:
    if not told.is_whole:
        return
    lost = [
        f"{change.before['user']} in {change.target}"
        for change in moved
        if change.action is Action.REMOVE_FROM_GROUP
    ]
    total = len(here.places)
    _refuse("places in groups", lost, total, may_go(total, rules.max_percent, FEW_PLACES), rules)


def _refuse(noun: str, lost: list[str], total: int, allowed: int, rules: Rules) -> None:
    if len(lost) > allowed:
        names = ", ".join(sorted(lost)[:5]) + (", …" if len(lost) > 5 else "")
        raise TooMuchGone(
            f"{len(lost)} of {total} {noun} would go at once ({names}), and at most {allowed} may"
            f" by ldap.max_disable_percent = {rules.max_percent}. Nothing was changed. If it is"
            " right, run it once with --allow-percent 100."
        )


def _renamed(here: Here, told: Told, notes: list[str]) -> Iterator[Change]:
    """Give accounts the names that their entries have now, as far as these are free."""
    taken = set(here.names) | {fold(account.username) for account in here.accounts.values()}
    waiting = {
        key: told.people[key].username
        for key, account in sorted(here.accounts.items())
        if key in told.people and told.people[key].username not in ("", account.username)
    }
    while waiting:
        free = [
            key
            for key, name in waiting.items()
            if fold(name) not in taken or fold(name) == fold(here.accounts[key].username)
        ]
        if not free:
            break
        # One at a time: what it leaves may be what another waits for.
        key, name = free[0], waiting.pop(free[0])
        before = here.accounts[key].username
        taken.discard(fold(before))
        taken.add(fold(name))
        names = {"username": before}, {"username": name}
        yield Change(Action.EDIT_USER, before, user=key, before=names[0], after=names[1])
    for key, name in waiting.items():
        before = here.accounts[key].username
        notes.append(
            f"{before} is {name} in the directory, but that name is another account's here."
        )


def _added(here: Here, told: Told, rules: Rules, notes: list[str]) -> Iterator[Change]:
    """Make accounts for those who have none, whose name nobody has here."""
    taken = set(here.names) | {fold(account.username) for account in here.accounts.values()}
    # What is given up by one who is renamed is free at the next time only.
    taken |= {fold(told.people[key].username) for key in here.accounts if key in told.people}
    for key, person in sorted(told.people.items(), key=lambda item: item[1].username):
        if key in here.accounts or not person.username:
            continue
        if fold(person.username) in taken:
            notes.append(
                f"{person.username} of the directory has no account: that name is another account's"
                f" here. If it is theirs: ponytracker sync-ldap --link {person.username}"
            )
        elif rules.creates_accounts:
            taken.add(fold(person.username))
            after = {"username": person.username, **person.facts}
            yield Change(Action.ADD_USER, person.username, user=key, after=after)


def _described(here: Here, told: Told) -> Iterator[Change]:
    """Take over names and addresses."""
    for key, account in sorted(here.accounts.items()):
        if key not in told.people:
            continue
        facts = told.people[key].facts
        before = {name: getattr(account, name) for name in facts}
        if before != facts:
            after = {name: value for name, value in facts.items() if before[name] != value}
            yield Change(
                Action.EDIT_USER,
                here.accounts[key].username,
                user=key,
                before={name: before[name] for name in after},
                after=after,
            )


def _activated(here: Here, told: Told) -> Iterator[Change]:
    """Let those in again who had gone; not those whom somebody here has disabled."""
    for key, account in sorted(here.accounts.items()):
        if key in told.people and not account.is_active and account.disabled_by_directory:
            name = here.accounts[key].username
            yield Change(Action.ACTIVATE, name, user=key, before=DISABLED, after=ACTIVE)


def _superusers(
    here: Here, told: Told, added: Iterable[Change]
) -> tuple[list[Change], list[Change]]:
    """Return which accounts become superusers, and which are to be none any more."""
    names = {key: account.username for key, account in here.accounts.items()}
    names |= {change.user: change.target for change in added}
    made: list[Change] = []
    unmade: list[Change] = []
    for key, name in sorted(names.items()):
        is_one = key in here.accounts and here.accounts[key].is_superuser
        person = told.people.get(key)
        if person is None or person.is_superuser in (None, is_one):
            continue
        before, after = {"is_superuser": is_one}, {"is_superuser": not is_one}
        change = Change(Action.EDIT_USER, name, user=key, before=before, after=after)
        (unmade if is_one else made).append(change)
    return made, unmade


def _taken_away(
    here: Here,
    told: Told,
    made: list[Change],
    unmade: list[Change],
    gone: list[str],
    notes: list[str],
) -> Iterator[Change]:
    """Unmake superusers and disable who has gone; one active superuser stays, whoever it is."""
    becoming = {change.user for change in made}
    active = {
        key
        for key, account in here.accounts.items()
        if account.is_active or (account.disabled_by_directory and key in told.people)
    }
    superusers = {key for key in active if here.accounts[key].is_superuser or key in becoming}
    for change in unmade:
        if here.other_superusers + len(superusers - {change.user}) == 0:
            notes.append(f"{change.target} stays a superuser: there would be none.")
            continue
        superusers.discard(change.user)
        yield change
    for key in sorted(gone):
        name = here.accounts[key].username
        if key not in active:
            continue
        if key in superusers and here.other_superusers + len(superusers) == 1:
            notes.append(f"{name} stays active: there would be no superuser.")
            continue
        superusers.discard(key)
        yield Change(Action.DISABLE, name, user=key, before=ACTIVE, after=DISABLED)


def _mirrored(
    here: Here, told: Told, changes: Iterable[Change], notes: list[str]
) -> Iterator[Change]:
    """Have the groups of the directory here, with those in them who have an account."""
    users = {key: here.accounts[key].username for key in here.accounts}
    users |= {change.user: change.target for change in changes if change.action is Action.ADD_USER}
    wanted = {
        (group, key)
        for key, person in told.people.items()
        if key in users and person.groups is not None
        for group in person.groups
    }
    names = dict(here.groups)
    taken = set(here.group_names) | set(names.values())
    occupied = {group for group, _user in wanted}
    for key, name in sorted(told.groups.items(), key=lambda item: (item[1], item[0])):
        if names.get(key) == name or (key not in names and key not in occupied):
            continue
        if not name or len(name) > MAX_GROUP_NAME:
            notes.append(
                f"The group {name[:MAX_GROUP_NAME]!r} has no name that it could have here."
            )
        elif name in taken:
            notes.append(f"The group {name} of the directory is not {name} here, which is another.")
        elif key in names:
            yield Change(
                Action.EDIT_GROUP,
                names[key],
                group=key,
                before={"name": names[key]},
                after={"name": name},
            )
            taken.discard(names[key])
            taken.add(name)
            names[key] = name
        else:
            yield Change(Action.ADD_GROUP, name, group=key, after={"name": name})
            taken.add(name)
            names[key] = name
    known = {key for key, person in told.people.items() if person.groups is not None}
    for group, key in sorted(here.places - wanted):
        if key in known:
            before = {"user": users[key]}
            yield Change(Action.REMOVE_FROM_GROUP, names[group], key, group, before=before)
    for group, key in sorted(wanted - here.places):
        if group in names:
            after = {"user": users[key]}
            yield Change(Action.ADD_TO_GROUP, names[group], key, group, after=after)
