from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from sqlalchemy import String, literal, select, type_coerce
from sqlalchemy.exc import StatementError

from ponytracker.models import Event, EventKind, Project
from ponytracker.models.base import SafeHtml, UtcDateTime


def stored(session, value, type_):
    return session.scalar(select(type_coerce(literal(value, type_), type_)))


TIMES = st.datetimes(
    dt.datetime(1900, 1, 2),  # noqa: DTZ001 - the zones are drawn
    dt.datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([dt.UTC, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")]),
)


@given(time=TIMES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_time_is_stored_in_utc_to_the_microsecond(session, time):
    found = stored(session, time, UtcDateTime())
    assert found == time.astimezone(dt.UTC)
    assert found.tzinfo is dt.UTC


def test_no_time_is_stored_as_none(session):
    assert stored(session, None, UtcDateTime()) is None


def test_a_time_without_a_zone_is_refused(session):
    with pytest.raises(StatementError, match="without a zone"):
        stored(session, dt.datetime(2026, 7, 1), UtcDateTime())  # noqa: DTZ001


def test_times_sort_as_they_follow_each_other(world, session):
    early = dt.datetime(2026, 7, 1, 0, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    late = dt.datetime(2026, 6, 30, 20, 0, tzinfo=ZoneInfo("UTC"))
    for name, time in (("b", late), ("a", early)):
        world.project(name).created_at = time
    session.flush()
    names = session.scalars(select(Project.name).order_by(Project.created_at)).all()
    assert names == ["a", "b"]


def test_html_comes_back_as_html(session):
    found = stored(session, Markup("<b>x</b>"), SafeHtml())
    assert (type(found), found) == (Markup, "<b>x</b>")
    assert stored(session, None, SafeHtml()) is None


def test_a_plain_string_is_refused_as_html(session):
    with pytest.raises(StatementError, match=r"markup\.render"):
        stored(session, "<b>x</b>", SafeHtml())


def test_an_event_cannot_be_given_a_plain_string_as_html(world, session):
    issue = world.issue(world.project("web"))
    event = session.scalars(select(Event).where(Event.issue_id == issue.id)).one()
    event.html = "<script>"
    with pytest.raises(StatementError, match=r"markup\.render"):
        session.flush()
    session.rollback()


def test_a_closed_list_of_words_is_stored_as_its_words(world, session):
    world.issue(world.project("web"))
    raw = session.scalar(select(type_coerce(Event.kind, String)))
    assert raw == "opened"
    assert session.scalar(select(Event.kind)) is EventKind.OPENED
