"""Two people who edit one text: nothing is overwritten unseen, and nothing typed is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ponytracker.issues import service
from ponytracker.models import Event, EventKind
from tests.functional.issues.test_comment_views import messages

TOLD = "Someone else has changed this since you opened it."


@pytest.fixture
def issue(world):
    return world.issue(world.project("web"), title="Title", text="one two three\n")


@pytest.fixture
def comment(session, issue):
    event = service.comment(session, issue, None, text="one two three\n")
    session.commit()
    return event


@pytest.fixture
def pair(world, visitor_as):
    return [visitor_as(world.user(name, is_superuser=True)) for name in ("alice", "bob")]


@pytest.fixture(params=["description", "comment"])
def text(request, issue, comment, session):
    """Where a text is edited: the address, the form, the field, and what is stored."""
    if request.param == "description":
        event = service.find_description(session, issue)
        return "/web/issues/1/edit/", "issue-form", "description", event
    return f"/web/issues/1/comments/{comment.id}/edit/", "comment-form", "comment", comment


def saved(session, event):
    session.expire_all()
    return event.text


def told(page):
    part = page.html.select_one(".saved")
    return part and " ".join(part.text.split())


def difference(page):
    return page.html.select_one(".saved .difference")


def test_the_second_sees_what_the_first_has_changed_and_merges(pair, text, session):
    address, form, field, event = text
    mine, yours = (browser.get(address).forms[form] for browser in pair)
    mine[field] = "one 2 three\n"
    mine.submit().follow()
    yours[field] = "one two 3\n"
    page = yours.submit(status=422)
    assert saved(session, event) == "one 2 three\n"
    assert TOLD in told(page)
    assert "edited by alice" in told(page)
    assert difference(page).find("del").text == "two"
    assert difference(page).find("ins").text == "2"
    merged = page.forms[form]
    assert merged[field].value.strip() == "one two 3"
    merged[field] = "one 2 3\n"
    merged.submit().follow()
    assert saved(session, event) == "one 2 3\n"


def test_a_third_change_meanwhile_asks_again(pair, text, session):
    address, form, field, event = text
    mine, yours = (browser.get(address).forms[form] for browser in pair)
    mine[field] = "two"
    mine.submit().follow()
    yours[field] = "mine"
    page = yours.submit(status=422)
    third = pair[0].get(address).forms[form]
    third[field] = "three"
    third.submit().follow()
    page = page.forms[form].submit(status=422)
    assert (difference(page).find("del").text, difference(page).find("ins").text) == (
        "two",
        "three",
    )
    assert saved(session, event) == "three"
    page.forms[form].submit().follow()
    assert saved(session, event) == "mine"


def test_the_same_change_twice_is_no_conflict(pair, text, session):
    address, form, field, event = text
    forms = [browser.get(address).forms[form] for browser in pair]
    for each in forms:
        each[field] = "the same"
        page = each.submit().follow()
    assert "not modified." in messages(page)[0]
    assert saved(session, event) == "the same"


def test_a_preview_meanwhile_does_not_silence_the_question(pair, text, session):
    address, form, field, event = text
    yours = pair[1].get(address).forms[form]
    mine = pair[0].get(address).forms[form]
    mine[field] = "two"
    mine.submit().follow()
    yours[field] = "mine"
    page = yours.submit("preview", status=200)
    page.forms[form].submit(status=422)
    assert saved(session, event) == "two"


def test_where_the_beginning_is_not_known_what_is_saved_is_shown(pair, text, session):
    address, form, field, _event = text
    fields = {field: "mine", "title": "Title", "version": f"{field}=0123 title=4567 x"}
    page = pair[0].post_form(address, fields, status=422)
    assert difference(page).text == "one two three\n"
    assert not difference(page).find(["ins", "del"])
    assert page.forms[form][field].value.strip() == "mine"


def test_after_many_edits_the_beginning_is_still_known(pair, text, issue, session, world):
    address, form, field, event = text
    editor = world.user("carol")
    for number in range(25):
        if field == "comment":
            service.edit_comment(session, event, editor, text=f"edit {number}")
        else:
            service.edit_issue(
                session, issue, editor, title="Title", text=f"edit {number}", due_at=None
            )
    session.commit()
    mine, yours = (browser.get(address).forms[form] for browser in pair)
    mine[field] = "edit one"
    mine.submit().follow()
    yours[field] = "mine"
    page = yours.submit(status=422)
    assert (difference(page).find("del").text, difference(page).find("ins").text) == ("24", "one")


def test_different_fields_of_an_issue_are_merged_without_a_question(pair, issue, session):
    mine, yours = (browser.get("/web/issues/1/edit/").forms["issue-form"] for browser in pair)
    mine["title"], mine["due_date"] = "Better title", "2026-07-01T10:00"
    mine.submit().follow()
    yours["description"] = "Better text"
    page = yours.submit().follow()
    assert messages(page) == ["Issue updated successfully."]
    session.expire_all()
    assert (issue.title, issue.due_at.isoformat()) == ("Better title", "2026-07-01T10:00:00+00:00")
    assert service.find_description(session, issue).text == "Better text"


def test_a_title_and_a_due_date_that_both_have_changed_are_shown(pair, issue, session):
    mine, yours = (browser.get("/web/issues/1/edit/").forms["issue-form"] for browser in pair)
    mine["title"], mine["due_date"] = "Their title", "2026-07-01T10:00"
    mine.submit().follow()
    yours["title"], yours["due_date"], yours["description"] = "My title", "2026-08-01T10:00", "Mine"
    page = yours.submit(status=422)
    assert "Title: Their title" in told(page)
    assert "Due date: Jul 1, 2026, 10:00 AM" in told(page)
    assert difference(page) is None
    form = page.forms["issue-form"]
    assert [form[name].value.strip() for name in ("title", "due_date", "description")] == [
        "My title",
        "2026-08-01T10:00",
        "Mine",
    ]
    session.expire_all()
    assert issue.title == "Their title"
    form.submit().follow()
    session.expire_all()
    assert issue.title == "My title"


def test_of_a_conflict_the_fields_left_alone_take_what_is_saved(pair, issue):
    mine, yours = (browser.get("/web/issues/1/edit/").forms["issue-form"] for browser in pair)
    mine["title"], mine["due_date"], mine["description"] = "Their title", "2026-07-01T10:00", "x"
    mine.submit().follow()
    yours["description"] = "Mine"
    form = yours.submit(status=422).forms["issue-form"]
    assert (form["title"].value, form["due_date"].value) == ("Their title", "2026-07-01T10:00")


# Fields that are not sent


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"title": "New"}, EventKind.RENAMED),
        ({"due_date": "2026-08-01T10:00"}, EventKind.DUE_CHANGED),
        ({"due_date": ""}, EventKind.DUE_UNSET),
        ({"description": "New"}, None),
        ({}, None),
    ],
)
def test_a_field_that_is_not_sent_stays_as_it_is(pair, issue, session, fields, kind):
    full = {"title": "Title", "due_date": "2026-07-01T10:00", "description": "Text"}
    pair[0].post_form("/web/issues/1/edit/", full).follow()
    pair[1].post_form("/web/issues/1/edit/", fields).follow()
    form = pair[0].get("/web/issues/1/edit/").forms["issue-form"]
    assert {name: form[name].value.strip() for name in full} == {**full, **fields}
    kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds[2:] == ([kind] if kind else [])


# Expired forms


FORMS = {
    "/web/issues/add/": {"title": "New", "description": "A long text", "due_date": ""},
    "/web/issues/1/edit/": {"title": "New", "description": "A long text", "version": "x"},
    "/web/issues/1/comment/": {"comment": "A long text", "change-state": "close"},
    "/web/issues/1/comments/{comment}/edit/": {"comment": "A long text", "version": "x"},
    "/web/issues/1/assign/": {"assignee": "alice"},
    "/web/issues/1/close/": {"reason": "duplicate"},
}


@pytest.mark.parametrize("address", FORMS)
@pytest.mark.parametrize("expired", ["token", "session"])
def test_a_form_that_expired_comes_back_and_can_be_sent_again(
    pair, visitor, comment, session, address, expired
):
    fields = FORMS[address]
    path = address.format(comment=comment.id)
    if expired == "token":
        page = pair[0].post(path, {**fields, "csrf_token": "old"}, status=400)
    else:
        page = visitor.post_form(path, fields, status=403)
    form = page.forms["again-form"]
    for name, value in fields.items():
        assert form[name].value.replace("\r\n", "\n").strip() == value
    if expired == "session":
        visitor.sign_in("alice").follow()
        # As the page itself says: signed in on another page, sent again here.
        form = visitor.post(path, form.submit_fields(), status=400).forms["again-form"]
    # A version that is not known asks first what to do with what is saved.
    if "version" in fields:
        answer = form.submit(status=422)
        form = answer.forms["issue-form" if "title" in fields else "comment-form"]
    form.submit(status=303)
    if "A long text" in fields.values():
        session.expire_all()
        assert "A long text" in session.scalars(select(Event.text)).all()
