from __future__ import annotations

import dataclasses
import datetime as dt
import json
import smtplib
import socket

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from ponytracker import celery
from ponytracker.cli import doctor as command
from ponytracker.db import Database, make_engine
from ponytracker.issues import service
from ponytracker.models import IssueSubscription, MailState, OwedMail, SubscriptionReason
from ponytracker.models.base import now
from ponytracker.operations import introduction
from ponytracker.operations.checks import address, files
from ponytracker.operations.site import Site
from tests.mail import PASSWORD, USERNAME, serve_mail
from tests.servers import ROOT, free_port

DEVELOPMENT = ROOT / "development.ini"


@pytest.fixture
def run(monkeypatch, database, all_on, mail_server):
    """Return a function that runs the command with some settings; what it says, by its subject.

    The tracker answers at its address.
    """

    def answer(_parts, said):
        proof = introduction.acknowledge(all_on.secret, said)
        body = json.dumps({"address": "127.0.0.1", "proof": proof}).encode()
        return address.Answer(200, "", body, "127.0.0.1")

    monkeypatch.setattr(address, "ask", answer)

    def run(code=0, database=database, **over):
        off = {"reply_email": "", "email_key": "", "attachments_dir": None}
        own = {"mail_host": "127.0.0.1", "mail_port": mail_server.port, **off, **over}
        settings = dataclasses.replace(all_on, **own)
        monkeypatch.setattr(command, "read_site", lambda ini: Site(ini, settings, database))
        done = CliRunner().invoke(command.doctor, ["--ini", str(DEVELOPMENT)])
        assert done.exit_code == code, done.output
        assert all(len(line.split(":")) > 1 for line in done.output.splitlines())
        return {line[7:].partition(":")[0]: line for line in done.output.splitlines()}

    return run


@pytest.fixture
def owe(world, session):
    """Owe a mail, so long ago."""
    issue = world.issue(world.project("web"))
    user = world.user("bob", email="bob@example.org")
    issue.subscriptions[user.id] = IssueSubscription(
        user_id=user.id, reason=SubscriptionReason.MANUAL
    )

    def owe(**values):
        service.comment(session, issue, None, text="Me too")
        session.flush()
        owed = session.scalars(select(OwedMail).order_by(OwedMail.id.desc())).first()
        for name, value in values.items():
            setattr(owed, name, value)
        session.commit()

    return owe


def test_all_is_well(run, database, mail_server):
    said = run()
    kind = database.bind.dialect.name
    assert said["Database"].startswith(f"ok     Database: {kind}, at its newest (")
    assert (
        said["Mail server"] == f"ok     Mail server: 127.0.0.1:{mail_server.port} answers, no TLS."
    )
    assert said["Owed mail"] == "ok     Owed mail: 0."
    assert said["Mail in"].startswith(
        "off    Mail in: nobody can answer by mail. Set ponytracker.reply"
    )
    assert said["Attachments"].startswith("off ")
    assert "Workers" not in said
    assert mail_server.envelopes == []


def test_a_database_that_is_not_up_to_date(run, session):
    session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    session.commit()
    line = run(1)["Database"]
    assert line.startswith("WRONG  Database: it is at 0001, this version needs ")
    assert line.endswith(f"alembic -c {DEVELOPMENT} upgrade head")


def test_a_database_that_is_away_hides_nothing_else(run):
    away = Database(make_engine("sqlite:////nowhere/at/all.sqlite"))
    said = run(1, database=away)
    assert "it cannot be read (unable to open database file)" in said["Database"]
    assert said["Outbox"].startswith("WRONG  Outbox: could not be looked at, since the database")
    assert said["Mail server"].startswith("ok ")


def test_a_tracker_that_sends_no_mail(run, owe):
    owe(next_try_at=now() - dt.timedelta(days=1))
    said = run(mail_default_sender="")
    assert said["Mail out"].startswith("off    Mail out: none is sent.")


