from __future__ import annotations

import datetime as dt
import uuid

import pytest
from markdown_it import MarkdownIt
from sqlalchemy import delete, func, select

from ponytracker import markup
from ponytracker.issues import service
from ponytracker.issues.recording import record
from ponytracker.models import (
    Event,
    EventKind,
    Grant,
    Issue,
    IssueSubscription,
    Label,
    Milestone,
    TextRevision,
)
from ponytracker.models.base import now
from tests.databases import count_queries


@pytest.fixture
def alice(world):
    return world.user("alice")


@pytest.fixture
def web(world):
    return world.project("web")


@pytest.fixture
def issue(world, web, alice):
    return world.issue(web, alice, title="It fails", text="As *always*")


@pytest.fixture
def admin(world, visitor_as):
    world.user("admin", is_superuser=True)
    return visitor_as("admin")


@pytest.fixture
def events(session):
    """Return a function that reads all events, oldest first."""

    def read(*kinds):
        session.expire_all()
        found = session.scalars(select(Event).order_by(Event.id)).all()
        return [event for event in found if not kinds or event.kind in kinds]

    return read


def errors(page, field):
    return [error.text.strip() for error in page.html.select(f"#{field}-error")]


def words(page, selector):
    return " ".join(page.html.select_one(selector).text.split())


def timeline(page):
    return [" ".join(line.text.split()) for line in page.html.select(".timeline > li")]


def messages(page):
    return [alert.text.strip() for alert in page.html.select("main > .alert")]


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def test_story(world, visitor_as, visitor):
    admin = world.user("admin", is_superuser=True)
    browser = visitor_as(admin)
    page = browser.get("/").follow()
    assert "Start by creating a project." in page
    page.forms["project-form"]["display_name"] = "Web site"
    page.forms["project-form"]["name"] = "web"
    page = page.forms["project-form"].submit().follow()
    assert "Project added successfully." in page
    page = page.click("New issue")
    page.forms["issue-form"]["title"] = "First"
    page.forms["issue-form"]["description"] = "It *fails*"
    page.forms["issue-form"]["due_date"] = "2026-12-01T10:00"
    page = page.forms["issue-form"].submit().follow()
    assert "<em>fails</em>" in page
    form = page.forms["comment-form"]
    form["comment"] = "seen"
    page = form.submit().follow()
    assert "Comment added successfully." in page
    form = page.forms["comment-form"]
    form["comment"] = "done"
    page = form.submit("change-state").follow()
    assert "Comment added successfully and issue closed." in page
    assert "No issues match" in page
    page = page.click("Closed").click("First")
    page = page.forms["state-form"].submit().follow()
    assert "Issue reopened." in page
    page = page.click(href="issues/1/edit/", index=0)
    page.forms["issue-form"]["title"] = "Second"
    page = page.forms["issue-form"].submit().follow()
    assert "Issue updated successfully." in page
    assert visitor.get("/web/issues/1/").status_code == 200


# Opening an issue


def test_opening_an_issue(web, alice, visitor_as, session, events):
    page = visitor_as("alice").get("/web/issues/").click("New issue")
    form = page.forms["issue-form"]
    form["title"] = "  It\tfails "
    form["description"] = "One\r\n*two*"
    answer = form.submit()
    assert answer.location == "http://localhost/web/issues/1/"
    page = answer.follow()
    assert messages(page) == ["Issue created successfully."]
    assert "It fails #1" in words(page, ".issue-head h1")
    (event,) = events()
    assert (event.kind, event.text, event.actor_id) == (EventKind.OPENED, "One\n*two*", alice.id)
    assert event.args == {"title": "It fails"}
    assert event.html == markup.render("One\n*two*")
    assert event.html_version == markup.RENDERER_VERSION
    subscription = session.scalars(select(IssueSubscription)).one()
    assert (subscription.user_id, subscription.reason) == (alice.id, "author")


