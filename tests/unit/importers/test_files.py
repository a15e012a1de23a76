import bz2
import gzip
import lzma
import os
import re
import tarfile

import pytest

from ponytracker.importers import files
from ponytracker.importers.files import read_files
from ponytracker.importers.records import ArchiveError
from tests.unit.importers.archives import write_directory, write_tar

ANY = re.compile(r".*\.json")
FILES = {"a/1.json": b"[1]", "a/2.json": b"[2]" * 50_000, "a/notes.txt": b"no"}


def read(path, wanted=ANY):
    return {match.string: content for match, content in read_files(path, wanted)}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_is_known_by_its_content(tmp_path, mode):
    path = write_tar(tmp_path / "whatever", FILES, mode)
    assert read(path) == {"a/1.json": b"[1]", "a/2.json": b"[2]" * 50_000}


def test_directory(tmp_path):
    assert set(read(write_directory(tmp_path, FILES))) == {"a/1.json", "a/2.json"}


def test_leading_dot_of_a_member_is_nothing(tmp_path):
    assert set(read(write_tar(tmp_path / "t", {"./a/1.json": b""}))) == {"a/1.json"}


@pytest.mark.parametrize(
    "compress",
    [bytes, gzip.compress, bz2.compress, lzma.compress],
    ids=["plain", "gzip", "bzip2", "xz"],
)
def test_a_tar_cut_off_anywhere_is_an_error(tmp_path, compress):
    # Bytes that do not compress, so that the cuts go through every part of the file; its end mark
    # is the block at 3584.
    tar = write_tar(tmp_path / "t", {"a/1.json": os.urandom(3000)}, "w").read_bytes()[:4096]
    whole = compress(tar)
    cut = tmp_path / "cut"
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match="cut off"):
            read(cut)
    cut.write_bytes(whole)
    assert set(read(cut)) == {"a/1.json"}


def test_a_damaged_header_is_no_end(tmp_path):
    path = write_tar(tmp_path / "t", FILES, "w")
    damaged = bytearray(path.read_bytes())
    damaged[1024:1124] = b"x" * 100
    path.write_bytes(damaged)
    with pytest.raises(ArchiveError, match="checksum"):
        read(path)


def test_damage_of_the_compressed_data_is_seen(tmp_path):
    path = write_tar(tmp_path / "t", FILES, "w:xz")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(ArchiveError):
        read(path)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(2000), b"hello" * 1000])
def test_another_kind_of_file_is_an_error(tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(ArchiveError, match="neither JSON nor a tar archive"):
        read(tmp_path / "f")


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("{}")
    folder = write_directory(tmp_path / "d", {"1.json": b"{}"})
    (folder / "2.json").symlink_to(secret)
    assert set(read(folder)) == {"1.json"}

    path = tmp_path / "t"
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("a.json")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
    assert read(path) == {}


def test_a_member_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "t"
    header = tarfile.TarInfo("a.json")
    header.size = files.MAX_MEMBER + 1
    path.write_bytes(header.tobuf() + bytes(10_240))
    with pytest.raises(ArchiveError, match=r"a\.json has 67,108,865 bytes"):
        read(path)


def test_a_name_that_is_too_long_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "t"
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, files.MAX_MEMBER + 1
    path.write_bytes(header.tobuf() + bytes(10_240))
    with pytest.raises(ArchiveError, match="name is too long"):
        read(path)


def test_a_large_file_that_is_not_wanted_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_MEMBER", 10)
    path = write_tar(tmp_path / "t", {"repo.pack": bytes(1000), "a.json": b"{}"})
    assert read(path) == {"a.json": b"{}"}


def test_only_so_much_of_a_single_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE", 10)
    (tmp_path / "f").write_bytes(bytes(11))
    with pytest.raises(ArchiveError, match="at most 10"):
        files.read_file(tmp_path / "f")
