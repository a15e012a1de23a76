"""Who may: permissions, principals, the ACLs' rules, sessions, passwords, throttling, headers."""

from typing import Any


def includeme(config: Any) -> None:
    config.include("ponytracker.security.sessions")
    config.include("ponytracker.security.passwords")
    config.include("ponytracker.security.throttling")
    config.include("ponytracker.security.policy")
    config.include("ponytracker.security.headers")