def test_numbers_follow_each_other_within_each_project(world, web, admin):
    other = world.project("other")
    world.issue(other)
    for number in (1, 2, 3):
        answer = admin.post_form("/web/issues/add/", {"title": "x"})
        assert answer.location == f"http://localhost/web/issues/{number}/"
    assert admin.post_form("/other/issues/add/", {"title": "x"}).location.endswith("/issues/2/")


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"title": ""}, "title", "Give the issue a title."),
        ({"title": " \t\r\n\x00"}, "title", "Give the issue a title."),
        ({"title": "t" * 256}, "title", "At most 255 characters."),
        (
            {"description": "d" * 262_145},
            "description",
            "At most 262144 characters. Attach or link what is longer.",
        ),
        ({"due_date": "soon"}, "due_date", "Write the time like 2026-12-31 18:00."),
        ({"due_date": "9999-12-31T23:59"}, "due_date", "Write the time like 2026-12-31 18:00."),
    ],
)
def test_what_is_refused_comes_back_with_the_reason(web, admin, events, fields, field, message):
    typed = {"title": "Title", "description": "\nText & <b>", "due_date": "2026-07-01T10:00"}
    page = admin.post_form("/web/issues/add/", {**typed, **fields}, status=422)
    assert errors(page, field) == [message]
    form = page.forms["issue-form"]
    for name, value in {**typed, **fields}.items():
        if name != "title" or value.isprintable():
            assert form[name].value.replace("\r\n", "\n") == value
    assert events() == []


def test_a_refused_form_can_be_mended_and_sent(web, admin, events):
    page = admin.post_form("/web/issues/add/", {"description": "a\n\n b"}, status=422)
    form = page.forms["issue-form"]
    form["title"] = "Now"
    form.submit().follow()
    assert [event.text for event in events()] == ["a\n\n b"]


def test_the_longest_title_is_kept_whole(web, admin, session):
    title = "\U0001f434" * 255
    admin.post_form("/web/issues/add/", {"title": title})
    assert session.scalar(select(Issue.title)) == title


@pytest.mark.parametrize(
    ("raw", "stored"),
    [("a\x00b", "ab"), ("a\x0bb", "a b"), ("a\u2028b", "a b"), ("<b>&amp;", "<b>&amp;")],
)
def test_what_a_title_may_hold(web, admin, session, raw, stored):
    page = admin.post_form("/web/issues/add/", {"title": raw}).follow()
    assert session.scalar(select(Issue.title)) == stored
    assert stored in page.html.select_one("h1.h3").text


def test_of_fields_that_are_sent_twice_the_first_counts(web, admin, events):
    fields = {"title": ["first", "second"], "description": ["one", "two"]}
    admin.post_form("/web/issues/add/", fields)
    assert [(event.args["title"], event.text) for event in events()] == [("first", "one")]


@pytest.mark.parametrize(
    ("address", "status"), [("add/", 422), ("1/edit/", 303), ("1/comment/", 422)]
)
def test_a_file_where_text_belongs_counts_as_nothing(issue, admin, events, address, status):
    before = len(events())
    token = admin.get("/web/issues/add/").forms["issue-form"]["csrf_token"].value
    names = ["title", "description", "due_date", "comment", "submission", "change-state"]
    files = [(name, "a.txt", b"text") for name in names]
    admin.post(f"/web/issues/{address}", {"csrf_token": token}, upload_files=files, status=status)
    assert len(events()) == before


def test_opening_needs_its_right(web, alice, session, visitor_as, visitor):
    session.execute(delete(Grant))
    session.commit()
    browser = visitor_as("alice")
    assert "New issue" not in browser.get("/web/issues/")
    browser.get("/web/issues/add/", status=403)
    browser.post_form("/web/issues/add/", {"title": "x"}, status=403)
    assert visitor.get("/web/issues/add/").location.startswith("http://localhost/login?next=")


# Sent twice


@pytest.mark.parametrize("address", ["add/", "1/comment/"])
def test_a_form_that_is_sent_twice_is_taken_once(issue, admin, events, address):
    fields = {"title": "Twice", "comment": "Twice", "submission": str(uuid.uuid4())}
    first = admin.post_form(f"/web/issues/{address}", fields)
    second = admin.post_form(f"/web/issues/{address}", fields)
    assert first.location.split("#")[0] == second.location.split("#")[0]
    assert len(events()) == 2
    assert second.follow().status_int == 200


