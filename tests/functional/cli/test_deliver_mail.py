from __future__ import annotations

import dataclasses

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from ponytracker.cli import deliver_mail as command
from ponytracker.cli.site import Site
from ponytracker.issues import service
from ponytracker.models import IssueSubscription, MailState, OwedMail, SubscriptionReason
from tests.mail import serve_mail
from tests.servers import free_port


@pytest.fixture
def run(monkeypatch, database, all_on, tmp_path):
    """Return a function that runs the command against a mail server on some port."""
    ini = tmp_path / "site.ini"
    ini.touch()

    def run(port, **over):
        own = {"mail_host": "127.0.0.1", "mail_port": port, **over}
        settings = dataclasses.replace(all_on, **own)
        monkeypatch.setattr(command, "open_site", lambda ini: Site(ini, settings, database))
        return CliRunner().invoke(command.deliver_mail, ["--ini", str(ini)])

    return run


@pytest.fixture
def owe(world, session):
    """Return a function that owes a mail to each of some addresses."""
    issue = world.issue(world.project("web"))

    def owe(*addresses):
        for address in addresses:
            user = world.user(address.partition("@")[0], email=address)
            issue.subscriptions[user.id] = IssueSubscription(
                user_id=user.id, reason=SubscriptionReason.MANUAL
            )
        service.comment(session, issue, None, text="Me too")
        session.commit()

    return owe


def test_what_is_due_is_sent(run, owe, mail_server):
    owe("alice@example.org", "bob@example.org")
    done = run(mail_server.port)
    assert (done.exit_code, done.output) == (0, "2 sent, 0 dropped, 0 still owed, 0 failed.\n")
    recipients = [envelope.rcpt_tos for envelope in mail_server.envelopes]
    assert recipients == [["alice@example.org"], ["bob@example.org"]]
    done = run(mail_server.port)
    assert (done.exit_code, done.output) == (0, "0 sent, 0 dropped, 0 still owed, 0 failed.\n")


def test_one_that_is_refused(run, owe, mail_server, session):
    owe("alice@example.org", "refused@example.org", "carol@example.org")
    done = run(mail_server.port)
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "2 sent, 0 dropped, 1 still owed, 0 failed.",
        "Error: 1 could not be sent, and will be tried again.",
    ]
    session.expire_all()
    owed = session.scalars(select(OwedMail).where(OwedMail.state == MailState.OWED)).one()
    assert owed.last_error == "SMTPRecipientsRefused 550"


def test_no_mail_server(run, owe):
    owe("alice@example.org")
    port = free_port()
    done = run(port)
    assert done.exit_code == 1
    assert "0 sent, 0 dropped, 1 still owed, 0 failed.\n" in done.output
    assert f"The mail server 127.0.0.1:{port} cannot be spoken to" in done.output
    assert "ConnectionRefusedError" in done.output


def test_a_server_that_hangs_up_after_it_has_taken_a_mail_gets_it_once(run, owe, monkeypatch):
    """It says 250, and then nothing any more, not even goodbye."""

    async def hang_up(server, session, envelope):
        server.transport.close()
        return "221 bye"

    with serve_mail() as server:
        monkeypatch.setattr(type(server._keeper), "handle_QUIT", hang_up, raising=False)
        owe("alice@example.org")
        assert run(server.port).exit_code == 0
        assert run(server.port).exit_code == 0
        assert len(server.envelopes) == 1


def test_a_tracker_that_sends_no_mail(run, owe):
    owe("alice@example.org")
    done = run(25, mail_default_sender="")
    assert done.exit_code == 1
    assert "'mail.default_sender' does not say who it is from" in done.output
