from __future__ import annotations

import datetime as dt
import uuid
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob.multidict import MultiDict
from wtforms import validators

from ponytracker.security.principals import Identity
from ponytracker.web.forms import (
    Form,
    LineField,
    LocalTimeField,
    SubmissionField,
    TextField,
    posted_text,
)


class EveryField(Form):
    line = LineField("Line", [validators.Length(max=5)])
    text = TextField("Text")
    due = LocalTimeField("Due")
    submission = SubmissionField()


def request(*posted, method="POST", time_zone="UTC"):
    return SimpleNamespace(
        method=method,
        POST=MultiDict(posted),
        identity=Identity(user_id=1, time_zone=time_zone),
        response=SimpleNamespace(status_int=200),
    )


def filled(*posted, **kw):
    form = EveryField(request(*posted, **kw))
    form.validate()
    return form


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def test_a_line_is_one_line_without_blanks_around_it():
    assert filled(("line", " a\r\nb\t")).line.data == "a b"


def test_a_text_stays_as_it_was_typed_but_for_its_line_ends():
    assert filled(("text", "  a\r\n\r\n b \x00")).text.data == "  a\n\n b "


def test_a_lone_surrogate_is_replaced():
    assert filled(("text", "a\ud800b"), ("line", "\udfff")).data["text"] == "a\ufffdb"


def test_fields_that_are_not_posted_are_empty():
    form = filled()
    assert (form.line.data, form.text.data, form.due.data) == ("", "", None)


def test_of_a_field_that_is_posted_twice_the_first_counts():
    assert filled(("line", "a"), ("line", "b")).line.data == "a"


def test_a_file_where_a_text_belongs_counts_as_nothing():
    upload = SimpleNamespace(file=None, filename="a.txt")
    assert filled(("line", upload), ("text", upload)).data["text"] == ""
    assert posted_text(request(("data", upload)), "data") == ""


def test_a_text_that_belongs_to_no_form_is_cleaned_too():
    assert posted_text(request(("data", "a\r\nb\x00\ud800")), "data") == "a\nb\ufffd"
    assert posted_text(request(), "data") == ""


def test_what_is_not_posted_is_shown_as_it_is():
    form = EveryField(request(method="GET"), line="old", due=utc(2026, 7, 1, 10))
    assert form.line.data == "old"
    assert 'value="2026-07-01T10:00"' in form.due()


def test_only_a_post_of_valid_values_is_accepted():
    assert EveryField(request(("line", "12345"))).accepts()
    assert not EveryField(request(method="GET")).accepts()


def test_what_is_refused_is_answered_with_422():
    asked = request(("line", "123456"))
    form = EveryField(asked)
    assert not form.accepts()
    assert asked.response.status_int == 422
    assert form.line.data == "123456"
    assert form.line.errors


def test_a_preview_is_neither_accepted_nor_refused():
    asked = request(("line", "123456"), ("preview", "1"))
    form = EveryField(asked)
    assert not form.accepts()
    assert (asked.response.status_int, form.line.errors) == (200, ())


@pytest.mark.parametrize("raw", ["", "x", "0" * 31, "{}", "../" * 12])
def test_a_submission_that_is_no_id_gets_one(raw):
    ids = {EveryField(request(("submission", raw))).submission.data for _ in range(3)}
    assert len(ids) == 3
    assert all(str(uuid.UUID(id_)) == id_ for id_ in ids)


def test_a_submission_keeps_its_id_however_it_is_written():
    id_ = uuid.uuid4()
    assert EveryField(request(("submission", id_.hex.upper()))).submission.data == str(id_)


def test_a_form_sent_twice_is_the_same_and_with_other_words_another():
    def sent(id_, token="a token", **texts):
        aside = ("submission", str(id_)), ("csrf_token", token)
        return filled(*aside, *texts.items()).submission.data

    one, other = uuid.UUID(int=1), uuid.UUID(int=2)
    assert sent(one, line="a", text="b") == sent(one, "another", line="a", text="b")
    ids = [sent(one), sent(other), sent(one, line="a"), sent(one, text="a"), sent(one, text="b")]
    assert len(set(ids)) == len(ids)


def test_each_form_that_is_shown_has_an_id_of_its_own():
    ids = {EveryField(request(method="GET")).submission.data for _ in range(10)}
    assert len(ids) == 10


@pytest.mark.parametrize(
    ("typed", "time_zone", "due"),
    [
        ("2026-07-01T10:00", "UTC", utc(2026, 7, 1, 10)),
        ("2026-07-01T10:00", "Europe/Paris", utc(2026, 7, 1, 8)),
        ("2026-01-01T10:00", "Europe/Paris", utc(2026, 1, 1, 9)),
        ("2026-07-01T10:00:30", "Asia/Kolkata", utc(2026, 7, 1, 4, 30, 30)),
        ("2026-07-01 10:00", "America/New_York", utc(2026, 7, 1, 14)),
        (" 2026-07-01 ", "UTC", utc(2026, 7, 1)),
        ("", "UTC", None),
        ("   ", "UTC", None),
    ],
)
def test_a_time_is_read_in_the_zone_of_whoever_types_it(typed, time_zone, due):
    form = filled(("due", typed), time_zone=time_zone)
    assert (form.due.data, form.due.errors) == (due, [] if typed.strip() else form.due.errors)


@pytest.mark.parametrize(
    "typed",
    ["tomorrow", "2026-13-01", "2026-02-30T00:00", "2026-07-01T25:00", "0000-01-01", "1", "\x00"],
)
def test_what_is_no_time_is_refused_and_kept(typed):
    form = filled(("due", typed))
    assert form.due.data is None
    assert len(form.due.errors) == (1 if typed.strip("\x00") else 0)
    assert f'value="{typed.strip(chr(0))}"' in form.due()


@pytest.mark.parametrize("typed", ["0001-01-01T00:00", "9999-12-31T23:59", "0999-12-31T00:00"])
@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_a_time_that_not_every_zone_can_show_is_refused(typed, time_zone):
    form = filled(("due", typed), time_zone=time_zone)
    assert form.due.data is None
    assert form.due.errors


@pytest.mark.parametrize(
    "due",
    [
        utc(2026, 7, 1, 10),
        utc(2026, 7, 1, 10, 0, 59, 999_999),
        # Twice that night the clocks of Paris show 2:30: this is the second time.
        utc(2026, 10, 25, 1, 30),
    ],
)
def test_a_time_that_is_sent_back_as_it_was_shown_stays_what_it_is(due):
    shown = EveryField(request(method="GET", time_zone="Europe/Paris"), due=due).due._value()
    sent = EveryField(request(("due", shown), time_zone="Europe/Paris"), due=due)
    assert sent.due.data == due


@given(st.text(st.characters(exclude_categories=())))
def test_no_time_field_fails_on_what_is_typed(typed):
    form = filled(("due", typed), time_zone="Pacific/Kiritimati")
    form.due()


@given(st.lists(st.tuples(st.sampled_from(["line", "text", "submission"]), st.text())))
def test_no_form_fails_on_what_is_posted(posted):
    form = filled(*posted)
    assert set(form.data) == {"line", "text", "due", "submission"}
