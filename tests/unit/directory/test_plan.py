"""What follows from what a directory says, in worlds made up by chance."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.directory.errors import TooMuchGone
from ponytracker.directory.plan import (
    Account,
    Action,
    Here,
    Person,
    Rules,
    Told,
    make_plan,
    may_go,
)
from ponytracker.text import fold

KEYS = [f"id:{letter}" for letter in "abcdefgh"]
NAMES = ["ann", "Ann", "bob", "cy", "dee", "eve", "flo", ""]
GROUPS = {f"g:{number}": name for number, name in enumerate(["dev", "ops", "dev", "all", ""])}


@st.composite
def worlds(draw):
    names = draw(st.permutations(["ann", "bob", "cy", "dee", "eve", "flo", "gus", "hal"]))
    linked = draw(st.lists(st.sampled_from(KEYS), unique=True))
    accounts = {}
    for key, name in zip(linked, names, strict=False):
        active = draw(st.booleans())
        accounts[key] = Account(
            username=name,
            first_name=draw(st.sampled_from(["", "X", "Y"])),
            is_active=active,
            is_superuser=draw(st.booleans()),
            disabled_by_directory=not active and draw(st.booleans()),
        )
    groups = {}
    for key in draw(st.lists(st.sampled_from(sorted(GROUPS)), unique=True, max_size=3)):
        name = draw(st.sampled_from([GROUPS[key], f"once {key}"]))
        if name and name not in groups.values():
            groups[key] = name
    pairs = [(group, key) for group in groups for key in accounts]
    here = Here(
        accounts=accounts,
        groups=groups,
        places=frozenset(draw(st.sets(st.sampled_from(pairs)))) if pairs else frozenset(),
        names=frozenset(draw(st.sets(st.sampled_from([*names[len(linked) :], "zoe"])))),
        group_names=frozenset(draw(st.sets(st.sampled_from(["ops", "ours"]))))
        - set(groups.values()),
        other_superusers=draw(st.integers(0, 1)),
    )
    mirrored = draw(st.booleans())
    ruled = draw(st.booleans())
    told_groups = {key: GROUPS[key] for key in draw(st.sets(st.sampled_from(list(GROUPS))))}
    memberships = (
        st.frozensets(st.sampled_from(sorted(told_groups))) if told_groups else st.just(frozenset())
    )
    people = {
        key: Person(
            key=key,
            username=draw(st.sampled_from(NAMES)),
            facts=draw(st.dictionaries(st.just("first_name"), st.sampled_from(["X", "Y"]))),
            groups=draw(memberships) if mirrored else None,
            is_superuser=draw(st.booleans()) if ruled else None,
        )
        for key in draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=1))
    }
    rules = Rules(draw(st.booleans()), draw(st.sampled_from([0, 10, 50, 100])))
    return here, Told(people, told_groups, is_whole=draw(st.booleans())), rules


def done(here, changes):
    """Return *here* once *changes* are done, by a plain reading of each."""
    accounts, groups, places = dict(here.accounts), dict(here.groups), set(here.places)
    for change in changes:
        match change.action:
            case Action.ADD_USER:
                assert change.user not in accounts
                accounts[change.user] = Account(**change.after)
            case Action.DELETE_USER:
                del accounts[change.user]
            case Action.EDIT_USER | Action.DISABLE | Action.ACTIVATE:
                account = accounts[change.user]
                assert {name: getattr(account, name) for name in change.before} == change.before
                accounts[change.user] = dataclasses.replace(account, **change.after)
            case Action.ADD_GROUP:
                assert change.group not in groups
                groups[change.group] = change.after["name"]
            case Action.DELETE_GROUP:
                del groups[change.group]
            case Action.EDIT_GROUP:
                assert groups[change.group] == change.before["name"]
                groups[change.group] = change.after["name"]
            case Action.ADD_TO_GROUP:
                assert (change.group, change.user) not in places
                places.add((change.group, change.user))
            case Action.REMOVE_FROM_GROUP:
                places.remove((change.group, change.user))
        keys = [fold(account.username) for account in accounts.values()]
        assert len({*keys, *here.names}) == len(keys) + len(here.names), "one name twice"
        names = list(groups.values())
        assert len({*names, *here.group_names}) == len(names) + len(here.group_names)
    return dataclasses.replace(here, accounts=accounts, groups=groups, places=frozenset(places))


def superusers(here):
    own = [a for a in here.accounts.values() if a.is_superuser and a.is_active]
    return here.other_superusers + len(own)


@given(worlds())
def test_a_plan_never_takes_more_than_it_may(world):
    here, told, rules = world
    try:
        plan = make_plan(here, told, rules)
    except TooMuchGone:
        assert told.is_whole
        return
    active = sum(account.is_active for account in here.accounts.values())
    disabled = [change for change in plan.changes if change.action is Action.DISABLE]
    assert len(disabled) <= may_go(active, rules.max_percent)
    if told.is_whole:
        demoted = [c for c in plan.changes if c.after.get("is_superuser") is False]
        own = {key for key, account in here.accounts.items() if account.is_superuser}
        own |= {c.user for c in plan.changes if c.after.get("is_superuser")}
        assert len(demoted) <= may_go(here.other_superusers + len(own), rules.max_percent)
    for change in disabled:
        assert told.is_whole
        assert change.user not in told.people
    assert not any(
        change.action in (Action.DELETE_USER, Action.DELETE_GROUP) for change in plan.changes
    )
    after = done(here, plan.changes)
    assert superusers(after) >= min(superusers(here), 1)
    for key, account in here.accounts.items():
        by_hand = not account.is_active and not account.disabled_by_directory
        assert not (by_hand and after.accounts[key].is_active)
    if not told.is_whole:
        untouched = here.accounts.keys() - told.people.keys()
        assert all(after.accounts[key] == here.accounts[key] for key in untouched)
        places = {place for place in here.places if place[1] in untouched}
        assert places <= after.places


@given(worlds())
def test_a_plan_that_is_done_can_be_taken_back(world):
    here, told, rules = world
    try:
        plan = make_plan(here, told, rules)
    except TooMuchGone:
        return
    after = done(here, plan.changes)
    assert done(after, [change.undone() for change in reversed(plan.changes)]) == here


@given(worlds())
def test_what_was_done_is_not_done_again(world):
    here, told, rules = world
    rules = dataclasses.replace(rules, max_percent=100)
    # A name that was given up is free the next time only.
    for _ in range(3):
        here = done(here, make_plan(here, told, rules).changes)
    assert make_plan(here, told, rules).changes == []


@pytest.mark.parametrize(
    ("total", "percent", "allowed"),
    [
        (0, 10, 0),
        (1, 10, 0),
        (2, 10, 1),
        (5, 10, 1),
        (19, 10, 1),
        (20, 10, 2),
        (1000, 10, 100),
        (5, 0, 0),
        (5, 100, 5),
        (1, 100, 1),
    ],
)
def test_one_may_leave_a_small_place_and_never_all(total, percent, allowed):
    assert may_go(total, percent) == allowed


def people(*names, **facts):
    return {f"id:{name}": Person(f"id:{name}", name, **facts) for name in names}


def here(*names, **more):
    accounts = {f"id:{name}": Account(name) for name in names}
    facts = {
        "accounts": accounts,
        "groups": {},
        "places": frozenset(),
        "names": frozenset(),
        "group_names": frozenset(),
        "other_superusers": 1,
    }
    return Here(**{**facts, **more})


RULES = Rules(creates_accounts=True, max_percent=10)


def test_an_account_of_that_name_is_not_taken_over():
    told = Told(people("Root"), {}, is_whole=True)
    plan = make_plan(here(names=frozenset({"root"})), told, RULES)
    assert plan.changes == []
    assert "sync-ldap --link Root" in plan.notes[0]


def test_two_of_five_at_once_stop_everything_and_are_named():
    told = Told(people("a", "b", "c", "new"), {}, is_whole=True)
    with pytest.raises(TooMuchGone, match=r"2 of 5 accounts would go at once \(d, e\)"):
        make_plan(here(*"abcde"), told, RULES)


def test_the_only_superuser_stays_one_and_active():
    accounts = {"id:a": Account("a", is_superuser=True), "id:b": Account("b")}
    world = here(accounts=accounts, other_superusers=0)
    unmade = make_plan(world, Told(people("a", "b", is_superuser=False), {}, True), RULES)
    assert unmade.changes == []
    assert unmade.notes == ["a stays a superuser: there would be none."]
    gone = make_plan(world, Told(people("b"), {}, True), RULES)
    assert gone.changes == []
    assert gone.notes == ["a stays active: there would be no superuser."]
    replaced = {**people("a", is_superuser=False), **people("b", is_superuser=True)}
    plan = make_plan(world, Told(replaced, {}, True), RULES)
    assert [(c.target, c.after) for c in plan.changes] == [
        ("b", {"is_superuser": True}),
        ("a", {"is_superuser": False}),
    ]


def test_names_go_round_when_one_is_free():
    accounts = {"id:1": Account("a"), "id:2": Account("b")}
    told = {"id:1": Person("id:1", "b"), "id:2": Person("id:2", "c")}
    plan = make_plan(here(accounts=accounts), Told(told, {}, True), RULES)
    assert [(c.target, c.after["username"]) for c in plan.changes] == [("b", "c"), ("a", "b")]


def test_a_group_of_our_own_is_not_merged_with_one_of_the_directory():
    told = Told(people("a", groups=frozenset({"g:1"})), {"g:1": "dev"}, True)
    plan = make_plan(here("a", group_names=frozenset({"dev"})), told, RULES)
    assert plan.changes == []
    assert "The group dev" in plan.notes[0]


def test_members_that_cannot_be_seen_any_more_stop_it():
    names = [f"u{number}" for number in range(30)]
    world = here(
        *names, groups={"g:1": "dev"}, places=frozenset(("g:1", f"id:{name}") for name in names)
    )
    told = Told(people(*names, groups=frozenset()), {"g:1": "dev"}, True)
    with pytest.raises(TooMuchGone, match="30 of 30 places in groups"):
        make_plan(world, told, RULES)


def test_superusers_that_all_lose_it_at_once_stop_it():
    names = [f"u{number}" for number in range(20)]
    accounts = {f"id:{name}": Account(name, is_superuser=True) for name in names}
    world = here(accounts=accounts)
    with pytest.raises(TooMuchGone, match="20 of 21 superusers"):
        make_plan(world, Told(people(*names, is_superuser=False), {}, True), RULES)
    two = {**people(*names, is_superuser=True), **people("u1", "u2", is_superuser=False)}
    plan = make_plan(world, Told(two, {}, True), RULES)
    assert [change.target for change in plan.changes] == ["u1", "u2"]


def test_groups_that_went_long_ago_do_not_count():
    groups = {f"g:{number}": f"group{number}" for number in range(10)}
    # Who has left stays in their groups, also in those that leave later.
    places = frozenset((key, user) for key in groups for user in ("id:ann", "id:left"))
    accounts = {"id:ann": Account("ann"), "id:left": Account("left", is_active=False)}
    world = here(accounts=accounts, groups=groups, places=places)
    kept = {key: name for key, name in groups.items() if key not in ("g:0", "g:1")}
    told = Told(people("ann", groups=frozenset(kept)), kept, True)
    with pytest.raises(TooMuchGone, match=r"2 of 10 groups would go at once \(group0, group1\)"):
        make_plan(world, told, RULES)
    after = done(world, make_plan(world, told, Rules(True, 100)).changes)
    assert make_plan(after, told, RULES).changes == []