def test_what_is_wrong_with_the_mail_server(run, certificate, monkeypatch):
    path, context = certificate("127.0.0.1")
    own = {"mail_tls": True, "mail_username": USERNAME, "mail_password": PASSWORD}
    assert "ConnectionRefusedError. Nobody answers" in run(1, mail_port=free_port())["Mail server"]
    assert "does not offer what is asked for" in run(1, mail_tls=True)["Mail server"]
    with serve_mail(tls=context, auth=True) as server:
        line = run(1, mail_port=server.port, **own)["Mail server"]
        assert "Its certificate is not trusted here" in line
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        line = run(mail_port=server.port, **own)["Mail server"]
        assert line.endswith(f"answers, TLS, signed in as {USERNAME}.")
        own["mail_password"] = "hunter2"
        line = run(1, mail_port=server.port, **own)["Mail server"]
        assert "It does not let us in" in line
        assert "hunter2" not in line


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (socket.gaierror(), "There is no machine of that name: see mail.host."),
        (TimeoutError(), "Nobody answers there"),
        (smtplib.SMTPServerDisconnected("hunter2"), "It hung up"),
        (smtplib.SMTPNotSupportedError(), "It takes no sign-in, or only with TLS"),
    ],
)
def test_what_else_is_wrong_with_the_mail_server(run, monkeypatch, error, advice):
    def fail(*_arguments, **_kw):
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    line = run(1)["Mail server"]
    assert f"{type(error).__name__}" in line
    assert advice in line
    assert "hunter2" not in line


def test_a_server_that_speaks_no_tls_from_the_start(run, mail_server):
    assert "see mail.tls, mail.ssl and mail.port" in run(1, mail_ssl=True)["Mail server"]


def test_what_is_owed_is_counted_and_what_is_late_is_wrong(run, owe):
    owe(last_error="SMTPRecipientsRefused 451 4.7.1", next_try_at=now() + dt.timedelta(hours=1))
    owe()
    assert run()["Owed mail"] == (
        "ok     Owed mail: 2. Last errors: 1 SMTPRecipientsRefused 451 4.7.1."
    )
    owe(next_try_at=now() - dt.timedelta(minutes=6))
    line = run(1)["Owed mail"]
    assert line.startswith("WRONG  Owed mail: 3, of which 1 should have been tried more than 5 ")
    assert f"ponytracker deliver-mail --ini {DEVELOPMENT}" in line


def test_what_has_failed_is_wrong(run, owe):
    owe(state=MailState.FAILED, last_error="SMTPDataError 550")
    said = run(1)
    assert said["Failed mail"].startswith("WRONG  Failed mail: 1 were given up after three days.")
    assert "http://localhost/admin/outbox/?state=failed" in said["Failed mail"]


def test_workers(run, monkeypatch):
    own = {"celery_enabled": True}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://:hunter2@127.0.0.1:{silent.getsockname()[1]}/0"
        line = run(1, celery_broker_url=url, **own)["Workers"]
        assert "the broker does not answer" in line
        assert "hunter2" not in line
    monkeypatch.setattr(celery, "count_workers", lambda settings: 0)
    assert run(1, **own)["Workers"].endswith(
        f"none answers. Start one: tools/worker.sh {DEVELOPMENT}"
    )
    monkeypatch.setattr(celery, "count_workers", lambda settings: 2)
    assert run(**own)["Workers"] == "ok     Workers: 2 answer."


def test_mail_in(run):
    both = {"reply_email": "reply@example.org", "email_key": "k" * 20}
    assert run(**both)["Mail in"] == "ok     Mail in: answers come to reply@example.org."
    line = run(1, reply_email="reply@example.org")["Mail in"]
    assert line == "WRONG  Mail in: nobody can answer by mail. Set ponytracker.email_key."


def test_the_folder_of_attachments(run, tmp_path, monkeypatch):
    assert run(attachments_dir=tmp_path)["Attachments"].startswith("ok ")
    line = run(attachments_dir=tmp_path / "new" / "one")["Attachments"]
    assert line.startswith("warn ")
    assert "systemd's units do not start without it. Make it: mkdir -p -m 700" in line
    monkeypatch.setattr(files, "_can_write", lambda _folder: False)
    assert "Make it" in run(1, attachments_dir=tmp_path / "none")["Attachments"]
    assert "cannot be written to by this user" in run(1, attachments_dir=tmp_path)["Attachments"]
