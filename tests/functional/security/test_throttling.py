from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from ponytracker.models import Attempt
from ponytracker.security.throttling import REMEMBERED, Purpose, Throttle

HERE, THERE = "192.0.2.1", "198.51.100.1"


pytestmark = pytest.mark.usefixtures("still")


@pytest.fixture
def throttle(settings):
    return Throttle(settings.secret)


@pytest.fixture
def fail(session, throttle):
    """Return a function that tries in vain, and says how long it should have waited."""

    def fail(name="alice", address=HERE, purpose=Purpose.SIGN_IN):
        attempt_id = throttle.write(session, purpose, name, address)
        return throttle.seconds_to_wait(session, attempt_id)

    return fail


def earlier(session, seconds):
    """Let everything have happened *seconds* before."""
    for attempt in session.scalars(select(Attempt)):
        attempt.at -= dt.timedelta(seconds=seconds)
    session.flush()


def count(session):
    return session.scalar(select(func.count()).select_from(Attempt))


def test_an_account_is_slowed_down_from_everywhere(session, fail):
    assert [fail(address=f"192.0.2.{n}") for n in range(5)] == [0] * 5
    assert fail(address=THERE) == 1
    assert fail("ALICE") == 2
    assert fail("bob") == 0


def test_the_wait_counts_from_the_last_try(session, fail):
    for _ in range(7):
        fail()
    earlier(session, 3)
    assert fail() == 1
    earlier(session, 60)
    assert fail() == 0


def test_an_address_is_slowed_down_for_every_account(fail):
    assert [fail(f"user{n}") for n in range(20)] == [0] * 20
    assert fail("user20") == 1
    assert fail("user21") == 2
    assert fail("user22", THERE) == 0


def test_a_network_of_ipv6_is_one_address(fail):
    for n in range(20):
        fail(f"user{n}", f"2001:db8::{n:x}")
    assert fail("user20", "2001:db8::ffff:1") == 1
    assert fail("user21", "2001:db8:0:1::1") == 0


def test_what_is_tried_for_one_purpose_counts_for_no_other(fail):
    for _ in range(6):
        fail()
    assert fail(purpose=Purpose.RESET) == 0


def test_a_success_forgives_the_account_and_not_the_others_of_that_address(session, throttle, fail):
    for n in range(18):
        fail(f"user{n}")
    for _ in range(4):
        fail("mallory")
    throttle.forgive(session, Purpose.SIGN_IN, "Mallory")
    assert count(session) == 18
    assert [fail(f"other{n}") for n in range(3)] == [0, 0, 1]


def test_tries_are_forgotten_after_an_hour_and_swept(session, fail):
    for _ in range(30):
        fail()
    earlier(session, REMEMBERED.total_seconds() + 1)
    assert fail() == 0
    assert count(session) == 1


def test_a_clock_that_is_ahead_lets_nobody_in_earlier(session, fail):
    for _ in range(6):
        fail()
    earlier(session, -30)
    assert fail() == 2


def test_tries_by_a_clock_that_was_ahead_keep_nobody_waiting(session, fail):
    for _ in range(9):
        fail()
    earlier(session, -2 * REMEMBERED.total_seconds())
    assert fail() == 0
    assert count(session) == 1  # and are swept
