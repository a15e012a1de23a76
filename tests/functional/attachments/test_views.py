"""Files on their way out: to whom, as what, and with nothing that runs."""

from __future__ import annotations

import io
from urllib.parse import quote

import pytest
from PIL import Image

from ponytracker.attachments import scaling, service
from ponytracker.issues import service as issues
from ponytracker.models import Access, Attachment
from ponytracker.text import clean_text
from tests.databases import count_queries
from tests.functional.attachments.conftest import new_file, picture
from tests.hostile import TEXTS

PDF = b"%PDF-1.7\n1 0 obj"
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
)
HTML = b"<!doctype html><script>alert(document.domain)</script>"


@pytest.fixture
def attach(session, store, description, alice):
    """Return a function that attaches a file to the first issue and returns its address."""

    def attach(name="notes.txt", data=b"some notes\n"):
        (found,) = service.attach(session, store, description, alice, [new_file(name, data)])
        session.commit()
        return f"/web/issues/1/attachments/{found.id}/{quote(found.name)}"

    return attach


def test_a_text(visitor, attach):
    answer = visitor.get(attach())
    assert answer.body == b"some notes\n"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("inline; filename=")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_image(visitor, attach, form):
    data = picture(form=form)
    # Whatever it is called.
    answer = visitor.get(attach("page.html", data))
    assert answer.body == data
    assert answer.headers["Content-Type"] == f"image/{form.lower()}"
    assert answer.headers["Content-Disposition"].startswith("inline;")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", HTML),
        ("picture.png", HTML),
        ("picture.svg", SVG),
        ("picture.png", SVG),
        ("notes.txt", b"\n\n  " + SVG),
        ("notes.txt", b"\xef\xbb\xbf<script>alert(1)</script>"),
        ("page.html", b"just words"),
        ("page.SVG", b"just words"),
        ("notes.txt", b"\xff\xfe<\x00s\x00c\x00r\x00i\x00p\x00t\x00>\x00"),
        ("notes.txt", b"nul\x00"),
        ("notes.txt", "caf\xe9".encode("latin-1")),
        ("empty", b""),
        ("paper.pdf", PDF),
        ("run.exe", b"MZ\x90\x00"),
        ("broken.png", b"\x89PNG\r\n\x1a\n" + HTML),
        ("broken.gif", b"GIF89a" + HTML),
        ("broken.webp", b"RIFF\x00\x00\x00\x00WEBPVP8 " + HTML),
    ],
)
def test_anything_else_is_saved(visitor, attach, name, data):
    answer = visitor.get(attach(name, data))
    assert answer.body == data
    expected = "application/pdf" if data is PDF else "application/octet-stream"
    assert answer.headers["Content-Type"] == expected
    assert answer.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize("comment", [HTML, b"/*", b"=1;alert(1);"])
def test_what_is_also_something_else_is_an_image(visitor, attach, comment):
    data = picture(form="GIF", comment=comment) + comment
    answer = visitor.get(attach("x.gif.html", data))
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("data", [b"words", HTML, picture(), PDF])
@pytest.mark.parametrize("view", ["", "/display"])
def test_nothing_can_run(visitor, attach, data, view):
    answer = visitor.get(attach(data=data) + view, expect_errors=True)
    if answer.status_int == 404:
        assert view == "/display"
        return
    headers = answer.headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("name", "ascii_name", "extended"),
    [
        ("a b.txt", "a b.txt", "a%20b.txt"),
        ("é🐴.txt", "__.txt", "%C3%A9%F0%9F%90%B4.txt"),
        ('"; x="y".txt', "__ x=_y_.txt", "%22%3B%20x%3D%22y%22.txt"),
        ("100%.txt", "100_.txt", "100%25.txt"),
        (
            "evil\r\nSet-Cookie: x=1.txt",
            "evil Set-Cookie: x=1.txt",
            "evil%20Set-Cookie%3A%20x%3D1.txt",
        ),
        ("../../etc/passwd", "passwd", "passwd"),
        ("\u202egpj.exe", "gpj.exe", "gpj.exe"),
        ("..", "file", "file"),
        ("@@display", "@display", "%40display"),
        ("display", "display", "display"),
    ],
)
def test_the_name_that_it_is_saved_by(visitor, attach, name, ascii_name, extended):
    answer = visitor.get(attach(name))
    expected = f"inline; filename=\"{ascii_name}\"; filename*=UTF-8''{extended}"
    assert answer.headers["Content-Disposition"] == expected
    assert "Set-Cookie" not in answer.headers


