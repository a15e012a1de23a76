"""What pages say of times."""

from __future__ import annotations

import datetime as dt

import pytest

from ponytracker.models.base import now
from ponytracker.web import layout


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (0, "1 second ago"),
        (-0.4, "1 second ago"),
        (0.4, "1 second ago"),
        (30, "30 seconds ago"),
        (3 * 86_400 + 5, "3 days ago"),
        (-90, "in 2 minutes"),
    ],
)
def test_what_is_now_is_not_to_come(monkeypatch, ago, words):
    moment = now()
    monkeypatch.setattr(layout, "now", lambda: moment)
    monkeypatch.setattr(layout, "local_time", lambda _context, time: time.isoformat())
    request = type("Request", (), {"locale_name": "en"})
    tag = layout.time_tag({"request": request}, moment - dt.timedelta(seconds=ago))
    assert tag.endswith(f">{words}</time>")
