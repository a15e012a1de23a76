"""The sweep, as cron runs it."""

from __future__ import annotations

import dataclasses

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from ponytracker.attachments import service
from ponytracker.cli import tidy_attachments as command
from ponytracker.cli.site import Site
from ponytracker.models import Attachment
from ponytracker.models.base import now


@pytest.fixture
def run(monkeypatch, database, settings, store, tmp_path):
    ini = tmp_path / "site.ini"
    ini.touch()

    def run(**changes):
        changed = dataclasses.replace(settings, **{"attachments_dir": store.folder, **changes})
        monkeypatch.setattr(command, "open_site", lambda ini: Site(ini, changed, database))
        return CliRunner().invoke(command.tidy, ["--ini", str(ini)])

    return run


def test_what_nothing_needs_is_removed(run, world, session, store):
    alice = world.user("alice")
    project = world.project("web", alice)
    files = [service.NewFile(name, "", name.encode()) for name in ("old", "new")]
    with service.prepared(store, files) as them:
        old, new = service.keep_pending(session, store, project.id, alice.id, them)
    past = now() - 2 * service.PENDING_FOR
    session.execute(update(Attachment).where(Attachment.id == old.id).values(created_at=past))
    session.commit()
    store.keep(store.stage(b"left by a killed process"))
    nothing = "0 files of forms never sent and 0 that nothing names removed.\n"
    assert run().output == "1 files of forms never sent and 1 that nothing names removed.\n"
    assert run().output == nothing
    assert list(store.digests()) == [new.digest]


def test_a_site_that_keeps_no_files(run):
    result = run(attachments_dir=None)
    assert result.exit_code == 1
    assert "neither ponytracker.attachments_dir nor" in result.output
