"""Rows and files, whatever becomes of the transaction that wrote them."""

from __future__ import annotations

import hashlib
import os
import time

import pytest
from sqlalchemy import select, update

from ponytracker.attachments import keeping, service
from ponytracker.attachments.folder import FolderStore
from ponytracker.attachments.keeping import STORE
from ponytracker.attachments.query import list_attachments
from ponytracker.issues import service as issues
from ponytracker.models import Attachment
from ponytracker.models.base import now
from ponytracker.projects.service import delete_project
from ponytracker.security.principals import find_identities
from tests.functional.attachments.conftest import new_file, picture


def files(store):
    """Return all files of *store*, the unnamed ones too."""
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


def attach(session, store, event, uploader, *them):
    return service.attach(session, store, event, uploader, them)


def waiting(session, store, project, uploader, *them):
    with service.prepared(store, them) as prepared:
        return service.keep_pending(session, store, project.id, uploader.id, prepared)


def test_attaching(session, store, description, alice):
    (attachment,) = attach(session, store, description, alice, new_file())
    session.commit()
    assert attachment.digest == hashlib.sha256(b"some notes\n").hexdigest()
    assert store.path(attachment.digest).read_bytes() == b"some notes\n"
    assert (attachment.name, attachment.size, attachment.uploader) == ("notes.txt", 11, alice)
    # Not what was declared.
    assert attachment.content_type == "text/plain"
    assert list(list_attachments(session, description.issue)) == [attachment]
    assert files(store) == [store.path(attachment.digest)]


def test_by_nobody_and_from_an_open_file(session, store, description, tmp_path):
    source = tmp_path / "shot"
    source.write_bytes(picture())
    with source.open("rb") as data:
        (attachment,) = attach(session, store, description, None, new_file("a.png", data))
    assert (attachment.uploader_id, attachment.content_type) == (None, "image/png")
    assert (attachment.width, attachment.height, attachment.is_image) == (40, 30, True)


def test_the_file_is_there_before_the_commit(session, store, description, alice):
    (attachment,) = attach(session, store, description, alice, new_file())
    assert store.path(attachment.digest).exists()


@pytest.mark.parametrize("how", ["rollback", "close", "flush fails"])
def test_a_transaction_that_fails_leaves_no_file(session, store, description, alice, how):
    attach(session, store, description, alice, new_file(), new_file("a.png", picture()))
    assert len(files(store)) == 2
    if how == "flush fails":
        session.add(Attachment(project_id=10**8, name="x", content_type="x", size=1, digest="x"))
        with pytest.raises(Exception, match=r"(?i)foreign key|constraint"):
            session.commit()
    getattr(session, "close" if how == "close" else "rollback")()
    assert files(store) == []


def test_a_savepoint_that_fails_leaves_no_file(session, store, description, alice):
    savepoint = session.begin_nested()
    attach(session, store, description, alice, new_file())
    savepoint.rollback()
    session.commit()
    assert files(store) == []


def test_a_failure_keeps_what_another_row_names(session, store, description, alice):
    attach(session, store, description, alice, new_file())
    session.commit()
    attach(session, store, description, alice, new_file("again.txt"))
    session.rollback()
    assert [file.name for file in list_attachments(session, description.issue)] == ["notes.txt"]
    assert len(files(store)) == 1


def test_the_same_content_is_kept_once_until_its_last_row_goes(session, store, description, alice):
    first, second = attach(session, store, description, alice, new_file(), new_file("2.txt"))
    session.commit()
    assert first.digest == second.digest
    assert len(files(store)) == 1
    service.remove(session, Attachment.id == first.id)
    session.commit()
    assert len(files(store)) == 1
    service.remove(session, Attachment.id == second.id)
    assert len(files(store)) == 1  # until the commit
    session.commit()
    assert files(store) == []


def test_a_removal_that_fails_keeps_the_file(session, store, description, alice):
    attach(session, store, description, alice, new_file())
    session.commit()
    service.remove_attachments(session, description)
    session.rollback()
    assert len(files(store)) == 1


