from __future__ import annotations

import base64
import sys
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.inbound.reading import message, mime
from ponytracker.inbound.reading.message import Address, read_message


def mail(*lines: str) -> bytes:
    """Return a mail of *lines* with the ends that SMTP gives them."""
    return "\r\n".join(lines).encode()


def alternative(plain: str, html: str) -> bytes:
    """Return a mail that says both in plain text and in HTML what it says."""
    return mail(
        'Content-Type: multipart/alternative; boundary="x"', "",
        "--x", "Content-Type: text/plain", "", plain,
        "--x", "Content-Type: text/html", "", html, "--x--",
    )  # fmt: skip


def test_a_plain_mail():
    received = read_message(
        mail(
            "From: Ann <ann@example.org>",
            "To: a@example.org,",
            "\tb@example.org",
            "To: c@example.org",
            "Subject: =?utf-8?q?Caf=C3=A9?=",
            "Message-ID: <1@example.org>",
            "",
            "Hello",
            "",
        )
    )
    assert received.subject == received.header("subject") == "Café"
    assert received.message_id == "<1@example.org>"
    assert received.addresses("From") == [Address("Ann", "ann@example.org")]
    assert [found.address for found in received.addresses("to")] == [
        "a@example.org", "b@example.org", "c@example.org"
    ]  # fmt: skip
    assert received.headers("TO") == ["a@example.org, b@example.org", "c@example.org"]
    assert received.header("cc") is None
    assert received.headers("cc") == []
    assert received.body.text == "Hello"
    assert not received.body.is_html
    assert not received.body.files
    assert not received.body.was_cut


@pytest.mark.parametrize(
    ("field", "message_id"),
    [
        ("<a@b>", "<a@b>"),
        (" comment <a@b> ", "<a@b>"),
        ("a@b", "<a@b>"),
        ("nonsense", None),
        ("", None),
        ("<a b>", None),
    ],
)
def test_message_ids(field, message_id):
    assert read_message(mail(f"Message-ID: {field}", "", "x")).message_id == message_id


def test_plain_text_goes_before_html():
    received = read_message(alternative("The plain text.", "<p>The HTML."))
    assert (received.body.text, received.body.is_html) == ("The plain text.", False)


@pytest.mark.parametrize("plain", ["", "   ", "Your client does not show HTML mail."])
def test_html_is_read_where_the_plain_text_says_nothing(plain):
    received = read_message(alternative(plain, "<p>The <b>HTML</b>." + " " * 400))
    assert (received.body.text, received.body.is_html) == ("The **HTML**.", True)


def test_quotes_of_html_are_kept_apart():
    received = read_message(
        mail(
            "Content-Type: text/html", "", '<p>New<blockquote type="cite">Old</blockquote>'
        )
    )  # fmt: skip
    assert received.body.text == "New"
    assert received.body.elided_html_text == "> Old"


def test_a_forward_in_html_keeps_what_it_forwards():
    received = read_message(
        mail(
            "Subject: WG: News", "Content-Type: text/html", "",
            '<p>See.<div id="appendonsend"></div><p>The news',
        )
    )  # fmt: skip
    assert "The news" in received.body.text


def test_flowed_text_is_unflowed():
    received = read_message(
        mail("Content-Type: text/plain; format=flowed", "", "one ", "two", "", "three")
    )
    assert received.body.text == "one two\n\nthree"


def test_files():
    received = read_message(
        mail(
            "Content-Type: multipart/mixed; boundary=x", "", "preamble",
            "--x", "Content-Type: text/plain", "", "See the files.",
            "--x", 'Content-Type: image/png; name="../../etc/pass wd.png"',
            "Content-Transfer-Encoding: base64", "Content-ID: <photo@x>",
            "Content-Disposition: inline", "", base64.b64encode(b"PNG...").decode(),
            "--x", "Content-Type: text/plain",
            'Content-Disposition: attachment; filename="C:\\a\\log.txt"', "", "a log",
            "--x", "Content-Type: application/pdf", "", "%PDF",
            "--x", "Content-Type: application/pkcs7-signature; name=smime.p7s", "", "x",
            "--x", "Content-Type: message/rfc822", "", "Subject: Old/new mail", "", "inner",
            "--x--", "epilogue",
        )
    )  # fmt: skip
    assert received.body.text == "See the files."
    assert [
        (file.name, file.content_type, file.data, file.content_id, file.is_inline)
        for file in received.body.files
    ] == [
        ("pass wd.png", "image/png", b"PNG...", "photo@x", True),
        ("log.txt", "text/plain", b"a log", None, False),
        ("file-3.pdf", "application/pdf", b"%PDF", None, False),
        ("Old-new mail.eml", "message/rfc822", b"Subject: Old/new mail\r\n\r\ninner", None, False),
    ]


def test_a_text_below_a_picture_belongs_to_the_text():
    received = read_message(
        mail(
            "Content-Type: multipart/mixed; boundary=x", "",
            "--x", "", "Above.", "--x", "Content-Type: image/png", "", "P",
            "--x", "", "Below.", "--x--",
        )
    )  # fmt: skip
    assert received.body.text == "Above.\n\nBelow."
    assert len(received.body.files) == 1


def test_a_multipart_without_parts_is_text():
    received = read_message(mail("Content-Type: multipart/mixed; boundary=x", "", "Just text."))
    assert received.body.text == "Just text."


