from __future__ import annotations

import pytest

from ponytracker.security.passwords import MAX_PASSWORD, Passwords


@pytest.fixture
def verified(passwords, monkeypatch):
    """What the hasher was asked to verify."""
    calls = []
    hasher = passwords._hasher

    class Spy:
        hash = hasher.hash

        def verify(self, hash_, password):
            calls.append((hash_, password))
            return hasher.verify(hash_, password)

    monkeypatch.setattr(passwords, "_hasher", Spy())
    return calls


def test_the_right_password_and_no_other(passwords):
    hash_ = passwords.hash("pony")
    assert passwords.check(hash_, "pony")
    for wrong in ("Pony", "pony ", "", "ponypony"):
        assert not passwords.check(hash_, wrong)


def test_the_hash_is_argon2id_with_a_salt_of_its_own(passwords):
    assert passwords.hash("pony").startswith("$argon2id$")
    assert passwords.hash("pony") != passwords.hash("pony")


@pytest.mark.parametrize("password", ["", "pony", "x" * 5000])
def test_without_a_hash_a_hash_is_verified_all_the_same(passwords, verified, password):
    assert passwords.check(None, password) is False
    assert len(verified) == 1
    assert verified[0][0] == passwords._nobodys_hash


def test_the_hash_of_nobody_opens_nothing(passwords):
    assert not passwords.check(None, "")


def test_what_is_too_long_costs_the_same_and_is_wrong(passwords, verified):
    too_long = "x" * (MAX_PASSWORD + 1)
    assert passwords.check(passwords.hash(too_long), too_long) is False
    assert verified == [(passwords._nobodys_hash, "")]


def test_the_longest_password_works(passwords):
    longest = "€" * MAX_PASSWORD
    assert passwords.check(passwords.hash(longest), longest)
    assert not passwords.check(passwords.hash(longest), longest + "€")


@pytest.mark.parametrize("hash_", ["", "!", "$argon2id$", "pbkdf2_sha256$1$a$b", "\ud800"])
def test_a_hash_that_cannot_be_read_fits_no_password(passwords, hash_):
    assert not passwords.check(hash_, "pony")
    assert not passwords.check(hash_, "")


@pytest.mark.parametrize("password", ["\ud800", "\x00", "\U0001f434"])
def test_any_character_may_be_tried(passwords, password):
    assert not passwords.check(passwords.hash("pony"), password)


def test_a_hash_of_another_cost_is_to_be_made_anew(passwords):
    other = Passwords(64, 2)
    hash_ = passwords.hash("pony")
    assert other.check(hash_, "pony")
    assert other.needs_rehash(hash_)
    assert not passwords.needs_rehash(hash_)
