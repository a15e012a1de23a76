from __future__ import annotations

import pytest

from ponytracker.mail.smtp import crlf, make_smtp_mailer


@pytest.mark.parametrize("raw", [b"a\nb\n", b"a\r\nb\r\n", b"a\rb\r", b"a\nb\r\n", "a\nb\r"])
def test_every_line_ends_as_smtp_asks(raw):
    assert crlf(raw) == b"a\r\nb\r\n"


def test_without_a_name_nobody_signs_in(settings):
    mailer = make_smtp_mailer(settings)
    assert (mailer.username, mailer.password) == (None, None)
    assert (mailer.hostname, mailer.port) == ("localhost", 25)