def test_what_is_shown_of_an_image_goes_with_it(session, store, description, alice):
    (attachment,) = attach(session, store, description, alice, new_file("a.png", picture()))
    session.commit()
    shown = store.display_path(attachment.digest)
    shown.parent.mkdir(parents=True)
    shown.write_bytes(b"smaller")
    service.remove_attachments(session, description)
    session.commit()
    assert files(store) == []


def test_deleting_a_comment_an_issue_a_project(session, store, issue, description, alice, world):
    comment = issues.comment(session, issue, alice, text="")
    attach(session, store, comment, alice, new_file(data=b"of the comment"))
    attach(session, store, description, alice, new_file(data=b"of the description"))
    other = world.issue(issue.project, alice)
    attach(session, store, issues.find_description(session, other), alice, new_file(data=b"of 2"))
    waiting(session, store, issue.project, alice, new_file(data=b"of none"))
    session.commit()
    assert len(files(store)) == 4
    issues.delete_comment(session, comment, alice)
    session.commit()
    assert len(files(store)) == 3
    (identity,) = find_identities(session, type(alice).id == alice.id)
    issues.delete_issue(session, issue, identity)
    session.commit()
    assert len(files(store)) == 2
    delete_project(session, identity, other.project)
    session.commit()
    assert files(store) == []
    assert session.query(Attachment).count() == 0


def test_a_site_that_keeps_no_files_deletes_what_it_has_of_rows(
    session, store, database, description, alice
):
    attach(session, store, description, alice, new_file())
    session.commit()
    session.info[STORE] = None
    service.remove_attachments(session, description)
    session.commit()
    assert len(files(store)) == 1


def test_a_file_that_is_too_large(session, store, description, alice):
    attach(session, store, description, alice, new_file(data=b"x" * store.max_size))
    with pytest.raises(service.TooLarge) as refused:
        attach(session, store, description, alice, new_file(data=b"x" * (store.max_size + 1)))
    assert refused.value.args[0].interpolate() == "'notes.txt' is larger than 1 MB."
    assert len(files(store)) == 1


def test_an_issue_that_has_too_much(session, store, description, alice):
    for octet in (b"1", b"2"):
        data = octet * store.max_size
        attach(session, store, description, alice, new_file(data=data))
    with pytest.raises(service.TooLarge) as refused:
        attach(session, store, description, alice, new_file())
    assert "together may have 2 MB" in refused.value.args[0].interpolate()
    assert len(files(store)) == 2


def test_too_many_files(session, store, description, alice):
    many = [new_file(data=b"%d" % number) for number in range(service.MAX_FILES)]
    attach(session, store, description, alice, *many)
    with pytest.raises(service.TooMany):
        attach(session, store, description, alice, new_file())
    with pytest.raises(service.TooMany), service.prepared(store, [*many, new_file()]):
        pass
    assert len(files(store)) == service.MAX_FILES


def test_of_several_files_all_or_none_is_written(session, store, description, alice):
    large = new_file("large", b"x" * (store.max_size + 1))
    with pytest.raises(service.TooLarge):
        attach(session, store, description, alice, new_file(), large)
    session.commit()
    assert files(store) == []


def test_a_folder_that_takes_nothing(session, description, alice, tmp_path, caplog):
    (tmp_path / "taken").write_text("a file where the folder belongs")
    with pytest.raises(service.NotStored):
        attach(session, FolderStore(tmp_path / "taken"), description, alice, new_file())
    assert "no file can be stored in" in caplog.text