def test_a_form_that_is_sent_from_two_tabs_is_taken_once(issue, alice, visitor_as, events):
    tabs = [visitor_as("alice"), visitor_as("alice")]
    fields = {"comment": "Twice", "submission": str(uuid.uuid4())}
    for tab in tabs:
        tab.post_form("/web/issues/1/comment/", fields, status=303)
    assert len(events(EventKind.COMMENTED)) == 1


def test_a_comment_that_closes_and_is_sent_twice_closes_once(issue, admin, events):
    fields = {"comment": "x", "change-state": "close", "submission": str(uuid.uuid4())}
    for _ in range(2):
        admin.post_form("/web/issues/1/comment/", fields, status=303)
    kinds = [event.kind for event in events()]
    assert kinds == [EventKind.OPENED, EventKind.COMMENTED, EventKind.CLOSED]


def test_going_back_and_writing_something_else_loses_nothing(issue, admin, events):
    # Going back, a browser shows the form as it was sent, with the id it had.
    submission = str(uuid.uuid4())
    for text in ("one", "two", "two"):
        fields = {"comment": text, "submission": submission}
        admin.post_form("/web/issues/1/comment/", fields, status=303)
        fields = {"title": text, "submission": submission}
        admin.post_form("/web/issues/add/", fields, status=303)
    assert [event.text for event in events(EventKind.COMMENTED)] == ["one", "two"]
    titles = [event.args["title"] for event in events(EventKind.OPENED)]
    assert titles == ["It fails", "one", "two"]


# Commenting


def test_commenting(issue, visitor_as, world, session, events):
    bob = world.user("bob")
    browser = visitor_as("bob")
    form = browser.get("/web/issues/1/").forms["comment-form"]
    form["comment"] = "I see **it** too"
    answer = form.submit()
    event = events()[-1]
    assert answer.location == f"http://localhost/web/issues/1/#event-{event.id}"
    page = answer.follow()
    assert messages(page) == ["Comment added successfully."]
    assert "<strong>it</strong>" in page
    assert page.html.find(id=f"event-{event.id}")
    assert "1 comment" in page.html.select_one(".issue-state").text
    assert session.get(IssueSubscription, (issue.id, bob.id)).reason == "commented"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Write a comment first."),
        (" \r\n\t", "Write a comment first."),
        ("\x00", "Write a comment first."),
        ("c" * 262_145, "At most 262144 characters. Attach or link what is longer."),
    ],
)
def test_a_comment_that_is_refused(issue, admin, events, typed, message):
    fields = {"comment": typed, "change-state": "close"}
    page = admin.post_form("/web/issues/1/comment/", fields, status=422)
    assert errors(page, "comment") == [message]
    assert "It fails" in page
    if typed.startswith("c"):
        assert page.forms["comment-form"]["comment"].value == typed
    assert len(events()) == 1


@pytest.mark.parametrize("button", ["close", "1"])
def test_commenting_and_closing(issue, admin, events, button):
    fields = {"comment": "Done", "change-state": button}
    answer = admin.post_form("/web/issues/1/comment/", fields)
    assert answer.location == "http://localhost/web/issues/"
    assert messages(answer.follow()) == ["Comment added successfully and issue closed."]
    assert [event.kind for event in events()][1:] == [EventKind.COMMENTED, EventKind.CLOSED]


def test_reopening_and_commenting(issue, admin, events):
    admin.post_form("/web/issues/1/close/")
    form = admin.get("/web/issues/1/").forms["comment-form"]
    form["comment"] = "Not yet"
    answer = form.submit("change-state")
    assert "/web/issues/1/#event-" in answer.location
    page = answer.follow()
    assert "Issue reopened and comment added successfully." in messages(page)
    assert [event.kind for event in events()][2:] == [EventKind.COMMENTED, EventKind.REOPENED]


