"""Many who take owed mails at once take each once, and give up none."""

from __future__ import annotations

import threading

from ponytracker.accounts.service import create_user
from ponytracker.db import Database, make_engine
from ponytracker.issues import service
from ponytracker.models import IssueSubscription, SubscriptionReason
from ponytracker.notifications import outbox
from ponytracker.projects.service import create_project

TAKERS = 6
MAILS = 600


def test_each_is_taken_once(migrated_url):
    engine = make_engine(migrated_url)
    database = Database(engine)
    with database.session(write=True) as session, session.begin():
        project = create_project(session, None, name="web", display_name="Web")
        issue = service.open_issue(session, project, None, title="It")
        for number in range(10):
            user = create_user(session, username=f"user{number}", email=f"{number}@example.org")
            issue.subscriptions[user.id] = IssueSubscription(
                user_id=user.id, reason=SubscriptionReason.MANUAL
            )
        session.flush()
        for _number in range(MAILS // 10):
            service.comment(session, issue, None, text="Me too")

    taken: list[int] = []
    sizes: list[int] = []
    barrier = threading.Barrier(TAKERS)

    def take() -> None:
        barrier.wait()
        while True:
            with database.session(write=True) as session, session.begin():
                ids = outbox.take(session)
            if not ids:
                # Who comes while others hold the last ones finds none, and is done.
                break
            sizes.append(len(ids))
            taken.extend(ids)

    threads = [threading.Thread(target=take) for _taker in range(TAKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert len(taken) == len(set(taken)) == MAILS
    assert max(sizes) == outbox.BATCH
