from __future__ import annotations

import pytest

from ponytracker.accounts.browsers import browser_name

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Firefox/132.0",
            "Firefox on Linux",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Safari/537.36 Edg/130.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 14) {WEBKIT} Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari on iOS"),
        ("curl/8.10.1", "curl/8.10.1"),
        ("x" * 255, "x" * 60),
        ("", "Unknown browser"),
    ],
)
def test_the_name_of_a_browser(user_agent, name):
    found = browser_name(user_agent)
    assert (found.interpolate() if hasattr(found, "interpolate") else found) == name