def test_closing_with_a_comment_what_another_has_closed_keeps_the_comment(issue, admin, events):
    form = admin.get("/web/issues/1/").forms["comment-form"]
    form["comment"] = "Done"
    admin.post_form("/web/issues/1/close/")
    form.submit("change-state").follow()
    kinds = [event.kind for event in events()]
    assert kinds == [EventKind.OPENED, EventKind.CLOSED, EventKind.COMMENTED]


def test_closing_with_a_comment_needs_both_rights(issue, world, visitor_as, events):
    world.user("bob")
    browser = visitor_as("bob")
    assert "Comment and close" not in browser.get("/web/issues/1/")
    fields = {"comment": "x", "change-state": "close"}
    browser.post_form("/web/issues/1/comment/", fields, status=403)
    assert len(events()) == 1


def test_who_may_not_comment_is_told_why(issue, alice, session, visitor_as, visitor):
    page = visitor.get("/web/issues/1/")
    assert "comment-form" not in page.forms
    assert page.click("To post a comment, please sign in.").forms["login-form"]["next"].value == (
        "/web/issues/1/"
    )
    session.execute(delete(Grant))
    session.commit()
    browser = visitor_as("alice")
    assert "Sorry, you are not allowed to comment this issue." in browser.get("/web/issues/1/")
    browser.post_form("/web/issues/1/comment/", {"comment": "x"}, status=403)


# Closing and reopening


@pytest.mark.parametrize(
    ("first", "second", "leads_to", "message", "again"),
    [
        (None, "close", "/web/issues/", "Issue closed.", "This issue is closed already."),
        ("close", "reopen", "/web/issues/1/", "Issue reopened.", "This issue is open already."),
    ],
)
def test_changing_the_state(issue, admin, session, first, second, leads_to, message, again):
    if first:
        admin.post_form(f"/web/issues/1/{first}/").follow()
    page = admin.get(f"/web/issues/1/{second}/")
    assert f"Do you want to {second} this issue?" in page
    assert page.html.find("a", string="Cancel")["href"] == "/web/issues/1/"
    answer = page.forms["confirm-form"].submit()
    assert answer.location == f"http://localhost{leads_to}"
    assert messages(answer.follow()) == [message]
    session.expire_all()
    assert session.scalar(select(Issue)).is_open == (second == "reopen")
    assert again in admin.post_form(f"/web/issues/1/{second}/", status=409)
    closed = "closed this issue" in " ".join(timeline(admin.get("/web/issues/1/")))
    assert closed


def test_changing_the_state_needs_its_right(issue, alice, visitor_as, events):
    browser = visitor_as("alice")
    assert "Close this issue" not in browser.get("/web/issues/1/")
    for verb in ("close", "reopen"):
        browser.get(f"/web/issues/1/{verb}/", status=403)
        browser.post_form(f"/web/issues/1/{verb}/", status=403)
    assert len(events()) == 1


# Editing


def edit(browser, **fields):
    form = browser.get("/web/issues/1/edit/").forms["issue-form"]
    for name, value in fields.items():
        form[name] = value
    return form.submit()


def test_editing_everything(issue, alice, visitor_as, session, events):
    browser = visitor_as("alice")
    answer = edit(browser, title="It fell", description="As *never*", due_date="2026-07-01T10:00")
    assert answer.location == "http://localhost/web/issues/1/"
    page = answer.follow()
    assert messages(page) == ["Issue updated successfully."]
    opened, renamed, due = events()
    assert renamed.kind is EventKind.RENAMED
    assert renamed.args == {"old_title": "It fails", "new_title": "It fell"}
    assert due.kind is EventKind.DUE_SET
    assert due.args == {"due_at": "2026-07-01T10:00:00+00:00"}
    assert (opened.text, opened.editor_id) == ("As *never*", alice.id)
    assert opened.html == markup.render("As *never*")
    assert opened.edited_at is not None
    revision = session.scalars(select(TextRevision)).one()
    assert (revision.event_id, revision.text) == (opened.id, "As *always*")
    assert revision.author_id == alice.id
    lines = timeline(page)
    assert "edited" in lines[0]
    assert "changed the title from It fails to It fell" in lines[1]
    assert "set the due date to Jul 1, 2026" in lines[2]


