from __future__ import annotations

import dataclasses
import email
import email.policy
import re
import smtplib
import socket

import pytest
from pyramid.config import Configurator

from ponytracker.mail import NoServer, NotSent, compose, connection, send, send_message, smtp, why
from tests.mail import PASSWORD, USERNAME, serve_mail

RESET = "ponytracker.accounts:templates/mail/reset.txt"
MANY = "ponytracker.accounts:templates/mail/known_address.txt"
VALUES = {"username": "Zoë <&> O'Brien", "token": "TOKEN"}
INBOUND = "ponytracker.inbound:templates/mail/"


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


@pytest.mark.parametrize(
    ("template", "values"),
    [
        (RESET, VALUES),
        (RESET.replace("reset", "sign_up"), VALUES),
        (MANY, {"usernames": ["a-rather-long-name"] * 9}),
        (INBOUND + "answer.txt", {"is_done": True, "text": ""}),
        (INBOUND + "answer.txt", {"is_done": False, "text": "What I wrote."}),
        (
            INBOUND + "opened.txt",
            {"title": "word " * 50, "project": "web", "number": 1, "url": "http:"},
        ),
    ],
)
def test_the_lines_of_a_terminal(registry_for, template, values):
    said = {"subject": "word " * 50, "meaning": "word " * 50, "notices": ["word " * 50, "Why not."]}
    message = compose(registry_for(25), "ann@example.org", template, **{**said, **values})
    assert [line for line in message.body.split("\n") if len(line) > 72] == []
    assert "\n\n\n" not in message.body
    assert message.body.startswith(("Your mail", "Someone, perhaps you, has asked"))


@pytest.mark.parametrize(
    "recipient", ["refused@example.org", "a@example.org\r\nX: y", "zo\udceb@example.org"]
)
def test_what_is_refused_is_told_without_saying_to_whom(mail_server, registry_for, recipient):
    with pytest.raises(NotSent) as error:
        send(registry_for(mail_server.port), recipient, RESET, **VALUES)
    assert recipient not in str(error.value)
    assert "TOKEN" not in str(error.value)
    assert mail_server.envelopes == []


def test_an_address_beyond_ascii(mail_server, registry_for):
    """RFC 6531: the addresses stand in the mail as they are, and all else as ever."""
    send(registry_for(mail_server.port), "zoë@example.org", RESET, **VALUES)
    (envelope,) = mail_server.envelopes
    assert envelope.rcpt_tos == ["zoë@example.org"]
    assert "SMTPUTF8" in envelope.mail_options
    assert read(envelope)["To"] == "zoë@example.org"
    assert read(envelope)["Subject"].startswith("Choose another password for Zoë")
    assert "account Zoë <&> O'Brien on PonyTracker." in read(envelope).get_content()


def test_an_address_beyond_ascii_where_the_server_takes_none(registry_for):
    with serve_mail(enable_SMTPUTF8=False) as server:
        with pytest.raises(NotSent, match="SMTPNotSupportedError"):
            send(registry_for(server.port), "zoë@example.org", RESET, **VALUES)
        send(registry_for(server.port), "zoe@example.org", RESET, **VALUES)
        assert len(server.envelopes) == 1


def test_many_mails_by_one_connection(mail_server, registry_for, monkeypatch):
    connections = []
    connect = smtp.CheckedSMTPMailer.connect

    def count(mailer):
        connections.append(mailer)
        return connect(mailer)

    monkeypatch.setattr(smtp.CheckedSMTPMailer, "connect", count)
    registry = registry_for(mail_server.port)
    with connection(registry) as relay:
        for _ in range(3):
            relay.send(compose(registry, "alice@example.org", RESET, **VALUES), sender="b@c.org")
        with pytest.raises(NotSent, match="SMTPRecipientsRefused 550"):
            relay.send(compose(registry, "refused@example.org", RESET, **VALUES), sender="b@c.org")
        # Whatever state a failure has left, the next begins anew.
        relay.send(compose(registry, "alice@example.org", RESET, **VALUES), sender="")
    assert [envelope.mail_from for envelope in mail_server.envelopes] == ["b@c.org"] * 3 + ["<>"]
    assert len(connections) == 2


def test_no_server_is_told_apart_from_a_refusal(mail_server, registry_for):
    registry = registry_for(mail_server.port)
    message = compose(registry, "refused@example.org", RESET, **VALUES)
    with pytest.raises(NotSent) as error:
        send_message(registry, message, sender="")
    assert not isinstance(error.value, NoServer)
    mail_server.stop()
    with pytest.raises(NoServer, match="ConnectionRefusedError"):
        send_message(registry, message, sender="")


def test_who_hangs_up_without_goodbye_has_taken_the_mail_all_the_same(
    mail_server, registry_for, monkeypatch
):
    async def hang_up(server, session, envelope):
        server.transport.close()
        return "221 bye"

    monkeypatch.setattr(type(mail_server._keeper), "handle_QUIT", hang_up, raising=False)
    send(registry_for(mail_server.port), "alice@example.org", RESET, **VALUES)
    assert len(mail_server.envelopes) == 1


def test_what_the_server_answers_is_told_by_its_codes_alone():
    refused = smtplib.SMTPSenderRefused(550, b"5.7.1 <bounce+7.TOKEN@a.org> denied", "a")
    assert why(refused) == "SMTPSenderRefused 550 5.7.1"
    assert why(smtplib.SMTPDataError(451, b"4.7.100")) == "SMTPDataError 451 4.7.100"
    assert why(smtplib.SMTPDataError(552, "5.3.4secret")) == "SMTPDataError 552"
    refused = smtplib.SMTPRecipientsRefused({"bob@a.org": (550, b"bob@a.org unknown")})
    assert why(refused) == "SMTPRecipientsRefused 550"
    assert why(OSError("secret")) == "OSError"


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
