"""Mails that come in at the same moment, over each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.tracker import Tracker, write

AT_ONCE = 8


@pytest.fixture
def tracker(tmp_path: Path, migrated_url: str) -> Iterator[Tracker]:
    found = Tracker(tmp_path, migrated_url)
    found.start()
    yield found
    found.stop()
    found.engine.dispose()


def test_the_same_mail_at_once_is_taken_once(tracker):
    for number in range(3):
        mail = write(tracker.to, f"once {number}")
        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(lambda _n, mail=mail: tracker.post(mail), range(AT_ONCE)))
        assert sorted(answers) == [(200, "commented")] + [(200, "duplicate")] * (AT_ONCE - 1)
    assert tracker.comments() == ["once 0", "once 1", "once 2"]


def test_different_mails_at_once_are_all_answered(tracker):
    mails = [write(tracker.to, f"mail {number}") for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(tracker.post, mails))
    # Three a minute; who comes at the same moment may not be seen yet.
    assert {status for status, _verdict in answers} == {200}
    taken = [verdict for _status, verdict in answers].count("commented")
    assert 3 <= taken == len(tracker.comments())