def test_every_earlier_text_is_kept_with_who_wrote_it(issue, alice, admin, visitor_as, session):
    edit(admin, description="two")
    edit(visitor_as("alice"), description="three")
    revisions = session.scalars(select(TextRevision).order_by(TextRevision.id)).all()
    names = [session.get(Event, revision.event_id).issue_id for revision in revisions]
    assert names == [issue.id, issue.id]
    assert [revision.text for revision in revisions] == ["As *always*", "two"]
    assert revisions[0].author_id == alice.id
    assert revisions[1].author_id not in (None, alice.id)


def test_the_due_date_moves_and_goes(issue, admin, events):
    edit(admin, due_date="2026-07-01T10:00")
    edit(admin, due_date="2026-07-02T10:00")
    page = edit(admin, due_date="").follow()
    _opened, _set, moved, unset = events()
    assert moved.kind is EventKind.DUE_CHANGED
    assert moved.args == {
        "old_due_at": "2026-07-01T10:00:00+00:00",
        "due_at": "2026-07-02T10:00:00+00:00",
    }
    assert unset.kind is EventKind.DUE_UNSET
    assert unset.args == {"old_due_at": "2026-07-02T10:00:00+00:00"}
    assert "moved the due date from Jul 1, 2026" in timeline(page)[2]
    assert "removed the due date" in timeline(page)[3]
    assert "No due date" in page


def test_editing_nothing_says_so_and_leaves_no_trace(world, web, admin, session, events):
    due = utc(2026, 7, 1, 10, 0, 33)
    world.issue(web, title="Title", text="One\ntwo\n", due_at=due)
    before = len(events())
    page = edit(admin).follow()
    assert messages(page) == ["Issue not modified."]
    assert len(events()) == before
    assert session.scalar(select(func.count()).select_from(TextRevision)) == 0
    assert session.scalar(select(Issue.due_at)) == due


def test_an_edit_that_is_refused_keeps_what_was_typed(issue, admin, events):
    page = admin.post_form(
        "/web/issues/1/edit/", {"title": "", "description": "new", "due_date": "x"}, status=422
    )
    form = page.forms["issue-form"]
    assert (form["title"].value, form["description"].value, form["due_date"].value) == (
        "",
        "new",
        "x",
    )
    assert len(events()) == 1


def test_authors_edit_their_own_issues_and_not_those_of_others(issue, world, visitor_as, events):
    world.user("bob")
    author, other = visitor_as("alice"), visitor_as("bob")
    assert author.get("/web/issues/1/").html.select(".issue-head .btn")
    assert not other.get("/web/issues/1/").html.select(".issue-head .btn")
    other.get("/web/issues/1/edit/", status=403)
    other.post_form("/web/issues/1/edit/", {"title": "x"}, status=403)
    assert len(events()) == 1
    edit(author, title="Mine").follow()
    assert len(events()) == 2


def test_authors_edit_only_where_that_is_granted(issue, alice, session, visitor_as):
    session.execute(delete(Grant))
    session.commit()
    visitor_as("alice").get("/web/issues/1/edit/", status=403)


def test_who_may_modify_issues_edits_those_of_others(issue, world, visitor_as, web):
    bob = world.user("bob")
    world.grant("modify_issue", project=web, user_id=bob.id)
    assert edit(visitor_as("bob"), title="Better").follow().status_int == 200


def test_whoever_saves_over_the_change_of_another_is_told_so_once(issue, admin, visitor_as, events):
    mine = admin.get("/web/issues/1/edit/").forms["issue-form"]
    edit(visitor_as("alice"), description="Theirs")
    mine["title"], mine["description"] = "Mine", "Mine too"
    page = mine.submit(status=422)
    assert "Someone else has changed this since you opened it." in page
    form = page.forms["issue-form"]
    assert (form["title"].value, form["description"].value) == ("Mine", "Mine too")
    assert events()[0].text == "Theirs"
    assert "Issue updated successfully." in form.submit().follow()
    assert events()[0].text == "Mine too"


