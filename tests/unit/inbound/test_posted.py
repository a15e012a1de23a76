from __future__ import annotations

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.inbound import posted
from ponytracker.inbound.posted import (
    MAX_BESIDE,
    MAX_FIELD,
    MAX_LOOKED_AT,
    MAX_PARTS,
    Malformed,
    read_form,
    read_key,
)

TYPE = "multipart/form-data; boundary=b0undary"
MB = 1024 * 1024


def form(*fields, boundary="b0undary", end="--\r\n"):
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value
        for name, value in fields
    ]
    return b"\r\n".join([*parts, f"--{boundary}{end}".encode()])


def read(body, content_type=TYPE, max_mail=MB):
    return read_form(io.BytesIO(body), content_type, size=len(body), max_mail=max_mail)


@given(
    mail=st.binary(max_size=300).filter(lambda mail: b"b0undary" not in mail),
    chunk=st.integers(1, 40),
)
def test_the_mail_comes_out_as_it_went_in(mail, chunk):
    before = posted._CHUNK
    posted._CHUNK = chunk
    try:
        found = read(form(("key", b"k"), ("email", mail), ("recipient", b"<a@b>")))
    finally:
        posted._CHUNK = before
    assert (found.mail, found.key, found.recipients, found.sender) == (mail, "k", ("a@b",), None)


def test_what_looks_almost_like_a_boundary():
    mail = b"--b0undar\r\n\r\n--b0undar\r\n-b0undary--\r\n--B0undary\r\n"
    assert read(form(("key", b"k"), ("email", mail))).mail == mail


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="b0undary"',
        "Multipart/Form-Data;boundary=b0undary; charset=utf-8",
        "multipart/form-data; charset=utf-8; boundary=b0undary",
    ],
)
def test_how_the_boundary_is_said(content_type):
    assert read(form(("email", b"x")), content_type).mail == b"x"


def test_a_null_sender_is_said():
    assert read(form(("email", b"x"), ("sender", b""))).sender == ""
    assert read(form(("email", b"x"), ("sender", b"<>"))).sender == ""
    assert read(form(("email", b"x"), ("sender", b"a@b"))).sender == "a@b"


def test_the_first_mail_counts():
    assert read(form(("email", b"one"), ("email", b"two"))).mail == b"one"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b0undary",
        b"--b0undary--",
        b"--b0undary\r\n",
        b"--b0undary\r\n\r\nno name\r\n--b0undary--",
        b"--b0undaryx\r\n\r\nx\r\n--b0undary--",
        form(("key", b"k")),
        form(("email", b"x"), end=""),
        form(("email", b"x"))[:-6],
        form(("key", b"k" * 2000), ("email", b"x")),
        form(*[("other", b"")] * (MAX_PARTS + 1), ("email", b"x")),
        b"--b0undary\r\n" + b"x: y\r\n" * 10_000 + b"\r\n\r\n--b0undary--",
        b"\x00" * 1000,
    ],
)
def test_what_is_no_form(body):
    with pytest.raises(Malformed):
        read(body)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "multipart/form-data", "multipart/mixed; boundary=b0undary"]
)
def test_what_is_no_form_at_all(content_type):
    with pytest.raises(Malformed):
        read(form(("email", b"x")), content_type)


@given(st.binary(max_size=200))
def test_anything_is_a_form_or_is_not(body):
    with suppress(Malformed):
        read(b"--b0undary" + body)


def test_of_a_mail_that_is_too_large_the_beginning_is_read():
    mail = b"From: alice@x\r\n\r\n" + b"x" * (3 * MB)
    found = read(form(("key", b"k"), ("email", mail)))
    assert (found.is_whole, found.key) == (False, "k")
    assert mail.startswith(found.mail)
    assert 1000 < len(found.mail) <= MAX_LOOKED_AT
    # The form is within its limits, the mail is not.
    slightly = read(form(("key", b"k"), ("email", mail[: MB + 100])))
    assert (slightly.is_whole, len(slightly.mail) <= MAX_LOOKED_AT) == (False, True)
    assert read(form(("key", b"k"), ("email", mail[:MB]))).is_whole


def test_a_large_body_with_the_key_behind_the_mail_is_nobodys():
    assert read(form(("email", b"x" * (3 * MB)), ("key", b"k"))).key == ""


def test_a_key_is_read_at_the_beginning_alone():
    mail = ("email", b"x" * (3 * MB))
    for fields, key in (
        ([("key", b"k"), mail], "k"),
        ([("sender", b"a@b"), ("key", b"k"), ("key", b"other"), mail], "k"),
        ([("key", b""), mail], ""),
        ([("email", b"x"), ("key", b"k")], "k"),
        ([mail, ("key", b"k")], None),
        ([mail], None),
    ):
        assert read_key(io.BytesIO(form(*fields)), TYPE) == key
    assert read_key(io.BytesIO(form(("key", b"k"))), "text/plain") is None
    assert read_key(io.BytesIO(form(("key", b"k" * MB), mail)), TYPE) is None
    assert len(read_key(io.BytesIO(form(("key", b"k" * 9000), mail)), TYPE)) == MAX_FIELD


@given(st.binary(max_size=200))
def test_of_anything_the_key_is_that_of_the_form(body):
    body = b"--b0undary" + body
    with suppress(Malformed):
        assert read_key(io.BytesIO(body), TYPE) in (None, read(body).key)


@given(padding=st.integers(MAX_BESIDE - 300, MAX_BESIDE + 100))
def test_a_key_about_where_the_beginning_ends_is_right_or_not_seen(padding):
    body = form(("email", b"x" * padding), ("key", b"k" * 50), ("sender", b"a@b"))
    assert read_key(io.BytesIO(body), TYPE) in (None, "k" * 50)
