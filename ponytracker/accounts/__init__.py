"""Accounts: who is who, and how they sign in."""

from typing import Any


def includeme(config: Any) -> None:
    config.scan("ponytracker.accounts.views")