def test_a_multipart_that_is_not_closed():
    received = read_message(
        mail("Content-Type: multipart/mixed; boundary=x", "", "--x", "", "Open")
    )
    assert received.body.text == "Open"


def test_a_boundary_that_begins_another():
    received = read_message(
        mail(
            "Content-Type: multipart/mixed; boundary=x", "",
            "--x", "Content-Type: multipart/alternative; boundary=xy", "",
            "--xy", "", "Inner", "--xy--",
            "--x", "Content-Type: image/png", "", "P", "--x--",
        )
    )  # fmt: skip
    assert received.body.text == "Inner"
    assert len(received.body.files) == 1


def test_names_of_files_fit_a_file_system():
    name = "ä" * 400 + ".txt"
    received = read_message(
        mail(
            "Content-Type: multipart/mixed; boundary=x", "", "--x", "", "x",
            "--x", "Content-Type: text/plain",
            f'Content-Disposition: attachment; filename="{name}"', "", "x", "--x--",
        )
    )  # fmt: skip
    [file] = received.body.files
    assert len(file.name.encode()) < 255
    assert file.name.endswith("ä.txt")


@pytest.mark.parametrize("name", ["..", ".", "/", "a/", "\\", "con\x00\x1f", " . "])
def test_no_name_leads_out_of_a_folder(name):
    received = read_message(
        mail(
            "Content-Type: multipart/mixed; boundary=x", "", "--x", "", "x",
            "--x", "Content-Type: application/zip",
            f'Content-Disposition: attachment; filename="{name}"', "", "x", "--x--",
        )
    )  # fmt: skip
    [file] = received.body.files
    assert file.name not in ("", ".", "..")
    assert not set(file.name) & set("/\\\x00\x1f")


def test_too_many_parts_are_cut():
    parts = [line for number in range(mime.MAX_PARTS + 50) for line in ("--x", "", str(number))]
    received = read_message(mail("Content-Type: multipart/mixed; boundary=x", "", *parts))
    assert received.body.was_cut
    assert received.body.text.startswith("0\n\n1\n\n2")


def test_too_deep_parts_are_cut():
    lines = [
        line
        for number in range(mime.MAX_DEPTH + 30)
        for line in (f"Content-Type: multipart/mixed; boundary=b{number}", "", f"--b{number}")
    ]
    received = read_message(mail(*lines, "", "deep"))
    assert received.body.was_cut


@pytest.mark.parametrize("line", [b"-", b"\n---x"])
def test_a_million_lines_that_are_almost_a_boundary(line):
    start = thread_time()
    raw = b'Content-Type: multipart/mixed; boundary="-"\n\n---\n\nText\n' + line * 1_000_000
    assert read_message(raw).body.text.startswith("Text")
    assert thread_time() - start < 0.3


def test_a_million_lines_of_a_uuencoded_file():
    start = thread_time()
    head = b"Content-Type: application/zip\nContent-Transfer-Encoding: uuencode\n\n"
    read_message(head + b"x\n" * 5_000_000)
    assert thread_time() - start < 1.5


def test_too_long_a_text_is_cut():
    received = read_message(mail("Subject: x", "", "x" * (message.MAX_TEXT_OCTETS + 10)))
    assert received.body.was_cut
    assert len(received.body.text) == message.MAX_TEXT_OCTETS


def test_a_file_is_held_once():
    data = bytes(5_000_000)
    received = read_message(
        mail(
            "Content-Type: multipart/mixed; boundary=x", "", "--x", "", "x",
            "--x", "Content-Type: application/zip", "Content-Transfer-Encoding: base64", "",
            base64.encodebytes(data).decode(), "--x--",
        )
    )  # fmt: skip
    [file] = received.body.files
    assert file.data == data
    assert sys.getsizeof(file.data) < len(data) + 100


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\x00",
        b"no header at all",
        b"From ann Mon Mar  4\nSubject: x\n\ntext",
        b"Subject: x\rFrom: y\r\rtext",
        b"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx",
        b"Content-Type: multipart/mixed\n\n--x\n\nx",
        b"Content-Type: text\nContent-Transfer-Encoding: base64\n\n====",
        b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n#:&D*\nend\n",
        b"Content-Type: text/plain; charset=\xff\n\n\xff\xfe\x00",
    ],
)  # fmt: skip
def test_odd_mails_are_read(raw):
    received = read_message(raw)
    received.body.text.encode()
    received.subject.encode()


@given(st.binary(max_size=2_000))
def test_any_octets_are_read(raw):
    received = read_message(raw)
    received.body.text.encode()
    assert "\x00" not in received.body.text


def test_a_header_of_too_many_fields_ends_where_it_ends():
    fields = [f"X-{number}: x" for number in range(mime.MAX_FIELDS + 500)]
    received = read_message(mail(*fields, "Subject: late", "", "The text."))
    assert received.body.text == "The text."
    assert received.header("X-1") == "x"
    assert received.header("subject") is None


def test_the_body_of_a_mail_is_read_when_it_is_asked_for():
    received = read_message(b"Subject: x\nContent-Type: text/html\n\n<p>Hello</p>")
    assert received.subject == "x"
    assert "body" not in vars(received)
    assert received.body.text == "Hello"
    received.forget_body()
    assert "body" not in vars(received)
    assert received.body.text == "Hello"
