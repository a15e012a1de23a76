"""What a directory is asked about people and groups, and what its entries mean here."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ponytracker.accounts.fields import MAX_EMAIL, MAX_NAME, is_email
from ponytracker.accounts.service import UnfitName, check_form_of_username
from ponytracker.directory.connection import Connection, Entry, escape_dn, escape_filter, same_dn
from ponytracker.directory.errors import DirectoryError, Incomplete, Unusable
from ponytracker.directory.membership import DirectoryGroup, Member, groups_of
from ponytracker.directory.plan import Person
from ponytracker.models.account import MAX_DIRECTORY_ID
from ponytracker.settings.ldap import USER, Ldap
from ponytracker.text import MAX_USERNAME, clean_line

IDS = ("entryUUID", "ipaUniqueID", "objectGUID", "nsUniqueId")
"""What tells an entry for ever: RFC 4530, FreeIPA, Active Directory, 389 Directory Server."""

AT_ONCE = 50
"""DNs that one filter asks for."""

MAX_GROUPS = 5_000
"""Groups that somebody may be in."""

_MEMBERS = ("member", "uniqueMember")

_OPTIONAL_UID = re.compile(r"#'[01]*'B$")
"""What may follow the DN in a value of uniqueMember (RFC 4517 §3.3.21)."""


@dataclasses.dataclass(frozen=True, slots=True)
class NamedGroups:
    """The groups that decide who may what, as far as there are any."""

    required: DirectoryGroup | None = None
    superusers: DirectoryGroup | None = None

    def __iter__(self) -> Iterator[DirectoryGroup]:
        return iter([group for group in (self.required, self.superusers) if group])


def person_attributes(settings: Ldap) -> list[str]:
    named = (
        settings.username_attribute,
        settings.first_name_attribute,
        settings.last_name_attribute,
        settings.email_attribute,
        "uid",
        "gidNumber",
    )
    return sorted({*_id_attributes(settings), *(name for name in named if name)})


def group_attributes(settings: Ldap) -> list[str]:
    named = (settings.group_name_attribute, *_MEMBERS, "memberUid", "gidNumber")
    return sorted({*_id_attributes(settings), *named})


def own_dn(settings: Ldap, username: str) -> str:
    """Return the DN that ``ldap.bind_template`` makes of *username*."""
    return settings.bind_template.replace(USER, escape_dn(username))


def user_filter(settings: Ldap, username: str | None) -> str:
    """Return the filter of the entry of *username*, or of everybody's."""
    value = "*" if username is None else escape_filter(username)
    return settings.user_filter.replace(USER, value)


def find_entry(connection: Connection, username: str) -> Entry | None:
    """Return the one entry of that name; raise `Incomplete` where there are several."""
    settings = connection.settings
    condition = user_filter(settings, username)
    found = connection.search(settings.user_base, condition, person_attributes(settings))
    if len(found) > 1:
        raise Incomplete(
            f"There are {len(found)} entries for one name: {found[0].dn}, {found[1].dn}."
            " Make ldap.user_filter narrower."
        )
    return found[0] if found else None


def read_entry(connection: Connection, dn: str, username: str) -> Entry | None:
    """Return the entry *dn*, if it is that of *username*."""
    settings = connection.settings
    return connection.read(dn, user_filter(settings, username), person_attributes(settings))


def find_or_read(connection: Connection, username: str) -> Entry | None:
    """Return the entry of that name, wherever there is a way to it."""
    if connection.settings.user_base:
        return find_entry(connection, username)
    return read_entry(connection, own_dn(connection.settings, username), username)


def list_entries(connection: Connection) -> list[Entry]:
    """Return the entries of all people; raise `Incomplete` where there are none."""
    settings = connection.settings
    condition = user_filter(settings, None)
    found = connection.search(settings.user_base, condition, person_attributes(settings))
    if not found:
        raise Incomplete(
            f"There is nobody below {settings.user_base}. Is it the right DN, and may"
            f" {settings.bind_dn or 'PonyTracker'} read what is below it?"
        )
    return found


def list_groups(connection: Connection, named: NamedGroups) -> list[DirectoryGroup]:
    """Return all groups; raise `Incomplete` where they lack one of *named*, or there are none."""
    settings = connection.settings
    attributes = group_attributes(settings)
    found = connection.search(settings.group_base, settings.group_filter, attributes)
    groups = [to_group(settings, entry) for entry in found]
    if not groups and settings.needs_groups:
        raise Incomplete(f"There are no groups below {settings.group_base}.")
    keys = {group.key for group in groups}
    for group in named:
        if group.key not in keys:
            raise Incomplete(f"The groups below {settings.group_base} came without {group.name}.")
    return groups