def test_a_very_long_name(visitor, attach):
    address = attach("x" * 300 + ".txt")
    assert address.endswith("/" + "x" * 116 + ".txt")
    assert visitor.get(address).status_int == 200


def test_the_id_alone_leads_to_the_file(visitor, attach):
    address = attach("a b.txt")
    answer = visitor.get(address.rpartition("/")[0] + "/")
    assert (answer.status_int, answer.location) == (303, f"http://localhost{address}")


def test_another_name_or_issue_or_id_is_not_there(visitor_as, alice, world, web, attach):
    address = attach()
    world.issue(web, alice)
    browser = visitor_as(alice)
    for other in (
        address + "x",
        address.replace("/1/", "/2/"),
        address.replace("notes.txt", "other.txt"),
        "/web/issues/1/attachments/",
        "/web/issues/1/attachments/0/notes.txt",
        "/web/issues/1/attachments/x/notes.txt",
        "/web/issues/1/attachments/999999999/notes.txt",
        address.replace("/1/attachments", "/attachments"),
        "/web/issues/attachments/",
        address + "/x",
        address + "/display/x",
    ):
        assert browser.get(other, expect_errors=True).status_int == 404, other


def test_who_may_not_see_the_issue_finds_nothing(visitor, visitor_as, world, web, session, attach):
    address = attach()
    bob = visitor_as(world.user("bob"))
    assert bob.get(address).status_int == 200
    web.access = Access.PRIVATE
    session.commit()
    for place in (address, address + "/display", address.rpartition("/")[0]):
        assert bob.get(place, expect_errors=True).status_int == 404
        assert "/login?next=" in visitor.get(place).location


def test_what_has_not_changed_is_not_sent_again(visitor, attach):
    address = attach()
    etag = visitor.get(address).headers["ETag"]
    again = visitor.get(address, headers={"If-None-Match": etag})
    assert (again.status_int, again.body) == (304, b"")
    assert visitor.get(address, headers={"If-None-Match": '"other"'}).status_int == 200


def test_a_part_of_it(visitor, attach):
    address = attach(data=b"0123456789")
    part = visitor.get(address, headers={"Range": "bytes=2-4"})
    assert (part.status_int, part.body) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert visitor.get(address, headers={"Range": "bytes=90-"}, status=416)


def test_a_file_that_is_missing_on_the_disk_is_not_there(visitor, attach, store, caplog):
    address = attach("a.png", picture())
    for digest in list(store.digests()):
        store.remove(digest)
    assert visitor.get(address, status=404).html.h1
    assert "is missing" in caplog.text
    visitor.get(address + "/display", status=404)


def test_a_folder_that_cannot_be_read_is_told(visitor, attach, store, caplog):
    address = attach("a.png", picture())
    (digest,) = store.digests()
    shelf = store.path(digest).parent
    shelf.rename(shelf.with_name("away"))
    shelf.touch()  # as a shared folder that went away, it raises another error than "not there"
    for path in (address, address + "/display"):
        answer = visitor.get(path, status=503)
        assert "The files of this site cannot be read at the moment." in answer.text
        assert answer.headers["Retry-After"] == "10"
    assert "Not a directory" in caplog.text
    shelf.unlink()
    shelf.with_name("away").rename(shelf)
    assert visitor.get(address).body == picture()
    assert visitor.get(address + "/display").status_int == 200


