from __future__ import annotations

import errno
import logging

import pytest
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError

from ponytracker.issues import query, service
from ponytracker.models import Access


@pytest.fixture
def admin(world, visitor_as):
    user = world.user("admin", is_superuser=True)
    world.issue(world.project("web", user), user)
    return visitor_as("admin")


def title(page):
    return page.html.h1.text


@pytest.mark.parametrize(
    "address",
    [
        "/nope",
        "/web/nope",
        "/Web/",
        "/web/issues/0/",
        "/web/issues/01/",
        "/web/issues/2/",
        "/web/issues/-1/",
        "/web/issues/1.0/",
        "/web/issues/%D9%A1/",
        "/web/issues/1000000000/",
        "/web/issues/99999999999999999999/",
        "/web/issues/1/nope/",
        "/static/nope.css",
        "/static/",
        "/static/../ponytracker.css",
        "/static/%2e%2e/settings.py",
        "/favicon.ico",
    ],
)
def test_what_is_not_there(admin, address):
    page = admin.get(address, status=404)
    assert title(page) == "Not found"
    assert "This is not the web page you are looking for." in page
    assert "admin" in page.html.header.text


def test_what_one_may_not_do(world, admin, visitor_as, visitor):
    world.user("stranger")
    page = visitor_as("stranger").get("/web/edit/", status=403)
    assert "Sorry, you are not allowed to access this page." in page
    page = visitor.get("/web/edit/?x=1", status=303).follow()
    assert page.forms["login-form"]["next"].value == "/web/edit/?x=1"


@pytest.mark.parametrize("address", ["/web/issues/1/comment/", "/hidden/issues/1/comment/"])
def test_what_someone_signed_out_has_typed_waits_until_they_have_signed_in(
    world, visitor, session, address
):
    alice = world.user("alice")
    world.issue(world.project("web"), alice)
    hidden = world.project("hidden", alice, access=Access.PRIVATE)
    world.issue(hidden, alice)
    page = visitor.post(address, {"comment": "Two\nlines"}, status=403)
    assert "You are not signed in any more." in page
    again = page.forms["again-form"]
    assert (again.action, again["comment"].value) == (address, "Two\nlines")
    visitor.sign_in("alice").follow()
    again = again.submit(status=400).forms["again-form"]
    assert "Comment added successfully." in again.submit().follow()


def test_what_cannot_be_taken_any_more_is_not_lost(admin):
    fields = {"comment": "Two\nlines", "submission": "x"}
    page = admin.post_form("/web/issues/9/comment/", fields, status=404)
    (shown,) = page.html.select("textarea")
    assert (shown["name"], shown.text.strip()) == ("comment", "Two\nlines")


def test_a_form_of_another_site_is_neither_taken_nor_shown(admin, visitor):
    for browser, status in ((admin, 400), (visitor, 403)):
        page = browser.post(
            "/web/issues/1/comment/",
            {"comment": "buy here"},
            headers={"Sec-Fetch-Site": "cross-site"},
            status=status,
        )
        assert "sent from another site" in page
        assert "again-form" not in page.forms
        assert "Set-Cookie" not in page.headers


def test_the_sites_own_names_are_no_projects_that_signing_in_might_show(visitor):
    for address in ("/api/", "/static", "/robots.txt", "/login/x"):
        visitor.get(address, status=404)


def test_a_wrong_method(admin):
    page = admin.put("/web/issues/1/", status=405)
    assert page.headers["Allow"] == "GET, HEAD"
    assert "This address does not take PUT. It takes GET, HEAD." in page


def test_what_is_not_possible_any_more(admin):
    admin.post_form("/web/issues/1/close/", status=303)
    page = admin.post_form("/web/issues/1/close/", status=409)
    assert "This issue is closed already." in page
    admin.post_form("/web/issues/1/reopen/", status=303)
    page = admin.post_form("/web/issues/1/reopen/", status=409)
    assert "This issue is open already." in page


def failing(error, calls):
    def fail(*args, **kw):
        calls.append(args)
        raise error

    return fail


def test_two_changes_that_keep_meeting(admin, monkeypatch, caplog):
    tries = []
    error = IntegrityError("INSERT", {}, Exception("duplicate key"))
    monkeypatch.setattr(service, "comment", failing(error, tries))
    page = admin.post_form("/web/issues/1/comment/", {"comment": "x"}, status=409)
    assert "Someone else changed the same thing at the same time." in page
    assert len(tries) == 3
    assert "duplicate key" in caplog.text
    assert "duplicate key" not in page


def test_a_database_that_does_not_answer(admin, monkeypatch, caplog):
    error = OperationalError("SELECT", {}, Exception("connection refused"))
    monkeypatch.setattr(query, "list_issues", failing(error, []))
    page = admin.get("/web/issues/", status=503)
    assert "The database does not answer at the moment." in page
    assert int(page.headers["Retry-After"]) > 0
    assert "connection refused" in caplog.text
    assert "connection refused" not in page


