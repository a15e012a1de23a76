"""The dates of the filter language: how they are written, and what they mean where."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.issues.filters.dates import is_backwards, period, written

TODAY = dt.date(2026, 3, 31)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("date", "start", "end"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-02", "2026-02-01", "2026-03-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2026-01-05T10:30", "2026-01-05T10:30", "2026-01-05T10:31"),
        ("2026-01-05T10:30:07", "2026-01-05T10:30:07", "2026-01-05T10:30:08"),
        ("2026-01-05T10:30Z", "2026-01-05T10:30", "2026-01-05T10:31"),
        ("2026-01-05T10:30-07:00", "2026-01-05T17:30", "2026-01-05T17:31"),
        ("2026-01-05T10:30:07+07:00", "2026-01-05T03:30:07", "2026-01-05T03:30:08"),
        ("today", "2026-03-31", "2026-04-01"),
        ("yesterday", "2026-03-30", "2026-03-31"),
        ("tomorrow", "2026-04-01", "2026-04-02"),
        ("-7d", "2026-03-24", "2026-03-25"),
        ("+2w", "2026-04-14", "2026-04-15"),
        ("+3m", "2026-06-30", "2026-07-01"),
        ("-1m", "2026-02-28", "2026-03-01"),
        ("-13m", "2025-02-28", "2025-03-01"),
        ("+9m", "2026-12-31", "2027-01-01"),
        ("-1y", "2025-03-31", "2025-04-01"),
    ],
)
def test_from_when_to_when(date, start, end):
    expected = tuple(dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC) for at in (start, end))
    assert period(date, TODAY, dt.UTC) == expected


def test_a_day_is_that_of_the_readers_zone():
    start, end = period("2026-03-29", TODAY, BERLIN)  # which has 23 hours
    assert start.isoformat() == "2026-03-28T23:00:00+00:00"
    assert end.isoformat() == "2026-03-29T22:00:00+00:00"
    assert period("2026-06-01T12:00", TODAY, BERLIN)[0].hour == 10


@pytest.mark.parametrize(
    ("raw", "date"),
    [
        ("2026", "2026"),
        ("2026-01-05t10:30z", "2026-01-05T10:30Z"),
        ("@today", "today"),
        ("Tomorrow", "tomorrow"),
        ("3M", "+3m"),
        ("-007d", "-7d"),
        ("26", None),
        ("2026-1", None),
        ("2026-00", None),
        ("2026-02-29", None),
        ("0000", None),
        ("2026-01-05T10", None),
        ("2026-01-05T24:00", None),
        ("2026-01-05T10:30+24:00", None),
        ("2026-01-05Z", None),
        ("+12345d", None),
        ("3 d", None),
        ("٢٠٢٦", None),
        ("", None),
        ("@", None),
    ],
)
def test_how_it_is_written(raw, date):
    assert written(raw) == date
    if date:
        assert written(date) == date


@given(
    st.sampled_from(["9999", "0001", "9999-12-31", "0001-01-01T00:00+14:00", "9999-12-31T23:59"])
    | st.from_regex(r"[+-][0-9]{1,4}[dwmy]", fullmatch=True),
    st.dates(),
    st.sampled_from([dt.UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")]),
)
def test_the_ends_of_time_are_no_error(date, today, zone):
    start, end = period(written(date), today, zone)
    assert start <= end
    assert start.tzinfo is end.tzinfo is dt.UTC


def test_what_ends_before_it_begins():
    assert is_backwards("2026-02", "2026-01")
    assert is_backwards("today", "-1d")
    assert not is_backwards("2026-02", "2026-02-01")
    assert not is_backwards("today", "2020"), "which may once have been today"
