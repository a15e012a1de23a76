from __future__ import annotations

import pytest

from ponytracker.security.throttling import LIMITS, Limit, Purpose, Throttle, network
from ponytracker.text import fold


def test_an_account_waits_twice_as_long_each_time_to_a_minute():
    limit = LIMITS[Purpose.SIGN_IN].subject
    waits = [limit.wait(tries) for tries in range(14)]
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_address_waits_twice_as_long_each_time_to_a_quarter_of_an_hour():
    limit = LIMITS[Purpose.SIGN_IN].address
    assert [limit.wait(tries) for tries in (19, 20, 21, 29, 30, 31)] == [0, 1, 2, 512, 900, 900]


def test_many_tries_are_no_great_number():
    assert Limit(5, 1, 60).wait(10**9) == 60


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0db8:0001:0002::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:" + "x" * 100, "unix:" + "x" * 59),
    ],
)
def test_what_counts_as_one_place(address, place):
    assert network(address) == place


def test_a_name_is_kept_as_a_hash_that_only_this_site_can_make():
    here, elsewhere = Throttle("a" * 32), Throttle("b" * 32)
    subject = here.subject(Purpose.SIGN_IN, "hunter2")
    assert len(subject) == 64
    assert subject != elsewhere.subject(Purpose.SIGN_IN, "hunter2")
    assert subject != here.subject(Purpose.RESET, "hunter2")
    assert subject == here.subject(Purpose.SIGN_IN, "HUNTER2")
    assert subject == here.subject(Purpose.SIGN_IN, fold("Hunter2"))
