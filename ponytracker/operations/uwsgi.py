"""Looks at how uwsgi is set up: the section ``[uwsgi]`` of an ini file."""

from __future__ import annotations

from pathlib import Path

import plaster

_OWN = ("socket", "uwsgi-socket", "suwsgi-socket", "puwsgi-socket", "fastcgi-socket", "scgi-socket")
"""By which whoever connects sets the variables of a request: not HTTP, which sets headers alone."""


def find_risk(ini: Path) -> str:
    """Return what is wrong where anybody may have uwsgi run what they like, else ``""``.

    A variable of a request names a file to be run (``UWSGI_FILE``), so that only who has a right to
    the file of a Unix socket may connect. A port, or an abstract socket, asks for no rights.
    """
    section = plaster.get_loader(str(ini), ["wsgi"]).get_settings("uwsgi")
    for name in _OWN:
        value = str(section.get(name, "")).strip()
        if value and not value.startswith("/"):
            return (
                f"section [uwsgi] has '{name} = {value}', by which everybody who reaches it can run"
                " any file as the tracker: expected 'http-socket', or a Unix socket such as"
                " /run/ponytracker/web.sock."
            )
    return ""