def test_what_is_pending_is_its_uploaders_alone(session, store, web, alice, issue, world):
    bob = world.user("bob")
    (file,) = waiting(session, store, web, alice, new_file())
    other = world.project("other", alice)
    comment = issues.comment(session, issue, bob, text="x")
    assert service.find_pending(session, web.id, alice.id, [file.id]) == [file]
    assert service.find_pending(session, web.id, bob.id, [file.id]) == []
    assert service.find_pending(session, other.id, alice.id, [file.id]) == []
    assert not service.claim(session, comment, bob, [file.id])
    assert service.claim(session, comment, alice, [file.id])
    assert (file.event_id, file.issue_id) == (comment.id, issue.id)
    # Nobody takes it from where it is.
    second = issues.comment(session, issue, alice, text="y")
    assert not service.claim(session, second, alice, [file.id])
    assert file.event_id == comment.id


def test_what_may_wait_for_forms_is_limited(session, store, web, alice):
    for octet in (b"1", b"2"):
        waiting(session, store, web, alice, new_file(data=octet * store.max_size))
    with pytest.raises(service.TooLarge):
        waiting(session, store, web, alice, new_file())
    assert len(files(store)) == 2


def age(session, *rows, days=2):
    session.execute(
        update(Attachment).where(*rows).values(created_at=now() - days * service.PENDING_FOR)
    )


def test_what_has_waited_for_a_day_makes_room(session, store, web, alice):
    for octet in (b"1", b"2"):
        waiting(session, store, web, alice, new_file(data=octet * store.max_size))
    age(session, Attachment.uploader_id == alice.id)
    waiting(session, store, web, alice, new_file())
    session.commit()
    assert len(files(store)) == 1


def test_the_sweep_removes_what_has_waited_for_a_day(session, store, web, alice, description):
    attach(session, store, description, alice, new_file(data=b"attached"))
    waiting(session, store, web, alice, new_file(data=b"old"))
    age(session, Attachment.project_id == web.id)
    (new,) = waiting(session, store, web, alice, new_file(data=b"new"))
    ghost = waiting(session, store, web, alice, new_file(data=b"of a deleted account"))
    age(session, Attachment.id == ghost[0].id)
    session.execute(update(Attachment).where(Attachment.id == ghost[0].id).values(uploader_id=None))
    session.commit()
    assert service.remove_expired(session) == 1  # "old" made room before
    session.commit()
    assert set(session.scalars(select(Attachment.size))) == {len(b"attached"), new.size}
    assert len(files(store)) == 2


def kill(monkeypatch):
    """Let the process end as by kill -9 from now on: nothing of ours runs at an end."""
    monkeypatch.setattr(keeping, "remove_unused", lambda *_: None)


def test_the_sweep_removes_what_a_killed_process_left(
    session, store, description, alice, monkeypatch
):
    attach(session, store, description, alice, new_file(data=b"committed"))
    session.commit()
    with monkeypatch.context() as patch:
        kill(patch)
        attach(session, store, description, alice, new_file(data=b"between file and commit"))
        session.rollback()
        service.remove(session, Attachment.size == len(b"nothing"))
    assert len(files(store)) == 2
    assert service.remove_orphans(session, store) == 1
    assert [path.read_bytes() for path in files(store)] == [b"committed"]
    assert service.remove_orphans(session, store) == 0


def test_the_sweep_removes_what_was_never_written_to_its_end(session, store):
    old, new = store.stage(b"old"), store.stage(b"new")
    long_ago = time.time() - 2 * service.STALE_PART
    os.utime(old.path, (long_ago, long_ago))
    assert service.remove_orphans(session, store) == 1
    assert files(store) == [new.path]


def test_the_sweep_removes_what_was_made_of_an_image_that_went_meanwhile(session, store):
    shown = store.display_path("ab" * 32)
    shown.parent.mkdir(parents=True)
    shown.write_bytes(b"smaller")
    assert service.remove_orphans(session, store) == 1
    assert files(store) == []


def test_the_sweep_leaves_alone_what_is_not_ours(session, store):
    store.stage(b"makes the folder")
    stranger = store.folder / "ab" / "README"
    stranger.parent.mkdir()
    stranger.write_text("not ours")
    assert service.remove_orphans(session, store) == 0
    assert stranger.exists()


def test_a_sweep_of_no_folder(session, store):
    assert service.remove_orphans(session, store) == 0