def test_a_site_that_keeps_files_no_more(visitor, attach, app, monkeypatch):
    address = attach("a.png", picture())
    monkeypatch.setitem(app.registry, "ponytracker.attachments", None)
    visitor.get(address, status=404)
    visitor.get(address + "/display", status=404)


def shown(answer):
    """Return the image that was answered."""
    assert answer.headers["Content-Type"] == "image/webp"
    image = Image.open(io.BytesIO(answer.body))
    image.load()
    return image


def test_a_large_image_is_shown_smaller(visitor, attach, store):
    address = attach("big.png", picture(2400, 1000))
    answer = visitor.get(address + "/display")
    assert shown(answer).size == (1200, 500)
    assert answer.headers["Content-Disposition"].startswith("inline;")
    (made,) = (store.folder / "display").rglob("*/*")
    made.write_bytes(b"made once")
    assert visitor.get(address + "/display").body == b"made once"


def test_a_small_image_is_not_shown_larger(visitor, attach):
    assert shown(visitor.get(attach("a.png", picture()) + "/display")).size == (40, 30)


def test_an_image_is_shown_upright_and_without_where_it_was_taken(visitor, attach, session):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the right
    exif[0x010F] = "a camera of mine"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    data = picture(80, 20, "JPEG", exif=exif, comment=b"at home")
    address = attach("photo.jpg", data)
    answer = visitor.get(address + "/display")
    image = shown(answer)
    assert image.size == (20, 80)
    assert not image.getexif()
    assert b"camera" not in answer.body
    assert b"home" not in answer.body
    row = session.query(Attachment).one()
    assert (row.width, row.height) == (20, 80)