class Refused(Exception):
    """What a driver raises, with the code of what PostgreSQL says."""

    def __init__(self, sqlstate):
        super().__init__("the reason")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "sqlstate", "text"),
    [
        (InternalError, "25006", "The database takes no changes at the moment."),
        (OperationalError, "53100", "The database takes no changes at the moment."),
        (OperationalError, "57014", "it took the database more than 30 seconds"),
        (OperationalError, "57P01", "The database does not answer at the moment."),
        (InterfaceError, None, "The database does not answer at the moment."),
    ],
)
def test_a_database_that_takes_nothing(admin, monkeypatch, error, sqlstate, text):
    refused = error("INSERT", {}, Refused(sqlstate))
    monkeypatch.setattr(service, "comment", failing(refused, []))
    page = admin.post_form("/web/issues/1/comment/", {"comment": "Two\nlines"}, status=503)
    assert text in page
    assert page.headers["Retry-After"] == "10"
    assert page.html.select_one("textarea").text.strip() == "Two\nlines"


def test_a_disk_that_takes_nothing(admin, monkeypatch):
    monkeypatch.setattr(service, "comment", failing(OSError(errno.ENOSPC, "No space left"), []))
    page = admin.post_form("/web/issues/1/comment/", {"comment": "x"}, status=503)
    assert "The server has no room for what you sent at the moment." in page
    monkeypatch.setattr(service, "comment", failing(OSError(errno.ENOENT, "No such file"), []))
    admin.post_form("/web/issues/1/comment/", {"comment": "x"}, status=500)


def test_no_database_at_all(one_app, visitor, monkeypatch):
    class Absent:
        def session(self, **kw):
            raise OperationalError("connect", {}, Exception("connection refused"))

    monkeypatch.setitem(one_app.registry, "ponytracker.database", Absent())
    page = visitor.get("/web/issues/", status=503)
    assert "The database does not answer at the moment." in page
    css = page.html.find("link", rel="stylesheet")["href"]
    assert visitor.get(css).status_int == 200


def test_a_fault_of_ours(admin, monkeypatch, caplog):
    monkeypatch.setattr(query, "list_issues", failing(ZeroDivisionError("the reason"), []))
    page = admin.get("/web/issues/?q=is:open", status=500)
    assert "Sorry, an error occurred. Please try again in a few minutes." in page
    assert "the reason" not in page
    assert "Traceback" not in page
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info[1].args == ("the reason",)
    assert "GET /web/issues/" in record.getMessage()


def test_a_fault_while_a_form_is_taken_changes_nothing(admin, monkeypatch):
    taken = service.comment

    def comment_and_fail(session, *args, **kw):
        taken(session, *args, **kw)
        session.flush()
        raise ZeroDivisionError

    monkeypatch.setattr(service, "comment", comment_and_fail)
    admin.post_form("/web/issues/1/comment/", {"comment": "half a comment"}, status=500)
    assert "half a comment" not in admin.get("/web/issues/1/")


def test_a_form_with_a_stale_token_comes_back_to_be_sent_again(admin):
    form = admin.get("/web/issues/1/").forms["comment-form"]
    form["csrf_token"] = "stale"
    form["comment"] = "Two\nlines & <b>"
    page = form.submit("change-state", status=400)
    assert "nothing was changed so far" in page
    again = page.forms["again-form"]
    assert again["comment"].value == "Two\nlines & <b>"
    page = again.submit().follow()
    assert "Comment added successfully and issue closed." in page
    page = admin.get("/web/issues/1/")
    assert page.html.select(".markdown-body")[1].text.split() == ["Two", "lines", "&", "<b>"]


def test_a_form_sent_again_keeps_a_text_that_begins_with_blank_lines(admin):
    answer = admin.post("/web/issues/1/comment/", {"comment": "\n\n  x\n"}, status=400)
    assert answer.forms["again-form"]["comment"].value.replace("\r\n", "\n") == "\n\n  x\n"


def test_a_password_is_never_given_back(world, visitor):
    world.user("alice")
    fields = {"username": "alice", "password": "hunter2-hunter2", "new_password1": "hunter3"}
    page = visitor.post("/login", fields, status=400)
    assert "hunter" not in page
    again = page.forms["again-form"]
    assert again["username"].value == "alice"
    page = again.submit(status=422)
    assert page.forms["login-form"]["username"].value == "alice"
    assert "Enter your password." in page


def test_a_form_goes_back_to_where_it_came_from_and_never_to_another_site(admin):
    page = admin.post("/web/issues/1/comment/?x=1", status=400)
    assert page.forms["again-form"].action == "/web/issues/1/comment/?x=1"
    for address in ("//login", "///login?x=1", "//web/issues/1/comment/"):
        page = admin.request(
            address, method="POST", environ={"PATH_INFO": address.split("?")[0]}, expect_errors=True
        )
        assert page.status_int == 400
        assert page.forms["again-form"].action.startswith("/")
        assert not page.forms["again-form"].action.startswith("//")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_form_from_another_site_is_not_taken(app, world, admin, scheme):
    environ = {"wsgi.url_scheme": scheme, "HTTP_ORIGIN": "https://evil.example"}
    page = admin.post(
        "/web/issues/1/close/", {"csrf_token": "x"}, extra_environ=environ, status=400
    )
    assert "Your form was not taken yet" in page
