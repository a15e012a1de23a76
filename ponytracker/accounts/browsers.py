"""Which browser a session is in, told by what it calls itself."""

from __future__ import annotations

from ponytracker.i18n import _

# The first that fits counts: most browsers name those they are like as well.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
MAX_SHOWN = 60
"""Characters of what a program calls itself that is none of these."""


def browser_name(user_agent: str) -> str:
    """Return a name such as "Firefox on Linux", to be translated."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if browser and system:
        names = {"browser": browser, "system": system}
        return _("${browser} on ${system}", mapping=names)
    return browser or user_agent[:MAX_SHOWN] or _("Unknown browser")


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for part, name in names if part in user_agent), "")
