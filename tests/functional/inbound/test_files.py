"""Files that come by mail: kept with the comment, shown where its text shows them."""

from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import select

from ponytracker.attachments.s3 import S3Store
from ponytracker.models import Attachment
from ponytracker.settings.s3 import Place, S3Settings
from tests.functional.attachments.conftest import picture
from tests.s3 import KEYS
from tests.servers import free_port


@pytest.fixture
def files(mailbox, session, store):
    """Return a function that gives the attachments there are."""
    return lambda: session.scalars(select(Attachment).order_by(Attachment.id)).all()


def with_file(mail, data=b"hello", name="notes.txt", subtype="octet-stream"):
    mail.add_attachment(data, maintype="application", subtype=subtype, filename=name)
    return mail


def with_image(mailbox, address, cid="logo@here", width=300, height=40):
    mail = mailbox.write(address, "plain", Subject="Re: x")
    html = f'<p>Look:</p><p><img src="cid:{cid}" alt="the page"></p>'
    mail.set_content(html, subtype="html")
    mail.add_related(
        picture(width, height),
        "image",
        "png",
        cid="<logo@here>",
        filename="a.png",
        disposition="inline",
    )
    return mail


def test_a_file_is_attached(mailbox, address, files, alice, store, visitor_as):
    assert mailbox.post(with_file(mailbox.write(address))).verdict == "commented"
    (file,) = files()
    (comment,) = mailbox.comments()
    assert (file.name, file.event_id, file.uploader) == ("notes.txt", comment.id, alice)
    assert store.path(file.digest).read_bytes() == b"hello"
    assert "notes.txt" in visitor_as("bob").get("/web/issues/1/")


def test_a_file_alone_is_a_comment(mailbox, address, files):
    assert mailbox.post(with_file(mailbox.write(address, ""))).verdict == "commented"
    assert [file.name for file in files()] == ["notes.txt"]


def test_an_image_in_the_text_stays_there(mailbox, address, files, visitor_as):
    mailbox.post(with_image(mailbox, address))
    (file,) = files()
    assert f"![the page](attachment:{file.id})" in mailbox.comments()[0].text
    page = visitor_as("bob").get("/web/issues/1/")
    assert page.html.select_one(f'img[src*="/attachments/{file.id}/"]') is not None


def test_an_image_that_is_not_there_is_its_name(mailbox, address, files):
    mailbox.post(with_image(mailbox, address, cid="other@here"))
    assert "the page" in mailbox.comments()[0].text
    assert "cid:" not in mailbox.comments()[0].text


def test_an_image_that_is_on_the_issue_is_not_kept_again(mailbox, address, files):
    mailbox.post(with_image(mailbox, address))
    mailbox.post(with_image(mailbox, address))
    (file,) = files()
    assert [f"attachment:{file.id}" in comment.text for comment in mailbox.comments()] == [True] * 2


@pytest.mark.parametrize(("width", "height"), [(1, 1), (40, 60), (600, 2)])
def test_an_ornament_of_a_signature_is_not_kept(mailbox, address, files, width, height):
    mailbox.post(with_image(mailbox, address, width=width, height=height))
    assert files() == []
    assert mailbox.comments()[0].text.startswith("Look:")


def test_a_file_that_is_too_large_is_told_of(mailbox, address, files, outbox, store):
    mail = with_file(with_file(mailbox.write(address)), b"x" * (store.max_size + 1), "large.bin")
    assert mailbox.post(mail).verdict == "commented"
    assert [file.name for file in files()] == ["notes.txt"]
    assert any("'large.bin' is larger than 1 MB." in (message.body or "") for message in outbox)


def test_without_a_store_files_are_told_of(mailbox, address, files, outbox, monkeypatch):
    monkeypatch.setitem(mailbox.registry, "ponytracker.attachments", None)
    assert mailbox.post(with_file(mailbox.write(address))).verdict == "commented"
    assert files() == []
    assert any("Files are not kept on this tracker" in (message.body or "") for message in outbox)


def test_a_disk_that_is_full_loses_nothing(mailbox, address, files, monkeypatch, store):
    def fail(_data):
        raise OSError(28, "No space left on device")

    mail = with_file(mailbox.write(address))
    with monkeypatch.context() as patch:
        patch.setattr(store, "stage", fail)
        post = mailbox.post(mail)
        assert (post.status, post.verdict) == (503, "not_available")
    assert mailbox.comments() == []
    assert mailbox.post(mail).verdict == "commented"


def test_a_storage_that_is_out_loses_nothing(mailbox, address, files, monkeypatch, store):
    endpoint = f"http://127.0.0.1:{free_port()}"
    settings = S3Settings(place=Place("bucket", ""), endpoint=endpoint, **KEYS)
    mail = with_file(mailbox.write(address))
    with monkeypatch.context() as patch:
        patch.setitem(mailbox.registry, "ponytracker.attachments", S3Store(settings))
        post = mailbox.post(mail)
        assert (post.status, post.verdict) == (503, "not_available")
    assert (mailbox.comments(), files()) == ([], [])
    assert mailbox.post(mail).verdict == "commented"


def test_of_a_mail_that_is_refused_no_file_stays(mailbox, address, files, store, alice, session):
    alice.is_active = False
    session.commit()
    mailbox.post(with_file(mailbox.write(address)))
    assert files() == []
    assert list(store.digests()) == []


def test_a_limit_of_mails_is_no_limit_of_files(mailbox, address, files, monkeypatch):
    gate = mailbox.registry["ponytracker.gate"]
    monkeypatch.setattr(gate, "settings", dataclasses.replace(gate.settings, mail_max_mb=1))
    assert mailbox.post(with_file(mailbox.write(address), b"x" * 700_000)).verdict == "commented"
