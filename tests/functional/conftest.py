"""One application for all tests of pages: each test puts its own database under it.

All that settings turn on is on. Mail is kept instead of sent, and sent before the answer: a thread
would come in between on the one connection that a test has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyramid_mailer.interfaces import IMailer
from pyramid_mailer.message import Message
from sqlalchemy.orm import Session

from ponytracker import make_app
from ponytracker.attachments.folder import FolderStore
from ponytracker.attachments.keeping import STORE
from ponytracker.db import Database, make_engine
from ponytracker.models.base import now
from ponytracker.security import throttling
from ponytracker.settings import Settings
from tests.mail import KeepingMailer


class AtOnce:
    """Runs in the foreground what belongs in the background."""

    def run(self, function: Callable[..., object], *arguments: Any) -> bool:
        function(*arguments)
        return True

    def run_every(self, seconds: float, function: Callable[..., object], *arguments: Any) -> None:
        """Nothing comes by itself in a test."""


@pytest.fixture(scope="session")
def all_on(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return dataclasses.replace(
        settings,
        sign_up=True,
        mail_default_sender="PonyTracker <tracker@example.org>",
        reply_email="reply@example.org",
        email_key="the-key-of-the-mail-server",
        attachments_dir=tmp_path_factory.mktemp("attachments"),
    )


@pytest.fixture(scope="session")
def one_app(all_on: Settings) -> Any:
    return make_test_app(all_on)


def make_test_app(settings: Settings) -> Any:
    """Return the application as it is with *settings*, without mail server and threads."""
    app = make_app(settings, Database(make_engine(settings.database_url)))
    app.registry["ponytracker.background"] = AtOnce()
    app.registry.registerUtility(KeepingMailer(), IMailer)
    return app


@pytest.fixture
def app(one_app: Any, database: Database) -> Any:
    one_app.registry["ponytracker.database"] = database
    database.info[STORE] = one_app.registry["ponytracker.attachments"]
    one_app.registry.getUtility(IMailer).outbox.clear()
    return one_app


@pytest.fixture
def store(
    app: Any,
    database: Database,
    session: Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> FolderStore:
    """A folder for the files of this test alone, which takes 1 MB a file and 2 MB an issue."""
    store = FolderStore(tmp_path / "attachments", max_mb=1, issue_max_mb=2)
    monkeypatch.setitem(app.registry, "ponytracker.attachments", store)
    database.info[STORE] = session.info[STORE] = store
    return store


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass between tries, however long they take."""
    moment = now()
    monkeypatch.setattr(throttling, "now", lambda: moment)


@pytest.fixture
def outbox(app: Any) -> list[Message]:
    """The mails that were sent in this test."""
    found: list[Message] = app.registry.getUtility(IMailer).outbox
    return found