# Time zones


def test_a_due_date_is_meant_and_shown_in_the_zone_of_each_reader(
    world, web, session, visitor, visitor_as
):
    tokyo, york = world.user("tokyo"), world.user("york")
    tokyo.time_zone, york.time_zone = "Asia/Tokyo", "America/New_York"
    session.commit()
    browser = visitor_as("tokyo")
    fields = {"title": "x", "due_date": "2026-07-01T09:00"}
    page = browser.post_form("/web/issues/add/", fields).follow()
    session.expire_all()
    assert session.scalar(select(Issue.due_at)) == utc(2026, 7, 1)

    for reader, when in (
        (browser, "Jul 1, 2026, 9:00 AM"),
        (visitor, "Jul 1, 2026, 12:00 AM"),
        (visitor_as("york"), "Jun 30, 2026, 8:00 PM"),
    ):
        page, row = reader.get("/web/issues/1/"), reader.get("/web/issues/")
        assert when in timeline(page)[1]
        assert when in words(page, ".issue-side")
        assert when in words(row, ".row-note")
    form = browser.get("/web/issues/1/edit/").forms["issue-form"]
    assert form["due_date"].value == "2026-07-01T09:00"
    assert "Asia/Tokyo" in browser.get("/web/issues/1/edit/")


@pytest.mark.parametrize(("closed", "overdue"), [(False, True), (True, False)])
def test_only_an_open_issue_is_overdue(world, web, admin, closed, overdue):
    world.issue(web, due_at=utc(2001, 1, 1))
    if closed:
        admin.post_form("/web/issues/1/close/")
    assert bool(admin.get("/web/issues/1/").html.select(".overdue")) == overdue
    assert bool(admin.get("/web/issues/?q=*").html.select(".overdue")) == overdue


# Markdown


def test_the_preview_shows_and_keeps_what_was_typed_and_stores_nothing(issue, admin, events):
    for address, field in (
        ("add/", "description"),
        ("1/edit/", "description"),
        ("1/comment/", "comment"),
    ):
        fields = {field: "Is it *so*?\n", "title": "T", "preview": "1"}
        page = admin.post_form(f"/web/issues/{address}", fields, status=200)
        assert "<em>so</em>" in str(page.html.select_one("[data-preview]"))
        form = page.forms["comment-form" if field == "comment" else "issue-form"]
        assert form[field].value == "Is it *so*?\n"
    assert len(events()) == 1


def test_an_invalid_form_can_be_previewed(issue, admin):
    page = admin.post_form("/web/issues/add/", {"description": "*x*", "preview": "1"}, status=200)
    assert errors(page, "title") == []
    assert "<em>x</em>" in page


def test_the_preview_for_scripts(alice, visitor_as):
    browser = visitor_as("alice")
    answer = browser.post_form("/markdown/", {"data": "*x*\n<script>"})
    assert answer.content_type == "text/html"
    assert answer.text == markup.render("*x*\n<script>")
    assert browser.post_form("/markdown/").text == ""
    assert browser.post_form("/markdown/", {"data": "\x00" * 9 + "x" * 300_000}).status_int == 200


def test_the_preview_for_scripts_is_for_those_who_are_signed_in(visitor):
    assert "<em>" not in visitor.post_form("/markdown/", {"data": "*x*"}, status=403)


def test_no_page_view_parses_markdown(issue, admin, monkeypatch):
    admin.post_form("/web/issues/1/comment/", {"comment": "seen *here*"})
    edit(admin, description="As *often*")

    def refuse(*args, **kw):
        raise AssertionError("Markdown is parsed at a page view")

    monkeypatch.setattr(MarkdownIt, "parse", refuse)
    monkeypatch.setattr(markup, "to_html", refuse)
    page = admin.get("/web/issues/1/")
    assert "<em>here</em>" in page
    assert "<em>often</em>" in page
    for address in ("", "?q=*", "1/comment/", "1/edit/", "add/"):
        assert admin.get(f"/web/issues/{address}").status_int == 200


