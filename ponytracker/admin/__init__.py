"""Administration: users, groups, teams, the settings of the site, and the audit log."""

from typing import Any


def includeme(config: Any) -> None:
    settings = config.registry["ponytracker.settings"]
    for module in ("home", "users", "groups", "teams", "settings", "audit"):
        config.scan(f"ponytracker.admin.{module}")
    if settings.group_management:
        config.scan("ponytracker.admin.group_management")
    if not settings.external_auth:
        config.scan("ponytracker.admin.passwords")
