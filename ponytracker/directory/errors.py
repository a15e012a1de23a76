"""What can go wrong with a directory; each text is for its administrator and holds no secret."""

from __future__ import annotations


class DirectoryError(Exception):
    """The directory was asked and what came back cannot be used: nothing may be changed by it."""


class Unreachable(DirectoryError):
    """No server could be spoken to, or none took who we say we are."""


class Incomplete(DirectoryError):
    """An answer that is an error, half of one, or none where there must be one."""


class Unanswered(Incomplete):
    """An error or half an answer that is the fault of one server: another may know better."""


class Unusable(DirectoryError):
    """One entry that no account can be made of."""


class TooMuchGone(DirectoryError):
    """So much has disappeared at once that it is more likely a mistake."""
