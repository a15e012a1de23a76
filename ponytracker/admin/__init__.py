"""Administration: users, groups, teams, the settings of the site, outbox, and audit log."""

from typing import Any


def includeme(config: Any) -> None:
    settings = config.registry["ponytracker.settings"]
    for module in ("home", "users", "groups", "teams", "settings", "outbox", "audit"):
        config.scan(f"ponytracker.admin.{module}")
    if settings.group_management:
        config.scan("ponytracker.admin.group_management")
    if not settings.external_auth:
        config.scan("ponytracker.admin.passwords")
