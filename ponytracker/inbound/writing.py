"""What someone wrote in a mail: the text that others read, what stays behind "…", and commands."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from ponytracker.i18n import _
from ponytracker.inbound import commands
from ponytracker.inbound.commands import Command
from ponytracker.inbound.reading.message import ReceivedMessage
from ponytracker.inbound.reading.origin import is_forward
from ponytracker.inbound.reading.trimming import trim
from ponytracker.inbound.secrets import hide_tokens
from ponytracker.text import MAX_TEXT, MAX_TITLE

NO_SUBJECT = "(no subject)"
"""What an issue is called that is nothing but a file."""

_PREFIX = re.compile(
    r"(?:re|aw|sv|vs|antw?|odp|rif|res|fwd?|fw|wg|tr|rv|enc|i|vl|回复|转发|答复|回覆|轉寄)\s?"
    r"(?:\[\d{1,3}\]|\(\d{1,3}\))?\s?[:\uff1a]\s*",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"^[>* ]*(?:-{3,} ?(?:original|forwarded|weitergeleitete)|begin forwarded message)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """*text* is what others read, *elided* the rest, *unknown* lines that look like commands.

    *is_cut* says that the mail has more than is read of one.
    """

    text: str
    elided: str
    commands: tuple[Command, ...] = ()
    unknown: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def notices(self) -> list[str]:
        """What the author is told: of commands that are none, of a text that is not all there."""
        cut = [_("The mail was too large, or too deep, to be read to its end.")]
        return (cut if self.is_cut else []) + [
            _(
                "${line}: there is no such command, so it stayed in the text.",
                mapping={"line": line},
            )
            for line in self.unknown
        ]


def read_reply(
    message: ReceivedMessage, *, sent: str, marker: str, tokens: Iterable[str]
) -> Written:
    """Return what the author of *message* wrote, who answers the mail with the text *sent*."""
    trimmed = trim(message.body.text, sent=sent, marker=marker, is_html=message.body.is_html)
    rest = "\n\n".join(
        part for part in (trimmed.elided, message.body.elided_html_text) if part.strip()
    )
    return _read(message, trimmed.text, rest, tokens)


def read_issue(message: ReceivedMessage, *, tokens: Iterable[str]) -> Written:
    """Return what the author of *message* wrote, who opens an issue by it.

    Only a signature is cut: what is quoted or forwarded may be all that the issue is about.
    """
    trimmed = trim(message.body.text, is_html=message.body.is_html, keep_quotes=True)
    rest = message.body.elided_html_text
    text = f"{trimmed.text}\n\n{rest}" if rest.strip() else trimmed.text
    return _read(message, text, trimmed.elided, tokens)


def read_title(message: ReceivedMessage, text: str) -> str:
    """Return what an issue by *message* is called: its subject, or else how its *text* begins.

    It is empty where both are.
    """
    title = message.subject.strip()
    while found := _PREFIX.match(title):
        title = title[found.end() :]
    lines = (line.strip("#>* \t") for line in text.split("\n"))
    title = title or next((line for line in lines if line), "")
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1].rstrip() + "…"


def _read(message: ReceivedMessage, text: str, rest: str, tokens: Iterable[str]) -> Written:
    tokens = tuple(tokens)
    text, rest = hide_tokens(text, tokens).strip("\n"), hide_tokens(rest, tokens)
    # In a forward that is HTML it cannot be told whose lines they are.
    is_unclear = message.body.is_html and (is_forward(message) or _FORWARDED.search(text))
    parsed = commands.Parsed(text) if is_unclear else commands.parse(text)
    # Nothing is lost: what is more than a text may have stays behind "…".
    text, more = parsed.text[:MAX_TEXT], parsed.text[MAX_TEXT:]
    text = "" if not text.strip() else text
    return Written(
        text,
        "\n\n".join(filter(None, (more, rest))),
        parsed.commands,
        parsed.unknown,
        is_cut=message.body.was_cut,
    )
