"""What becomes of a mail: each outcome with its HTTP status, and whether its sender is told.

MAIL.md §3. Of the status ``tools/ponytracker-sieve-filter`` makes its exit code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from enum import StrEnum

from ponytracker.i18n import _
from ponytracker.models import Event, User


class Outcome(StrEnum):
    COMMENTED = "commented"
    OPENED = "opened"
    CHANGED = "changed"
    LEFT = "left"
    DUPLICATE = "duplicate"
    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"
    BULK = "bulk"
    LOOP = "loop"
    TOO_FAST = "too_fast"
    SPAM = "spam"
    EMPTY = "empty"
    MALFORMED = "malformed"
    WRONG_KEY = "wrong_key"
    FORGED = "forged"
    NOT_PROVEN = "not_proven"
    OTHER_SENDER = "other_sender"
    EXPIRED = "expired"
    DISABLED = "disabled"
    NOT_ALLOWED = "not_allowed"
    ARCHIVED = "archived"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    FAILED = "failed"
    OFF = "off"
    NOT_AVAILABLE = "not_available"


STATUS = {
    Outcome.MALFORMED: 400,
    **dict.fromkeys(
        (
            Outcome.WRONG_KEY,
            Outcome.FORGED,
            Outcome.NOT_PROVEN,
            Outcome.OTHER_SENDER,
            Outcome.EXPIRED,
            Outcome.DISABLED,
            Outcome.NOT_ALLOWED,
            Outcome.ARCHIVED,
        ),
        403,
    ),
    Outcome.NOT_FOUND: 404,
    Outcome.TOO_LARGE: 413,
    Outcome.TOO_MANY: 429,
    Outcome.FAILED: 500,
    Outcome.OFF: 501,
    Outcome.NOT_AVAILABLE: 503,
}
"""The HTTP status of what was not taken; all else is 200."""

MEANINGS = {
    Outcome.COMMENTED: _("It became a comment."),
    Outcome.OPENED: _("It opened an issue."),
    Outcome.CHANGED: _("Its commands were done."),
    Outcome.LEFT: _("Its sender hears no more of it."),
    Outcome.DUPLICATE: _("It has come before."),
    Outcome.BOUNCE: _("It says that a mail did not arrive."),
    Outcome.AUTO_REPLY: _("A program answered, not a person."),
    Outcome.BULK: _("It was sent to many by a program."),
    Outcome.LOOP: _("It was sent by a tracker: perhaps two of them were writing to each other."),
    Outcome.TOO_FAST: _("More than three mails came within a minute from one person on one issue."),
    Outcome.SPAM: _("Your mail server marked it as spam."),
    Outcome.EMPTY: _("There is nothing in it beside what it quotes."),
    Outcome.MALFORMED: _("This is no form with a file."),
    Outcome.WRONG_KEY: _("The key is wrong."),
    Outcome.FORGED: _("The address it was sent to was given to nobody, or is no longer valid."),
    Outcome.NOT_PROVEN: _("Nothing proves that it comes from whom it says."),
    Outcome.OTHER_SENDER: _("It was sent from another address than that of the account."),
    Outcome.EXPIRED: _("The address to answer to has expired."),
    Outcome.DISABLED: _("The account is disabled."),
    Outcome.NOT_ALLOWED: _("Its sender is not allowed to do this, or not any more."),
    Outcome.ARCHIVED: _("The project is archived, so nothing in it changes."),
    Outcome.NOT_FOUND: _("There is nothing at the address it was sent to."),
    Outcome.TOO_LARGE: _("It is too large."),
    Outcome.TOO_MANY: _("Too many mails come in at the moment. It will be taken later."),
    Outcome.FAILED: _("An error occurred."),
    Outcome.OFF: _("Mail is not taken here: ponytracker.reply_email or email_key is not set."),
    Outcome.NOT_AVAILABLE: _("The database does not answer at the moment."),
}
"""What each means, in a sentence for the log and the page of received mails."""

TOLD = frozenset(
    {
        Outcome.EMPTY,
        Outcome.OTHER_SENDER,
        Outcome.EXPIRED,
        Outcome.DISABLED,
        Outcome.NOT_ALLOWED,
        Outcome.ARCHIVED,
        Outcome.TOO_LARGE,
    }
)
"""What the account is told whose address to answer to it was."""

MADE_SOMETHING = frozenset(
    {Outcome.COMMENTED, Outcome.OPENED, Outcome.CHANGED, Outcome.LEFT, Outcome.BOUNCE}
)
"""What may happen once for a mail: the same mail is then a duplicate."""


@dataclasses.dataclass(slots=True)
class Verdict:
    """What became of one mail. *recipient* is the address of ours that it was sent to.

    *user* is whose address that is, *event* what the mail has made. *text* is what was written in
    it, to be given back where it was not taken, and *notices* say what else was not done.
    """

    outcome: Outcome
    detail: str = ""
    recipient: str = ""
    user: User | None = None
    event: Event | None = None
    text: str = ""
    notices: Sequence[str] = ()

    @property
    def status(self) -> int:
        return STATUS.get(self.outcome, 200)

    @property
    def is_told(self) -> bool:
        """Whether the account is told of it; what was done in full needs no words."""
        return self.user is not None and (self.outcome in TOLD or bool(self.notices))
