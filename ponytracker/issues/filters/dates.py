"""The dates of the filter language: how they are written, and from when to when each is."""

from __future__ import annotations

import calendar
import datetime as dt
import re

_ABSOLUTE = re.compile(
    r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII | re.IGNORECASE
)
_RELATIVE = re.compile(r"([+-]?)(\d{1,4})([dwmy])", re.ASCII | re.IGNORECASE)
_NAMED = {"yesterday": -1, "today": 0, "tomorrow": 1}

_BEGINNING = dt.datetime.min.replace(tzinfo=dt.UTC)
_END = dt.datetime.max.replace(tzinfo=dt.UTC)

_ANY_DAY = dt.date(2000, 2, 29)

Period = tuple[dt.datetime, dt.datetime]
"""From when, and until when, which is no part of it any more. In UTC."""


def written(raw: str) -> str | None:
    """Return the one way to write the date *raw*; nothing where it is none."""
    name = raw.removeprefix("@").lower()
    if name in _NAMED:
        return name
    if found := _RELATIVE.fullmatch(raw):
        sign, number, unit = found.groups()
        return f"{sign or '+'}{int(number)}{unit.lower()}"
    if not _ABSOLUTE.fullmatch(raw):
        return None
    try:
        _start(raw.upper())
    except ValueError:
        return None
    return raw.upper()


def is_relative(date: str) -> bool:
    """Return whether *date*, as `written`, is another one tomorrow."""
    return _ABSOLUTE.fullmatch(date) is None


def period(date: str, today: dt.date, zone: dt.tzinfo) -> Period:
    """Return from when to when *date*, as `written`, is for someone in *zone*, where it is *today*.

    `2026` is the whole year, `2026-01` the month, `T10:30` the minute (FILTERS.md §2).
    """
    if is_relative(date):
        start: dt.date = _relative(date, today)
        length = "day"
    else:
        start, length = _start(date)
    return _utc(start, zone), _utc(_after(start, length), zone)


def is_backwards(low: str, high: str) -> bool:
    """Return whether nothing can be from *low* to *high*, whatever day it is."""
    if is_relative(low) is not is_relative(high):
        return False
    return period(low, _ANY_DAY, dt.UTC)[0] >= period(high, _ANY_DAY, dt.UTC)[1]


def _start(date: str) -> tuple[dt.date, str]:
    """Return when *date* begins, as it is written, and how long it is."""
    if len(date) > len("2026-01-31"):
        return dt.datetime.fromisoformat(date), "second" if date[16:17] == ":" else "minute"
    length = {4: "year", 7: "month", 10: "day"}[len(date)]
    return dt.date.fromisoformat((date + "-01-01")[:10]), length


def _after(start: dt.date, length: str) -> dt.date:
    """Return when what begins at *start* is over."""
    try:
        match length:
            case "year":
                return start.replace(year=start.year + 1)
            case "month":
                return start + dt.timedelta(days=calendar.monthrange(start.year, start.month)[1])
            case "day":
                return start + dt.timedelta(days=1)
        return start + dt.timedelta(minutes=1 if length == "minute" else 1 / 60)
    except (ValueError, OverflowError):
        return _END


def _relative(date: str, today: dt.date) -> dt.date:
    """Return the day that *date* is; a month after the 31st is the last day of a shorter one."""
    if date in _NAMED:
        date = f"{_NAMED[date]:+}d"
    number, unit = int(date[:-1]), date[-1]
    try:
        if unit in "dw":
            return today + dt.timedelta(days=number * (7 if unit == "w" else 1))
        months = today.year * 12 + today.month - 1 + number * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return dt.date(year, month + 1, min(today.day, last))
    except (ValueError, OverflowError):
        return dt.date.min if number < 0 else dt.date.max


def _utc(moment: dt.date, zone: dt.tzinfo) -> dt.datetime:
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        return _BEGINNING if moment.year == 1 else _END
