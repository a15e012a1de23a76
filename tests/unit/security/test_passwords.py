from __future__ import annotations

import pytest

from ponytracker.security.passwords import MAX_PASSWORD, Passwords, complaint


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


# Of "lètmein" with the salt "seasalt2", as Django's own tests have them.
DJANGOS = [
    "pbkdf2_sha256$12000$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=",
    "pbkdf2_sha256$36000$seasalt2$QkIBVCvGmTmyjPJ5yox2y/jQB8isvgUNK98FxOU1UYo=",
    "pbkdf2_sha256$870000$seasalt2$nxgnNHRsZWSmi4hRSKq2MRigfaRmjDhH1NH4g2sQRbU=",
]


@pytest.mark.parametrize("hash_", DJANGOS)
def test_a_hash_of_django_is_taken_and_to_be_replaced(passwords, hash_):
    assert passwords.check(hash_, "lètmein")
    assert not passwords.check(hash_, "letmein")
    assert passwords.needs_rehash(hash_)


@pytest.mark.parametrize("password", ["lètmein", "letmein", "\ud800", "x" * 5000])
def test_a_hash_of_django_costs_one_of_ours_as_well(passwords, verified, password):
    passwords.check(DJANGOS[0], password)
    assert (passwords._nobodys_hash, password if len(password) < 5000 else "") in verified


@pytest.mark.parametrize(
    "hash_",
    [
        "pbkdf2_sha1$12000$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=",
        "pbkdf2_sha256$0$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=",
        "pbkdf2_sha256$-1$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=",
        "pbkdf2_sha256$2000001$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=",
        "pbkdf2_sha256$999999999999$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=",
        "pbkdf2_sha256$١٢$seasalt2$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=",
        "pbkdf2_sha256$12000$$hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw=",
        "pbkdf2_sha256$12000$seasalt2$",
        "pbkdf2_sha256$12000$seasalt2$====hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyU",
        "!hlDLKsxgkgb1aeOppkM5atCYw5rPzAjCNQZ4NYyUROw",
        "lètmein",
    ],
)
def test_what_is_nearly_a_hash_of_django_fits_no_password(passwords, hash_):
    assert not passwords.check(hash_, "lètmein")
    assert not passwords.check(hash_, "")
    assert passwords.needs_rehash(hash_)


ALICE = {"username": "Alice-in-Chains", "email": "alice@example.org"}


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 10"),
        ("123456789", "at least 10"),
        ("x" * 1025, "at most 1024"),
        ("abcdefghi\ud800", "cannot be stored"),
        ("alice-IN-chains", "must not be the username"),
        ("ALICE@example.org", "must not be the username"),
        ("1234567890", "tried first"),
        ("qwertyuiop", "tried first"),
        ("QwertyUIOP", "tried first"),
        ("Password123", "tried first"),
    ],
)
def test_what_no_password_may_be(password, why):
    assert why in complaint(password, **ALICE).interpolate()


@pytest.mark.parametrize(
    "password", ["correct horse battery", "x" * 1024, "🐴" * 10, "  blanks  count  ", "\x00" * 10]
)
def test_any_other_password_will_do(password):
    assert complaint(password, **ALICE) is None
    assert complaint(password, username="bob", email=None) is None
