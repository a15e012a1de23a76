"""Whether python-ldap is there, which only those need who have a directory."""

from __future__ import annotations

import importlib

from ponytracker.settings import SettingError


def require_library() -> None:
    """Raise `SettingError`, which says what to install, where python-ldap is missing."""
    try:
        importlib.import_module("ldap")
    except ImportError as error:
        raise SettingError(
            f"key 'ldap.uri' is set, but python-ldap cannot be loaded ({error}). Install it, in the"
            " folder of the checkout: apt-get install libldap2-dev libsasl2-dev gcc python3-dev &&"
            " .venv/bin/uv pip install --python .venv/bin/python -e '.[ldap]'"
        ) from None
