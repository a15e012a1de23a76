from __future__ import annotations

import re
import threading

from sqlalchemy import event, text

from ponytracker import background as module
from ponytracker.background import THREADS, Background
from ponytracker.db import Database, make_engine
from ponytracker.operations.readiness import make_readiness
from ponytracker.operations.scrape import Mails
from tests.servers import ROOT

SECONDS = 30


def test_the_page_counts_all_who_may_have_a_connection_at_once(settings, tmp_path, monkeypatch):
    """Each one who asks beside the requests waits until all the others have a connection too."""
    monkeypatch.setattr(module, "SETTLED", 0)
    database = Database(make_engine(f"sqlite:///{tmp_path}/ponytracker.sqlite"))

    def ask():
        with database.session(write=False) as session:
            session.execute(text("SELECT 1"))

    background = Background()
    readiness = make_readiness(settings, lambda: database)
    mails = Mails({"ponytracker.database": database})
    begin = [
        *[lambda: background.run(ask)] * THREADS,
        lambda: background.run_every(3600, ask),
        readiness.states,
        lambda: list(mails.collect()),
    ]
    together = threading.Barrier(len(begin) + 1)
    event.listen(database.bind, "checkout", lambda *_: together.wait(SECONDS))
    for function in begin:
        threading.Thread(target=function, daemon=True).start()
    ask()  # as a request does

    page = (ROOT / "docs/scaling.rst").read_text()
    assert re.findall(r"x \(threads \+ (\d+)\)", page) == [str(len(begin))]