def list_groups_around(connection: Connection, dn: str, person: Member) -> list[DirectoryGroup]:
    """Return the groups that *person*, whose entry is *dn*, is in; and those around these."""
    settings = connection.settings
    conditions = [f"({name}={escape_filter(dn)})" for name in _MEMBERS]
    if person.uid:
        conditions.append(f"(memberUid={escape_filter(person.uid)})")
    if person.gid:
        conditions.append(f"(gidNumber={escape_filter(person.gid)})")
    found: dict[str, DirectoryGroup] = {}
    while conditions:
        asked, conditions = conditions[:AT_ONCE], conditions[AT_ONCE:]
        condition = f"(&{settings.group_filter}(|{''.join(asked)}))"
        entries = connection.search(settings.group_base, condition, group_attributes(settings))
        for entry in entries:
            group = to_group(settings, entry)
            if group.key not in found:
                found[group.key] = group
                if settings.nested_groups:
                    inner = escape_filter(entry.dn)
                    conditions += [f"({name}={inner})" for name in _MEMBERS]
        if len(found) > MAX_GROUPS:
            raise Incomplete(f"{dn} is in more than {MAX_GROUPS:,} groups.")
    # In none, or where nobody may see who is in which?
    if not found and not connection.has_any(settings.group_base, _with_members(settings)):
        raise Incomplete(f"No group below {settings.group_base} has members to be seen.")
    return list(found.values())


def read_named_groups(connection: Connection) -> NamedGroups:
    """Return the groups that decide; raise `Incomplete` where one is not there, with members."""
    settings = connection.settings
    return NamedGroups(
        _read_named_group(connection, "ldap.required_group", settings.required_group),
        _read_named_group(connection, "ldap.superuser_group", settings.superuser_group),
    )


def _read_named_group(connection: Connection, name: str, dn: str) -> DirectoryGroup | None:
    settings = connection.settings
    if not dn:
        return None
    entry = connection.read(dn, _with_members(settings), group_attributes(settings))
    if entry is None:
        raise Incomplete(f"{name} names {dn}: no such group, with members, is to be seen.")
    if not same_dn(entry.dn).endswith(same_dn(settings.group_base)):
        raise Incomplete(f"{name} names {dn}, which is not below {settings.group_base}.")
    return to_group(settings, entry)


def _with_members(settings: Ldap) -> str:
    names = (*_MEMBERS, "memberUid", "gidNumber")
    return f"(&{settings.group_filter}(|{''.join(f'({name}=*)' for name in names)}))"


def to_member(settings: Ldap, entry: Entry) -> Member:
    """Return what groups know the owner of *entry* by; raise `Unusable`."""
    return Member(
        key=_id_of(settings, entry),
        dn=same_dn(entry.dn),
        uid=entry.text("uid") or entry.text(settings.username_attribute),
        gid=entry.text("gidNumber"),
    )


def to_group(settings: Ldap, entry: Entry) -> DirectoryGroup:
    """Return the group that *entry* is; raise `Incomplete`, since all of it must be known."""
    try:
        key = _id_of(settings, entry)
    except Unusable as error:
        raise Incomplete(str(error)) from None
    members = [dn for name in _MEMBERS for dn in entry.texts(name)]
    return DirectoryGroup(
        key=key,
        dn=same_dn(entry.dn),
        name=clean_line(entry.text(settings.group_name_attribute)).strip(),
        members=frozenset(same_dn(_OPTIONAL_UID.sub("", dn)) for dn in members),
        uids=frozenset(entry.texts("memberUid")),
        gid=entry.text("gidNumber"),
    )


