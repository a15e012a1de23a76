import datetime as dt

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from ponytracker.cli import tidy_mail as command
from ponytracker.cli.site import Site
from ponytracker.models import ReceivedMail
from ponytracker.models.base import now


@pytest.fixture
def run(monkeypatch, database, settings, tmp_path):
    ini = tmp_path / "site.ini"
    ini.touch()
    monkeypatch.setattr(command, "open_site", lambda ini: Site(ini, settings, database))
    return lambda: CliRunner().invoke(command.tidy_mail, ["--ini", str(ini)])


def test_old_mails_are_forgotten_and_their_lines_stay(run, session, settings, monkeypatch):
    monkeypatch.setattr(command, "BATCH", 2)
    for days in (0, 1, 29, 31, 32, 33, 400):
        at = now() - dt.timedelta(days)
        session.add(ReceivedMail(message_id=str(days), outcome="empty", received_at=at, raw=b"x"))
    session.commit()
    assert settings.mail_retention_days == 30
    assert run().output == "4 received mails forgotten.\n"
    session.expire_all()
    kept = {row.message_id for row in session.scalars(select(ReceivedMail)) if row.raw}
    assert kept == {"0", "1", "29"}
    assert len(session.scalars(select(ReceivedMail)).all()) == 7
    assert run().output == "0 received mails forgotten.\n"
