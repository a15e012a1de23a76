"""Files in the forms of issues and comments: taken, kept when the form is not, sent by a script."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select
from webtest import Upload

from ponytracker.attachments import service
from ponytracker.issues import service as issues
from ponytracker.models import Attachment, Event, EventKind
from ponytracker.security.permissions import Permission
from tests.functional.attachments.conftest import new_file, picture

SHOT = Upload("shot.png", picture(), "text/html")
NOTES = Upload("notes.txt", b"some notes\n", "image/png")


@pytest.fixture
def writer(visitor_as, alice, store):
    return visitor_as(alice)


def rows(session):
    session.expire_all()
    return session.scalars(select(Attachment).order_by(Attachment.id)).all()


def attached(session):
    """Return the name of each file and the kind of event that it is attached to, if any."""
    found = session.execute(
        select(Attachment.name, Event.kind)
        .outerjoin(Event, Attachment.event_id == Event.id)
        .order_by(Attachment.id)
    )
    return [tuple(row) for row in found]


def test_a_new_issue_with_a_file(writer, web, session):
    form = writer.get("/web/issues/add/").forms["issue-form"]
    form["title"] = "It does not work"
    form["files"] = [SHOT]
    page = form.submit().follow()
    assert "Issue created successfully." in page
    assert attached(session) == [("shot.png", EventKind.OPENED)]
    assert [link.text for link in page.html.select(".attachments a")] == ["shot.png"]


def test_a_comment_with_a_file_and_another_without_words(writer, issue, session):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    form["comment"] = "See below."
    form["files"] = [NOTES]
    assert "Comment added successfully." in form.submit().follow()
    form = writer.get("/web/issues/1/").forms["comment-form"]
    form["files"] = [SHOT]
    assert "Comment added successfully." in form.submit().follow()
    commented = EventKind.COMMENTED
    assert attached(session) == [("notes.txt", commented), ("shot.png", commented)]


def test_comment_and_close_with_a_file(writer, issue, session):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    form["files"] = [NOTES]
    form.submit("change-state")
    session.refresh(issue)
    assert not issue.is_open
    assert attached(session) == [("notes.txt", EventKind.COMMENTED)]


def test_a_field_without_a_file_as_browsers_send_it(writer, issue, session):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    fields = [item for item in form.submit_fields() if item[0] not in ("files", "comment")]
    empty = ("files", Upload("", b"", "application/octet-stream"))
    page = writer.post(form.action, [*fields, ("comment", "x"), empty]).follow()
    assert "Comment added successfully." in page
    assert rows(session) == []


def test_a_comment_with_neither_words_nor_files(writer, issue):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    assert "Write a comment first." in form.submit(status=422)


def test_what_was_chosen_is_kept_when_the_form_is_not_taken(writer, web, session):
    form = writer.get("/web/issues/add/").forms["issue-form"]
    form["files"] = [SHOT]
    page = form.submit(status=422)
    assert "Give the issue a title." in page
    assert attached(session) == [("shot.png", None)]
    # Its uploader can look at it.
    (link,) = page.html.select(".file-list a")
    assert writer.get(link["href"]).body == picture()
    form = page.forms["issue-form"]
    form["title"] = "With a title"
    form["files"] = [NOTES]
    form.submit().follow()
    opened = EventKind.OPENED
    assert attached(session) == [("shot.png", opened), ("notes.txt", opened)]


def test_what_was_chosen_can_be_left_out(writer, web, session):
    form = writer.get("/web/issues/add/").forms["issue-form"]
    form["files"] = [SHOT]
    form = form.submit(status=422).forms["issue-form"]
    form["title"] = "Without it"
    form["attachment"].checked = False
    form.submit().follow()
    assert attached(session) == [("shot.png", None)]


def test_what_was_chosen_is_kept_and_shown_in_a_preview(writer, issue, session):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    form["files"] = [SHOT]
    form = form.submit("preview").forms["comment-form"]
    (pending,) = rows(session)
    form["comment"] = f"![shot](attachment:{pending.id})"
    page = form.submit("preview")
    address = f"/web/issues/attachments/{pending.id}/shot.png"
    assert page.html.select_one("[data-preview] img")["src"] == f"{address}/display"
    assert writer.get(f"{address}/display").headers["Content-Type"] == "image/webp"
    page = page.forms["comment-form"].submit().follow()
    image = page.html.select_one(".markdown-body img")
    assert image["src"] == f"/web/issues/1/attachments/{pending.id}/shot.png/display"
    writer.get(address, status=404)


def test_a_file_that_is_too_large_is_said_and_the_words_come_back(writer, issue, session):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    form["comment"] = "typed with care"
    form["files"] = [Upload("big", b"x" * 1_000_001)]
    page = form.submit(status=422)
    assert "&#39;big&#39; is larger than 1 MB." in page
    assert page.forms["comment-form"]["comment"].value == "typed with care"
    assert rows(session) == []


def test_more_than_an_issue_may_have_is_said(writer, issue, session, store, description, alice):
    large = [new_file(name, name.encode() * store.max_size) for name in "ab"]
    service.attach(session, store, description, alice, large)
    session.commit()
    form = writer.get("/web/issues/1/").forms["comment-form"]
    form["files"] = [NOTES]
    page = form.submit(status=422)
    assert "All files of an issue together may have 2 MB." in page
    # It is kept: it may go to another issue.
    assert len(page.html.select(".file-list input[name=attachment]")) == 1


def test_a_form_sent_twice_attaches_once(writer, issue, session):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    form["comment"] = "once"
    form["files"] = [NOTES]
    form.submit()
    form.submit()
    assert session.query(Event).filter_by(kind=EventKind.COMMENTED).count() == 1
    assert [kind for _name, kind in attached(session)] == [EventKind.COMMENTED, None]
    # With another file of the same name it is another comment.
    form["files"] = [Upload("notes.txt", b"more notes\n")]
    form.submit()
    assert session.query(Event).filter_by(kind=EventKind.COMMENTED).count() == 2


def test_editing_adds_and_removes_files(writer, issue, session, store, alice):
    comment = issues.comment(session, issue, alice, text="x")
    service.attach(session, store, comment, alice, [new_file()])
    session.commit()
    path = f"/web/issues/1/comments/{comment.id}/edit/"
    form = writer.get(path).forms["comment-form"]
    assert "Comment not modified." in form.submit().follow()
    assert attached(session) == [("notes.txt", EventKind.COMMENTED)]
    form["files"] = [SHOT]
    form["remove_attachment"].checked = True
    assert "Comment modified successfully." in form.submit().follow()
    assert attached(session) == [("shot.png", EventKind.COMMENTED)]
    assert len(list(store.digests())) == 1


def test_the_last_file_of_a_comment_without_words_stays(writer, issue, session, store, alice):
    comment = issues.comment(session, issue, alice, text="")
    service.attach(session, store, comment, alice, [new_file()])
    session.commit()
    form = writer.get(f"/web/issues/1/comments/{comment.id}/edit/").forms["comment-form"]
    form["remove_attachment"].checked = True
    page = form.submit(status=422)
    assert "Write a comment first." in page
    assert page.forms["comment-form"]["remove_attachment"].checked
    assert len(rows(session)) == 1


def test_editing_an_issue_removes_only_files_of_its_description(
    writer, issue, session, store, alice, description
):
    comment = issues.comment(session, issue, alice, text="x")
    (other,) = service.attach(session, store, comment, alice, [new_file("other.txt")])
    (own,) = service.attach(session, store, description, alice, [new_file()])
    session.commit()
    form = writer.get("/web/issues/1/edit/").forms["issue-form"]
    fields = [*form.submit_fields(), ("remove_attachment", other.id), ("remove_attachment", own.id)]
    fields = [item for item in fields if item[0] != "files"]
    assert "Issue updated successfully." in writer.post("/web/issues/1/edit/", fields).follow()
    assert attached(session) == [("other.txt", EventKind.COMMENTED)]


def test_of_others_nothing_is_taken(writer, issue, session, store, world, web):
    bob = world.user("bob")
    with service.prepared(store, [new_file()]) as them:
        (theirs,) = service.keep_pending(session, store, web.id, bob.id, them)
    session.commit()
    address = f"/web/issues/attachments/{theirs.id}/notes.txt"
    writer.get(address, status=404)
    form = writer.get("/web/issues/1/").forms["comment-form"]
    form["comment"] = f"[mine?](attachment:{theirs.id})"
    fields = [item for item in form.submit_fields() if item[0] != "files"]
    preview = writer.post(form.action, [*fields, ("preview", "1")])
    assert address not in preview
    for ids in ([str(theirs.id)], ["x", "", "0", "-1", "9" * 99, "١"]):
        writer.post(form.action, [*fields, *(("attachment", value) for value in ids)])
    assert attached(session) == [("notes.txt", None)]


def test_files_where_no_files_belong_are_nothing(writer, issue, session):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    fields = {**dict(form.submit_fields()), "comment": NOTES, "attachment": SHOT, "files": "text"}
    page = writer.post(form.action, fields, status=422)
    assert "Write a comment first." in page
    assert rows(session) == []


def test_a_site_that_keeps_no_files_shows_no_field(writer, issue, session, app, monkeypatch):
    monkeypatch.setitem(app.registry, "ponytracker.attachments", None)
    page = writer.get("/web/issues/1/")
    assert not page.html.select("input[type=file]")
    form = page.forms["comment-form"]
    fields = {**dict(form.submit_fields()), "comment": "x", "files": NOTES}
    assert "Comment added successfully." in writer.post(form.action, fields).follow()
    assert rows(session) == []
    writer.post_form("/web/issues/upload/", {"file": NOTES}, status=404)


def upload(writer, file, path="/web/issues/upload/", **kw):
    return writer.post_form(path, {"file": file}, **kw)


def test_a_script_sends_a_file_at_once(writer, web, session, store):
    answer = upload(writer, Upload("a [1].png", picture(), "text/html"))
    (pending,) = rows(session)
    assert answer.json == {
        "id": pending.id,
        "name": "a [1].png",
        "size": len(picture()),
        "is_image": True,
        "path": f"/web/issues/attachments/{pending.id}/a%20%5B1%5D.png",
    }
    assert writer.get(answer.json["path"]).body == picture()
    form = writer.get("/web/issues/add/").forms["issue-form"]
    form["title"] = "x"
    form["description"] = f"![a](attachment:{pending.id})"
    fields = [item for item in form.submit_fields() if item[0] != "files"]
    page = writer.post("/web/issues/add/", [*fields, ("attachment", pending.id)]).follow()
    assert page.html.select_one(".markdown-body img")["alt"] == "a"
    assert not page.html.select(".attachments")


def test_a_script_is_told_what_is_wrong(writer, issue, session, store, monkeypatch, tmp_path):
    answer = upload(writer, Upload("big", b"x" * 1_000_001), status=413)
    assert answer.json == {"error": "'big' is larger than 1 MB."}
    assert upload(writer, "text", status=422).json == {"error": "Choose a file."}
    with monkeypatch.context() as patch:
        patch.setattr(service, "MAX_FILES", 0)
        assert upload(writer, NOTES, status=422).json == {"error": "At most 0 files."}
    (tmp_path / "taken").write_text("x")
    store.folder = tmp_path / "taken"
    assert "cannot be stored" in upload(writer, NOTES, status=503).json["error"]
    assert rows(session) == []


def test_an_upload_larger_than_allowed_is_not_even_parsed(writer, web, all_on, monkeypatch):
    limit = all_on.attachment_max_mb * 1_000_000 + 4 * 1024 * 1024
    token = writer.get("/login").forms["login-form"]["csrf_token"].value
    parsed = []
    monkeypatch.setattr("webob.request.cgi_FieldStorage", lambda **kw: parsed.append(kw))
    file = Upload("big", b"x" * (limit + 1))
    page = writer.post("/web/issues/upload/", {"csrf_token": token, "file": file}, status=413)
    assert "What you sent is larger than 13 MiB." in page
    assert parsed == []
    # Elsewhere nothing that large belongs.
    file = Upload("big", b"x" * (4 * 1024 * 1024))
    assert "larger than 4 MiB" in writer.post("/login", {"file": file}, status=413)


def test_the_texts_of_a_form_with_files_may_not_be_larger_than_of_one_without(writer, issue):
    form = writer.get("/web/issues/1/").forms["comment-form"]
    fields = {**dict(form.submit_fields()), "comment": "x" * 5_000_000, "files": NOTES}
    assert "larger than 4 MiB" in writer.post(form.action, fields, status=413)


def test_a_mailbox_is_a_file_like_any_other(writer, issue, session):
    """What looks like very many fields is within a file."""
    mails = b"Content-Disposition: attachment\r\n\r\n--x\r\n&&&\r\n" * 3000
    assert upload(writer, Upload("mails.mbox", mails)).json["size"] == len(mails)


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("/web/issues/upload/", Permission.CREATE_ISSUE),
        ("/web/issues/1/upload/", Permission.CREATE_COMMENT),
        ("/web/issues/1/comments/{id}/upload/", Permission.MODIFY_COMMENT),
    ],
)
def test_who_may_write_may_upload(
    visitor_as, visitor, world, session, web, issue, alice, store, path, permission
):
    comment = issues.comment(session, issue, alice, text="x")
    session.commit()
    path = path.format(id=comment.id)
    bob = world.user("bob")
    writer = visitor_as(bob)
    may_already = permission is not Permission.MODIFY_COMMENT  # as anyone signed in may
    upload(writer, NOTES, path, status=200 if may_already else 403)
    world.grant(permission, project=web, user_id=bob.id)
    upload(writer, NOTES, path, status=200)
    upload(visitor, NOTES, path, status=403)
    web.archived = True
    session.commit()
    upload(writer, NOTES, path, status=403)


def test_the_preview_of_a_script_shows_files_of_the_issue_and_ones_own(
    writer, session, store, issue, description, alice, web, world
):
    (there,) = service.attach(session, store, description, alice, [new_file("t.png", picture())])
    other = issues.find_description(session, world.issue(web, alice))
    (elsewhere,) = service.attach(session, store, other, alice, [new_file()])
    session.commit()
    own = upload(writer, SHOT).json["id"]
    text = " ".join(f"![{one}](attachment:{one})" for one in (there.id, elsewhere.id, own))
    fields = {"data": text, "project": "web", "issue": "1"}
    html = writer.post_form("/markdown/", fields).text
    assert f'src="/web/issues/1/attachments/{there.id}/t.png/display"' in html
    assert f'src="/web/issues/attachments/{own}/shot.png/display"' in html
    assert html.count("<img") == 2
    for others in ({"issue": "x"}, {"issue": "99"}, {"project": "none"}, {}):
        fields = {"project": "web", **others, "data": text}
        expected = 0 if "project" in others else 1
        assert writer.post_form("/markdown/", fields).text.count("<img") == expected


def test_a_form_given_back_keeps_what_was_uploaded(writer, visitor, issue, session):
    """Signed out meanwhile: the form to send again names the files that wait for it."""
    pending = upload(writer, SHOT).json["id"]
    fields = [("comment", "x"), ("attachment", pending), ("attachment", "7"), ("csrf_token", "old")]
    page = writer.post("/web/issues/1/comment/", fields, status=400)
    page.forms["again-form"].submit().follow()
    assert attached(session) == [("shot.png", EventKind.COMMENTED)]


def test_json_is_not_cached_and_is_no_page(writer, web):
    answer = upload(writer, NOTES)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert json.loads(answer.body)["is_image"] is False
