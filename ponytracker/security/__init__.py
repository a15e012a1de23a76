"""Who may: permissions, principals, the ACLs' rules, sessions, passwords, headers."""

from typing import Any


def includeme(config: Any) -> None:
    config.include("ponytracker.security.sessions")
    config.include("ponytracker.security.passwords")
    config.include("ponytracker.security.policy")
    config.include("ponytracker.security.headers")
