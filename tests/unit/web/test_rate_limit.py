from __future__ import annotations

import dataclasses
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.security.principals import ANONYMOUS
from ponytracker.web.rate_limit import MINUTE, OF_A_NETWORK, RateLimit, TokenBuckets

HERE, THERE = "192.0.2.1", "198.51.100.1"


class Clock:
    def __init__(self):
        self.now = 5 * MINUTE

    def __call__(self):
        return self.now

    def pass_(self, seconds):
        self.now += round(seconds * 10**9)


@pytest.fixture
def clock():
    return Clock()


def who(user_id=None, address=HERE):
    return dataclasses.replace(ANONYMOUS, user_id=user_id, address=address)


@pytest.mark.parametrize("size", [1, 7, 30, 60, 1_000_000])
def test_a_full_bucket_has_its_size(clock, size):
    buckets = TokenBuckets(size, clock)
    taken = min(size, 5000)
    assert {buckets.take("a") for _ in range(taken)} == {0}
    assert (buckets.take("a") > 0) == (taken == size)
    assert buckets.take("b") == 0


def test_an_empty_bucket_gives_a_token_each_time_one_has_come(clock):
    buckets = TokenBuckets(6, clock)
    for _ in range(6):
        buckets.take("a")
    assert (buckets.take("a"), buckets.wait("a")) == (10, 10)
    clock.pass_(9.5)
    assert buckets.take("a") == 1
    clock.pass_(0.5)
    assert (buckets.wait("a"), buckets.take("a"), buckets.take("a")) == (0, 0, 10)
    clock.pass_(3600)
    assert [buckets.take("a") for _ in range(7)] == [0] * 6 + [10]


@given(
    size=st.integers(1, 100),
    pauses=st.lists(st.integers(0, 20 * 10**9), min_size=1, max_size=300),
)
def test_in_no_time_is_more_taken_than_the_bucket_and_what_came_in(size, pauses):
    clock, taken, refused = Clock(), 0, 0
    buckets = TokenBuckets(size, clock)
    begun = clock.now
    for pause in pauses:
        clock.now += pause
        wait = buckets.take("a")
        taken += not wait
        refused += bool(wait)
        assert taken <= size + (clock.now - begun) * size / MINUTE + 1e-6
        if wait:  # and who waits as long as told gets one
            later = Clock()
            later.now = clock.now + wait * 10**9
            buckets._clock = later
            assert buckets.wait("a") == 0
            buckets._clock = clock
    assert taken + refused == len(pauses)


def test_those_who_take_at_once_take_no_token_twice(clock):
    buckets, taken = TokenBuckets(500, clock), []

    def take():
        taken.extend(buckets.take("a") for _ in range(200))

    threads = [Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(0) == 500


def test_what_is_full_again_is_forgotten(clock):
    buckets = TokenBuckets(60, clock)
    for n in range(5000):
        buckets.take(n)
        clock.pass_(0.1)
    assert len(buckets._full_at) <= 1000


def test_an_account_has_its_own_limit_wherever_it_is(clock):
    limit = RateLimit(3, clock)
    assert [limit.take(who(7, address)) for address in (HERE, THERE, HERE)] == [0, 0, 0]
    assert limit.take(who(7, THERE)) == 20
    assert limit.take(who(8)) == 0


def test_a_network_has_tenfold_for_all_that_are_in_it(clock):
    limit = RateLimit(3, clock)
    taken = [limit.take(who(n, f"2001:db8::{n:x}")) for n in range(1, 3 * OF_A_NETWORK + 2)]
    assert taken == [0] * 3 * OF_A_NETWORK + [2]
    assert limit.take(who(1, THERE)) == 0


def test_nobody_uses_up_what_is_others(clock):
    limit = RateLimit(3, clock)
    assert [limit.take(who(7)) for _ in range(100)].count(0) == 3
    assert [limit.take(who()) for _ in range(100)].count(0) == 3 * OF_A_NETWORK
    assert limit.take(who(8)) == 0
    assert limit.take(who()) == 2


def test_superusers_are_free(clock):
    limit = RateLimit(3, clock)
    root = dataclasses.replace(who(1), is_superuser=True)
    assert {limit.take(root) for _ in range(100)} == {0}


def test_where_no_address_is_known_only_accounts_are_counted(clock):
    limit = RateLimit(3, clock)
    assert [limit.take(who(None, "")) for _ in range(100)] == [0] * 100
    assert [limit.take(who(7, "")) for _ in range(4)] == [0, 0, 0, 20]
