from __future__ import annotations

import pytest

from ponytracker.mail.smtp import crlf, make_smtp_mailer, own_name


@pytest.mark.parametrize("raw", [b"a\nb\n", b"a\r\nb\r\n", b"a\rb\r", b"a\nb\r\n", "a\nb\r"])
def test_every_line_ends_as_smtp_asks(raw):
    assert crlf(raw) == b"a\r\nb\r\n"


def test_without_a_name_nobody_signs_in(settings):
    mailer = make_smtp_mailer(settings)
    assert (mailer.username, mailer.password) == (None, None)
    assert (mailer.hostname, mailer.port) == ("localhost", 25)


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://tracker.example.org/issues", "tracker.example.org"),
        ("http://localhost:6543", "localhost"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("http://192.0.2.1:8080", "[192.0.2.1]"),
        ("http://[2001:db8::1]", "[IPv6:2001:db8::1]"),
    ],
)
def test_it_calls_itself_by_the_address_of_the_site(base_url, name):
    assert own_name(base_url) == name
