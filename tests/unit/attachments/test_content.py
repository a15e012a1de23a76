"""What is in a file, whatever it says of itself."""

from __future__ import annotations

import io
import struct
import zlib
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from ponytracker.attachments import content, scaling
from ponytracker.attachments.content import Content, look_into
from ponytracker.attachments.folder import FolderStore
from ponytracker.attachments.scaling import NotScaled, display_size, scale
from ponytracker.attachments.store import LargerThanAllowed

SAVED = Content("application/octet-stream")


def picture(mode="RGB", size=(30, 20), form="PNG", **options):
    out = io.BytesIO()
    Image.new(mode, size).save(out, form, **options)
    return out.getvalue()


def bomb(width, height):
    """Return a PNG of a few octets that unfolds to so many pixels."""
    rows = zlib.compress(bytes(1 + width // 8) * min(height, 10_000), 9)

    def chunk(name, data):
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def look(tmp_path):
    def look(data, name="file"):
        path = tmp_path / "looked-into"
        path.write_bytes(data)
        return look_into(path, name)

    return look


def test_images(look):
    for form in ("PNG", "JPEG", "GIF", "WEBP"):
        assert look(picture(form=form)) == (f"image/{form.lower()}", 30, 20)


@pytest.mark.parametrize("form", ["BMP", "TIFF", "ICO", "PPM", "PCX", "TGA"])
def test_images_of_other_kinds_are_not_even_opened(look, form, monkeypatch):
    monkeypatch.setattr(Image, "open", None)
    assert look(picture(form=form)).type in ("application/octet-stream", "text/plain")


def test_an_image_that_lies_on_its_side(look):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert look(picture(form="JPEG", exif=exif)) == ("image/jpeg", 20, 30)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_image_is_not_decoded_to_see_how_large_it_is(look, form, monkeypatch):
    data = picture(form=form)
    for kind in {type(Image.open(io.BytesIO(data))), Image.Image, ImageFile.ImageFile}:
        monkeypatch.setattr(kind, "load", None)
    assert look(data).width == 30


def test_a_bomb(look, tmp_path):
    data = bomb(9_000, 9_000)
    assert len(data) < 100_000
    assert look(data) == Content("image/png")
    (tmp_path / "bomb").write_bytes(data)
    with pytest.raises(NotScaled):
        scale(tmp_path / "bomb", tmp_path / "shown")


def test_a_bomb_that_pillow_itself_would_refuse(look):
    assert look(bomb(60_000, 60_000)).width is None


def test_texts(look):
    assert look(b"words") == Content("text/plain")
    assert look("déjà vu 🐴".encode()) == Content("text/plain")
    assert look(b"\x1b[31mred\x1b[0m\tand\f\r\n") == Content("text/plain")
    # A character may lie across two pieces that are read.
    assert look(b"x" * (content._CHUNK - 1) + "é".encode()) == Content("text/plain")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"caf\xe9",
        b"a\x00b",
        b"words\xc3",
        b"x" * content._CHUNK + b"\x00",
        b"<",
        b" \t\r\n<b>",
        b"\xef\xbb\xbf<!--",
    ],
)
def test_what_is_no_text_to_be_shown(look, data):
    assert look(data) == SAVED


@given(data=st.binary(max_size=300), name=st.text(max_size=20))
def test_anything(tmp_path_factory, data, name):
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(data)
    found = look_into(path, name)
    assert found.type in content._TYPES.values() or found.type in (
        "application/pdf",
        "application/octet-stream",
        "text/plain",
    )


@given(st.data())
def test_broken_images(tmp_path_factory, data):
    form = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]))
    octets = bytearray(picture(form=form, size=(64, 64)))
    for _ in range(data.draw(st.integers(1, 8))):
        octets[data.draw(st.integers(4, len(octets) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("broken")
    (folder / "file").write_bytes(octets)
    found = look_into(folder / "file", "file")
    if found.width is None:
        return
    try:
        scale(folder / "file", folder / "shown")
    except NotScaled:
        assert (folder / "shown").stat().st_size == 0
    else:
        assert Image.open(folder / "shown").format == "WEBP"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_images_of_every_mode_are_shown(tmp_path, mode):
    (tmp_path / "file").write_bytes(picture(mode))
    scale(tmp_path / "file", tmp_path / "shown")
    image = Image.open(tmp_path / "shown")
    assert image.size == (30, 20)
    assert image.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")


def test_a_cmyk_image_is_shown(tmp_path):
    (tmp_path / "file").write_bytes(picture("CMYK", form="JPEG"))
    scale(tmp_path / "file", tmp_path / "shown")
    assert Image.open(tmp_path / "shown").mode == "RGB"


def test_a_jpeg_of_very_many_passes_ends(tmp_path, monkeypatch):
    """Each pass goes over all pixels, and takes a few octets of the file."""
    monkeypatch.setattr(scaling, "SCALING_SECONDS", 0.2)
    data = picture(size=(5000, 5000), form="JPEG", progressive=True)
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    last = data[starts[-1] : -2]
    (tmp_path / "file").write_bytes(data[:-2] + last * 20_000 + b"\xff\xd9")
    begin = thread_time()
    with pytest.raises(NotScaled):
        scale(tmp_path / "file", tmp_path / "shown")
    assert thread_time() - begin < 5


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_what_is_shown_fits(width, height):
    shown = display_size(width, height)
    assert all(1 <= side <= 1200 for side in shown)
    assert shown[0] <= width
    assert shown[1] <= height


def test_a_store_keeps_octets_by_their_hash(tmp_path):
    store = FolderStore(tmp_path / "new", max_mb=1)
    staged = store.stage(io.BytesIO(b"octets"))
    assert not store.path(staged.digest).exists()
    store.keep(staged)
    assert store.path(staged.digest).read_bytes() == b"octets"
    assert staged.digest == (store.path(staged.digest).parent.name + store.path(staged.digest).name)
    assert list(store.digests()) == [staged.digest]
    store.discard(staged)  # which is kept already
    store.remove(staged.digest)
    store.remove(staged.digest)
    assert list(store.digests()) == []


def test_a_store_mends_what_is_shorter_than_it_was(tmp_path):
    store = FolderStore(tmp_path)
    staged = store.stage(b"octets")
    store.keep(staged)
    store.path(staged.digest).write_bytes(b"oct")
    store.keep(store.stage(b"octets"))
    assert store.path(staged.digest).read_bytes() == b"octets"


def test_a_store_reads_no_more_than_a_file_may_have(tmp_path):
    store = FolderStore(tmp_path, max_mb=1)

    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size=-1):
            self.taken += size
            return b"x" * size

    endless = Endless()
    with pytest.raises(LargerThanAllowed):
        store.stage(endless)
    assert endless.taken < 2_000_000
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("digest", ["", "../x", "A" * 64, "0" * 63, "0" * 65, "0" * 63 + "\n"])
def test_a_store_looks_nowhere_else(tmp_path, digest):
    with pytest.raises(ValueError, match="not a SHA-256"):
        FolderStore(tmp_path).path(digest)
