from __future__ import annotations

import dataclasses
import email
import email.policy
import re
import socket

import pytest
from pyramid.config import Configurator

from ponytracker.mail import NotSent, compose, send
from tests.mail import PASSWORD, USERNAME, serve_mail

RESET = "ponytracker.accounts:templates/mail/reset.txt"
MANY = "ponytracker.accounts:templates/mail/known_address.txt"
VALUES = {"username": "Zoë <&> O'Brien", "token": "TOKEN"}


@pytest.fixture
def registry_for(all_on):
    """Return a function that gives a registry whose mail goes to a port of this machine."""

    def make(port, **over):
        with Configurator() as config:
            config.registry["ponytracker.settings"] = dataclasses.replace(
                all_on, mail_host="127.0.0.1", mail_port=port, **over
            )
            config.include("pyramid_jinja2")
            config.include("ponytracker.mail")
        return config.registry

    return make


def read(envelope):
    return email.message_from_bytes(envelope.content, policy=email.policy.default)


def test_a_mail_as_it_arrives(mail_server, registry_for):
    send(registry_for(mail_server.port), "alice@example.org", RESET, **VALUES)
    (envelope,) = mail_server.envelopes
    assert envelope.mail_from == "tracker@example.org"
    assert envelope.rcpt_tos == ["alice@example.org"]
    mail = read(envelope)
    assert mail["From"] == "PonyTracker <tracker@example.org>"
    assert mail["To"] == "alice@example.org"
    assert mail["Subject"] == "Choose another password for Zoë <&> O'Brien on PonyTracker"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.org>")
    assert mail["Date"].datetime is not None
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content()
    assert "account Zoë <&> O'Brien on PonyTracker." in text
    assert "http://localhost/login/reset?token=TOKEN" in text.splitlines()


def test_a_strict_server_gets_lines_as_it_asks_for(mail_server, registry_for):
    """Above a thousand octets, lines that end with LF alone are one line that is too long."""
    usernames = [f"somebody-{n}" for n in range(500)]
    send(registry_for(mail_server.port), "alice@example.org", MANY, usernames=usernames)
    (envelope,) = mail_server.envelopes
    assert len(envelope.content) > 5000
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", envelope.content)
    assert "somebody-499" in read(envelope).get_content()


def test_the_subject_stays_one_line(registry_for):
    values = {**VALUES, "username": "a\nBcc: eve@example.org\n\nb"}
    mail = compose(registry_for(25), "alice@example.org", RESET, **values)
    assert "\n" not in mail.subject
    assert mail.send_to == {"alice@example.org"}


@pytest.mark.parametrize("recipient", ["refused@example.org", "a@example.org\r\nX: y", "zoë@ü.org"])
def test_what_is_refused_is_told_without_saying_to_whom(mail_server, registry_for, recipient):
    with pytest.raises(NotSent) as error:
        send(registry_for(mail_server.port), recipient, RESET, **VALUES)
    assert recipient not in str(error.value)
    assert "TOKEN" not in str(error.value)
    assert mail_server.envelopes == []


def test_no_server(registry_for):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotSent, match="ConnectionRefusedError"):
        send(registry_for(port), "alice@example.org", RESET, **VALUES)


def test_starttls_with_a_password(registry_for, certificate, monkeypatch):
    path, context = certificate("127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    own = {"mail_tls": True, "mail_username": USERNAME, "mail_password": PASSWORD}
    with serve_mail(tls=context, auth=True) as server:
        send(registry_for(server.port, **own), "alice@example.org", RESET, **VALUES)
        assert len(server.envelopes) == 1
        wrong = {**own, "mail_password": "wrong"}
        with pytest.raises(NotSent):
            send(registry_for(server.port, **wrong), "alice@example.org", RESET, **VALUES)
        assert len(server.envelopes) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "other.example.org"])
def test_a_server_without_the_right_certificate_gets_nothing(
    registry_for, certificate, monkeypatch, host
):
    """Signed by nobody, or for another host."""
    path, context = certificate(host)
    if host != "127.0.0.1":
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with serve_mail(tls=context) as server:
        with pytest.raises(NotSent, match="SSLCertVerificationError"):
            send(registry_for(server.port, mail_tls=True), "a@example.org", RESET, **VALUES)
        assert server.envelopes == []


def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for(mail_server, registry_for):
    with pytest.raises(NotSent, match="TLS_NotAvailable"):
        send(registry_for(mail_server.port, mail_tls=True), "a@example.org", RESET, **VALUES)
    assert mail_server.envelopes == []
