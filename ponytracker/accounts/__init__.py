"""Accounts: who is who, how they sign in, and what they say of themselves."""

from typing import Any


def includeme(config: Any) -> None:
    """Register the pages; those that the settings turn off are not there at all."""
    settings = config.registry["ponytracker.settings"]
    config.scan("ponytracker.accounts.views")
    config.scan("ponytracker.accounts.profile_views")
    if not settings.external_auth:
        config.scan("ponytracker.accounts.password_views")
    if settings.can_reset_password:
        config.scan("ponytracker.accounts.recovery_views")
    if settings.can_sign_up:
        config.scan("ponytracker.accounts.sign_up_views")
    config.scan("ponytracker.accounts.links")