def to_people(
    settings: Ldap,
    entries: Iterable[Entry],
    named: NamedGroups,
    inside: Callable[[Sequence[Member]], Mapping[str, frozenset[str]]] | None,
) -> tuple[dict[str, Person], list[str]]:
    """Return who may have an account, by their keys, and why each of the others may not.

    *inside* tells the keys of the groups that each is in. Without it that is unknown.
    """
    people: dict[str, Person] = {}
    notes: list[str] = []
    usable: list[tuple[Entry, Member]] = []
    for entry in entries:
        try:
            usable.append((entry, to_member(settings, entry)))
        except Unusable as error:
            notes.append(str(error))
    members = [member for _entry, member in usable]
    places = {} if inside is None else inside(members)
    # By themselves, these groups name members; whoever is not in them by all groups was kept back.
    for key, directly in groups_of(members, named, nested=False).items():
        if missing := directly - places.get(key, frozenset()):
            raise Incomplete(f"The groups came without what {key} is in: {', '.join(missing)}.")
    for entry, member in usable:
        keys = places.get(member.key)
        if named.required and (keys is None or named.required.key not in keys):
            notes.append(f"{entry.dn} is not in {settings.required_group}.")
            continue
        if member.key in people:
            raise Incomplete(f"{entry.dn} and another entry are both {member.key}.")
        try:
            username = _username(settings, entry)
        except Unusable as error:
            # It is there all the same: an account it has already stays.
            notes.append(str(error))
            username = ""
        people[member.key] = Person(
            key=member.key,
            username=username,
            facts=_facts(settings, entry),
            groups=keys if settings.mirror_groups else None,
            is_superuser=named.superusers.key in keys
            if named.superusers and keys is not None
            else None,
        )
    return people, notes


def _username(settings: Ldap, entry: Entry) -> str:
    username = entry.text(settings.username_attribute)
    try:
        check_form_of_username(username)
    except UnfitName as error:
        why = error.args[0].interpolate()
        raise Unusable(
            f"{entry.dn} cannot have an account named {username[:MAX_USERNAME]!r}: {why}"
        ) from None
    return username


def _facts(settings: Ldap, entry: Entry) -> dict[str, str]:
    """Return what *entry* says of its owner; what it does not say stays as it is."""
    facts: dict[str, str] = {}
    for name, attribute in (
        ("first_name", settings.first_name_attribute),
        ("last_name", settings.last_name_attribute),
        ("email", settings.email_attribute),
    ):
        value = clean_line(entry.text(attribute)).strip() if attribute else ""
        if name == "email" and not (len(value) <= MAX_EMAIL and is_email(value)):
            continue
        if value:
            facts[name] = value if name == "email" else value[:MAX_NAME]
    return facts


def _id_attributes(settings: Ldap) -> Sequence[str]:
    return (settings.id_attribute,) if settings.id_attribute else IDS


def _id_of(settings: Ldap, entry: Entry) -> str:
    """Return what tells *entry* from all others, also when it is renamed; raise `Unusable`."""
    for name in _id_attributes(settings):
        values = entry.octets(name)
        if len(values) > 1:
            raise Unusable(f"{entry.dn} has several values of {name}, which is to tell it apart.")
        if values:
            key = f"{name.lower()}:{_id_text(name, values[0])}"
            if len(key) > MAX_DIRECTORY_ID:
                raise Unusable(f"{entry.dn} has a value of {name} that is too long.")
            return key
    names = ", ".join(_id_attributes(settings))
    raise Unusable(f"{entry.dn} has none of {names}, or PonyTracker may not read it.")


def _id_text(name: str, value: bytes) -> str:
    if name.lower() == "objectguid" and len(value) == 16:
        return str(uuid.UUID(bytes_le=value))
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def ask_about(
    connection: Connection, entry: Entry
) -> tuple[Person | None, dict[str, str], list[str]]:
    """Return who *entry* is, the names of their groups by key, and what is to be said of it."""
    settings = connection.settings
    try:
        member = to_member(settings, entry)
    except Unusable as error:
        return None, {}, [str(error)]
    if not settings.needs_groups:
        people, notes = to_people(settings, [entry], NamedGroups(), None)
        return people.get(member.key), {}, notes
    named = read_named_groups(connection)
    groups = list_groups_around(connection, entry.dn, member)
    names = {group.key: group.name for group in groups}
    places = {member.key: frozenset(names)}
    people, notes = to_people(settings, [entry], named, lambda _members: places)
    return people.get(member.key), names, notes


def ask_about_all(connection: Connection) -> tuple[dict[str, Person], dict[str, str], list[str]]:
    """Return all people and groups, as `ask_about` does one."""
    settings = connection.settings
    entries = list_entries(connection)
    groups: list[DirectoryGroup] = []
    if settings.needs_groups:
        named = read_named_groups(connection)
        groups = list_groups(connection, named)
        people, notes = to_people(
            settings,
            entries,
            named,
            lambda members: groups_of(members, groups, nested=settings.nested_groups),
        )
    else:
        people, notes = to_people(settings, entries, NamedGroups(), None)
    if not people:
        raise DirectoryError(f"None of {len(entries)} entries can have an account. {notes[0]}")
    return people, {group.key: group.name for group in groups}, notes