def test_a_small_gif_still_moves(visitor, attach):
    frames = [Image.new("P", (10, 10), number) for number in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    answer = visitor.get(attach("a.gif", out.getvalue()) + "/display")
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.body == out.getvalue()


def test_what_is_no_image_is_not_shown_as_one(visitor, attach):
    for data in (b"words", HTML, PDF):
        visitor.get(attach(data=data) + "/display", status=404)


def test_an_image_of_too_many_pixels_is_only_saved(visitor, attach, session, monkeypatch):
    monkeypatch.setattr("ponytracker.attachments.content.MAX_PIXELS", 99 * 99)
    answer = visitor.get(address := attach("bomb.png", picture(100, 100)))
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    visitor.get(address + "/display", status=404)
    assert session.query(Attachment).one().is_image is False


def test_an_image_that_cannot_be_decoded_is_tried_once(
    visitor, attach, session, monkeypatch, caplog
):
    data = picture(300, 300, "JPEG", quality=95)
    address = attach("cut.jpg", data[: len(data) // 3])
    assert session.query(Attachment).one().is_image
    visitor.get(address + "/display", status=404)
    assert "cannot be shown" in caplog.text

    def fail(_source):
        raise AssertionError("tried again")

    monkeypatch.setattr(scaling, "_scale", fail)
    visitor.get(address + "/display", status=404)
    assert visitor.get(address).body == data[: len(data) // 3]


def test_a_full_disk_is_tried_again(visitor, attach, monkeypatch):
    address = attach("a.png", picture())

    def fail(_source):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(scaling, "_scale", fail)
        visitor.get(address + "/display", status=503)
    assert visitor.get(address + "/display").status_int == 200


def test_an_image_that_takes_too_long(visitor, attach, monkeypatch):
    monkeypatch.setattr(scaling, "SCALING_SECONDS", -1.0)
    visitor.get(attach("slow.png", picture()) + "/display", status=404)


def test_too_many_images_at_once(visitor, attach, monkeypatch):
    monkeypatch.setattr(scaling, "WAIT_SECONDS", 0.01)
    address = attach("a.png", picture())
    with scaling._ONE_AT_A_TIME:
        visitor.get(address + "/display", status=503)
    assert visitor.get(address + "/display").status_int == 200


def test_the_page_shows_what_the_text_does_not(visitor, session, store, issue, alice):
    comment = issues.comment(session, issue, alice, text="x")
    image, notes, shown_in_text = service.attach(
        session,
        store,
        comment,
        alice,
        [new_file("a&b.png", picture()), new_file(), new_file("in.png", picture(9, 9))],
    )
    issues.edit_comment(session, comment, alice, text=f"See ![in](attachment:{shown_in_text.id})")
    session.commit()
    page = visitor.get("/web/issues/1/")
    links = page.html.select(f"#event-{comment.id} .attachments a")
    assert [link.text.strip() for link in links] == ["a&b.png", "notes.txt"]
    (thumbnail,) = page.html.select(f"#event-{comment.id} .attachments img")
    assert thumbnail["src"] == f"/web/issues/1/attachments/{image.id}/a&b.png/display"
    assert visitor.get(thumbnail["src"]).status_int == 200
    assert "11 Bytes" in page.html.select_one(f"#event-{comment.id} .attachments").text
    in_text = page.html.select_one(f"#event-{comment.id} .markdown-body img")
    assert in_text["src"] == f"/web/issues/1/attachments/{shown_in_text.id}/in.png/display"
    assert (in_text["width"], in_text["height"], in_text["alt"]) == ("9", "9", "in")
    assert in_text.parent["href"] == in_text["src"].removesuffix("/display")
    assert notes.name in page


def test_a_text_shows_and_links_files_of_its_own_issue_alone(
    visitor, session, store, world, web, alice, issue, description
):
    other = world.issue(web, alice)
    theirs, text = service.attach(
        session,
        store,
        issues.find_description(session, other),
        alice,
        [new_file("theirs.png", picture()), new_file()],
    )
    own, log = service.attach(
        session, store, description, alice, [new_file("o.png", picture(8, 8)), new_file("a.log")]
    )
    words = (
        f"![theirs](attachment:{theirs.id}) [their text](attachment:{text.id}) "
        f"[**log**](attachment:{log.id}) ![as image](attachment:{log.id}) "
        f"[![inner](attachment:{own.id})](https://example.org) ![gone](attachment:999999999)"
    )
    comment = issues.comment(session, issue, alice, text=words)
    session.commit()
    body = visitor.get("/web/issues/1/").html.select_one(f"#event-{comment.id} .markdown-body")
    base = "/web/issues/1/attachments"
    assert [(link.text, link.get("href")) for link in body.select("a")] == [
        ("their text", None),
        ("log", f"{base}/{log.id}/a.log"),
        ("as image", f"{base}/{log.id}/a.log"),
        ("", "https://example.org"),
    ]
    (image,) = body.select("img")
    assert image["src"] == f"{base}/{own.id}/o.png/display"
    assert image.parent["href"] == "https://example.org"
    assert body.text.split() == "theirs their text log as image gone".split()


@pytest.mark.parametrize("name", TEXTS.values(), ids=TEXTS)
def test_hostile_names(visitor, session, description, alice, attach, name):
    address = attach(name, picture())
    found = session.query(Attachment).one()
    issues.edit_comment(
        session, description, alice, text=clean_text(f"![{name}](attachment:{found.id})")
    )
    session.commit()
    assert "<script>alert" not in visitor.get("/web/issues/1/")
    answer = visitor.get(address)
    assert answer.status_int == 200
    assert answer.headers["Content-Disposition"].isascii()


def test_a_page_asks_for_all_files_at_once(
    visitor, session, store, issue, description, alice, database
):
    def count():
        with count_queries(database) as queries:
            visitor.get("/web/issues/1/")
        return len(queries)

    before = count()
    service.attach(
        session,
        store,
        description,
        alice,
        [new_file(f"{n}.png", picture(n, 9)) for n in range(1, 9)],
    )
    session.commit()
    assert count() == before
