"""What a service raises when it cannot do what it was asked: one exception for each answer."""

from __future__ import annotations


class DomainError(Exception):
    """Something asked for cannot be done; the text, which users see, says why."""


class Conflict(DomainError):
    """The thing has changed meanwhile, so that the request no longer makes sense: HTTP 409."""
