"""A directory (LDAP): people sign in with it, and its groups may be kept here as it has them.

Nothing of python-ldap is imported unless ``ldap.uri`` says that there is a directory.
"""

from __future__ import annotations

from typing import Any

from ponytracker.directory.library import require_library


def includeme(config: Any) -> None:
    """Join the accounts; raise `SettingError` where python-ldap is missing."""
    if not config.registry["ponytracker.settings"].ldap.is_on:
        return
    require_library()
    # Here, since it imports python-ldap.
    from ponytracker.directory.signing_in import join_accounts

    join_accounts(config)