# The page of an issue


def test_what_a_ghost_wrote_stays(issue, alice, admin, session):
    session.delete(alice)
    session.commit()
    page = admin.get("/web/issues/1/")
    assert "ghost" in timeline(page)[0]
    assert "As always" in timeline(page)[0]
    assert "ghost" in admin.get("/web/issues/").html.select_one(".row-note").text


SAID = {
    EventKind.OPENED: "author opened this issue",
    EventKind.COMMENTED: "author commented",
    EventKind.COMMENT_DELETED: "author deleted a comment",
    EventKind.CLOSED: "author closed this issue",
    EventKind.REOPENED: "author reopened this issue",
    EventKind.RENAMED: "author changed the title from <old> to <new>",
    EventKind.LABELED: "author added the label <name>",
    EventKind.UNLABELED: "author removed the label <name>",
    EventKind.MILESTONED: "author added this to the milestone <name>",
    EventKind.DEMILESTONED: "author removed this from the milestone <name>",
    EventKind.MILESTONE_RENAMED: "author renamed the milestone <old> to <new>",
    EventKind.ASSIGNED: "author assigned <user>",
    EventKind.UNASSIGNED: "author unassigned <user>",
    EventKind.DUE_SET: "author set the due date to Jul 1, 2026, 12:00 AM",
    EventKind.DUE_CHANGED: "author moved the due date from Jun 1, 2026, 12:00 AM to Jul 1, 2026",
    EventKind.DUE_UNSET: "author removed the due date",
}
"""How each kind of event reads that something makes as yet."""


@pytest.mark.parametrize("kind", SAID)
def test_how_each_kind_of_event_reads(world, web, session, visitor, kind):
    author = world.user("author")
    issue = world.issue(web, author)
    label = session.scalars(select(Label)).first()
    milestone = Milestone(project_id=web.id, name="<name>", slug="name")
    session.add(milestone)
    session.flush()
    args = {
        "title": "<b>",
        "old_title": "<old>",
        "new_title": "<new>",
        "color": "#ff0000",
        "name": "<name>",
        "old_name": "<old>",
        "new_name": "<new>",
        "username": "<user>",
        "old_due_at": "2026-06-01T00:00:00+00:00",
        "due_at": "2026-07-01T00:00:00+00:00",
    }
    about = (
        label if kind is EventKind.LABELED else milestone if kind is EventKind.MILESTONED else None
    )
    record(session, issue, kind, author, about=about, args=args, text="x", at=now())
    session.commit()
    assert timeline(visitor.get("/web/issues/1/"))[-1].startswith(SAID[kind])


def test_an_issue_without_a_description_says_so(world, web, visitor):
    world.issue(web)
    assert "No description provided." in visitor.get("/web/issues/1/")


def test_the_page_of_an_issue_asks_the_same_for_many_comments_as_for_few(
    world, session, database, web, visitor_as
):
    people = [world.user(f"user{number}") for number in range(5)]
    milestone = Milestone(project_id=web.id, name="1.0", slug="1.0")
    session.add(milestone)
    labels = session.scalars(select(Label).where(Label.project_id == web.id)).all()
    session.commit()
    for comments in (2, 50):
        issue = world.issue(
            web, people[0], title=f"With {comments}", text="x", due_at=utc(2026, 1, 1)
        )
        for number in range(comments):
            service.comment(session, issue, people[number % 5], text=f"comment {number}")
        for label in labels:
            service.add_label(session, issue, people[1], label)
        service.set_milestone(session, issue, people[1], milestone)
        service.assign(session, issue, people[1], people[2])
        session.commit()
    browser = visitor_as(people[3])
    counts = []
    for number, comments in ((1, 2), (2, 50)):
        with count_queries(database) as queries:
            page = browser.get(f"/web/issues/{number}/")
        assert len(page.html.select(".timeline-comment")) == comments + 1
        assert {"bug", "feature", "documentation"} <= set(
            page.html.select_one(".issue-side").text.split()
        )
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 13
