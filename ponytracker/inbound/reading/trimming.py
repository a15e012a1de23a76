"""What someone wrote in a mail, apart from what their client quoted and signed (MAIL.md §5).

Losing what someone wrote is worse than leaving a quote: what is cut is returned as well, and where
a rule is in doubt it cuts nothing. Each rule looks at a line a bounded number of times, so that no
text takes longer than its length allows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ponytracker.inbound.reading import framing

MAX_SCANNED = 64 * 1024
"""Characters of a text that are looked at; what follows goes with the last line of these."""

MAX_SIGNATURE = 15
"""Lines that a signature may have. RFC 3676 asks for four, and companies ask for more."""

MAX_FOOTERS = 40
"""How many lines of devices and footers of lists are cut from the end of one text."""

MAX_TRIED = 1_000
"""How many lines with a colon are tried as an attribution that no quoted line follows."""

MIN_SENT_WORDS = 5
"""Words that a text which we sent must have to be known again by them alone."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
_ENDS_BROKEN = re.compile(r"\s?>+ ?(?:\S{1,20} ?)?[:：]\s*$")
_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")


@dataclass(frozen=True)
class Trimmed:
    """The text that is left, and what was cut from it, in order. Each line is in one of both."""

    text: str
    elided: str


def trim(
    text: str,
    *,
    sent: str | None = None,
    marker: str | None = None,
    is_html: bool = False,
    keep_quotes: bool = False,
) -> Trimmed:
    """Return what the author of *text* wrote.

    *sent* is the plain text of the mail that is answered and *marker* our line above which answers
    are written. *is_html* says that *text* was made from HTML. A forward stays where its author
    added no more than a word to it. With *keep_quotes* it always stays, as do quotes: only what a
    signature or a footer is at the very end is cut.
    """
    scanned, rest = _split_off(text)
    trimmer = _Trimmer(_separated(scanned.split("\n")), is_html=is_html)
    if sent:
        trimmer.find_sent(sent)
    if marker:
        trimmer.find_marker(marker)
    trimmer.find_quotes()
    if keep_quotes:
        if not trimmer.holds_forward():
            trimmer.cut_the_end(may_cut_quote=False)
        trimmer.cut_sent()
    elif not trimmer.cut_to_the_end():
        trimmer.cut_the_end()
        trimmer.cut_answered_quotes()
    return trimmer.result(rest)


def _split_off(text: str) -> tuple[str, str | None]:
    """Return what is scanned of *text*, whole lines where it can be, and the rest."""
    if len(text) <= MAX_SCANNED:
        return text, None
    end = text.rfind("\n", 0, MAX_SCANNED)
    return (text[:end], text[end + 1 :]) if end > 0 else (text[:MAX_SCANNED], text[MAX_SCANNED:])


def _separated(lines: list[str]) -> list[str]:
    """Return *lines*, where an attribution behind the author's words has a line of its own."""
    separated: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        is_own = framing.is_quoted(following) and not framing.is_quoted(line)
        begins = framing.joined_attribution(line) if is_own else None
        separated.extend([line] if begins is None else [line[:begins], line[begins:]])
    return separated


def _fenced(lines: Sequence[str]) -> list[bool]:
    """Return which of *lines* stand in a fence that is closed, with its two marks."""
    fenced = [False] * len(lines)
    start: int | None = None
    mark = ""
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if match is None:
            continue
        if start is None:
            start, mark = number, match[1]
        elif match[1].startswith(mark) and not match[2].strip():
            fenced[start : number + 1] = [True] * (number + 1 - start)
            start = None
    return fenced


@dataclass(frozen=True)
class _Quote:
    """A run of quoted lines, with the line at which the attribution above it begins."""

    attribution: int | None
    start: int
    end: int

    @property
    def first(self) -> int:
        return self.start if self.attribution is None else self.attribution


class _Trimmer:
    """The lines of a text, and which of them are quoted, fenced or cut."""

    def __init__(self, lines: list[str], *, is_html: bool) -> None:
        self.lines = lines
        self.is_html = is_html
        self.blank = [not line.strip() for line in lines]
        self.fenced = _fenced(lines)
        self.quoted = [
            framing.is_quoted(line) and not fenced
            for line, fenced in zip(lines, self.fenced, strict=True)
        ]
        self.ours = [False] * len(lines)  # what we sent, or our marker: quoted for certain
        self.marker: int | None = None
        self.cut = [False] * len(lines)
        self.quotes: list[_Quote] = []
        self.headers = framing.labelled_lines(lines)
        self.begins_quoted = False

    # What stands where

    def find_sent(self, sent: str) -> None:
        """Find the mail that is answered, if it stands there whole, quoted or broken anew."""
        wanted = " ".join(sent.split())
        if wanted.count(" ") + 1 < MIN_SENT_WORDS:
            return
        pieces = [" ".join(framing.without_marks(line).split()) for line in self.lines]
        found = " ".join(piece for piece in pieces if piece).find(wanted)
        if found < 0:
            return
        position = 0
        for number, piece in enumerate(pieces):
            # Only whole lines: what someone wrote beside it in one line is theirs.
            if piece:
                end = position + len(piece)
                if found <= position and end <= found + len(wanted):
                    self.ours[number] = self.quoted[number] = True
                position = end + 1

    def find_marker(self, marker: str) -> None:
        """Find our own marker, which a client may have quoted or broken."""
        wanted = " ".join(marker.split())
        for number, line in enumerate(self.lines):
            first = " ".join(framing.without_marks(line).split())
            if not first or self.fenced[number] or not wanted.startswith(first[: len(wanted)]):
                continue
            whole = " ".join(
                " ".join(framing.without_marks(part).split())
                for part in self.lines[number : number + 3]
            )
            if whole.startswith(wanted):
                self.ours[number] = True
                if not self.quoted[number]:
                    self.marker = number
                return

    def find_quotes(self) -> None:
        """Find the runs of quoted lines, and the attribution above each."""
        self._take_in_broken_lines()
        number = 0
        while number < len(self.lines):
            if not self.quoted[number]:
                number += 1
                continue
            start = number
            end = number + 1
            while number < len(self.lines) and (self.quoted[number] or self.blank[number]):
                if self.quoted[number]:
                    end = number + 1
                number += 1
            self.quotes.append(_Quote(self._attribution_above(start, end), start, end))

    def _take_in_broken_lines(self) -> None:
        """Take for quoted what a client broke off a quoted line without marking it."""
        for number in range(1, len(self.lines) - 1):
            line, above = self.lines[number], self.lines[number - 1]
            if (
                self.quoted[number - 1]
                and self.quoted[number + 1]
                and not (self.quoted[number] or self.fenced[number] or self.blank[number])
                and len(line) < len(above) < 1_000
                and len(above) + len(line.split(maxsplit=1)[0]) > 70
            ):
                self.quoted[number] = True

    def _attribution_above(self, start: int, end: int) -> int | None:
        # One that was broken before its last bracket looks like the first quoted line.
        if _ENDS_BROKEN.match(self.lines[start][: framing.MAX_LINE]):
            broken = framing.attribution_ending_at(self.lines, start, before_quote=True)
            if broken is not None and broken < start:
                return broken
        above = start - 1
        while above >= max(0, start - 4) and self.blank[above]:
            above -= 1
        if above < 0 or self.blank[above] or self.fenced[above] or self.quoted[above]:
            return None
        found = framing.attribution_ending_at(self.lines, above, before_quote=True)
        if found is None and any(self.ours[start:end]):
            # Whatever the language: this is quoted from us, so a colon announces it.
            line = self.lines[above].rstrip()
            return above if line.endswith((":", "：")) and len(line) < framing.MAX_LINE else None
        return found

    def holds_forward(self) -> bool:
        """Whether the text holds another mail that its author forwards."""
        return any(
            framing.delimiter_kind(framing.without_marks(line)) == "forward"
            or framing.header_block_at(self.lines, self.headers, number) is not None
            for number, line in enumerate(self.lines)
        )

    # What is cut

    def cut_to_the_end(self) -> bool:
        """Cut from the first line after which a client quotes without marking the lines.

        Returns whether all is said: what follows then is a forward that stays.
        """
        words_above = tried = 0
        attributed = {quote.attribution for quote in self.quotes}
        for number, line in enumerate(self.lines):
            if self.fenced[number] or self.quoted[number] or self.blank[number]:
                words_above += len(line.split(maxsplit=20)) if not self.quoted[number] else 0
                continue
            kind = framing.delimiter_kind(line)
            if kind == "forward" and words_above <= 1:
                return True
            if kind or number == self.marker or framing.is_reply_marker(line):
                self._cut_from(number)
                return False
            if framing.header_block_at(self.lines, self.headers, number) is not None:
                if words_above:
                    self._cut_from(number)
                return False
            start = None
            if tried < MAX_TRIED and framing.may_be_attribution(line):
                tried += 1
                start = framing.attribution_ending_at(self.lines, number, before_quote=False)
            if start is not None and start not in attributed:
                above = words_above - sum(len(part.split()) for part in self.lines[start:number])
                if above > 0:
                    self._cut_from(start)
                    return False
                # At the top: below it the quote cannot be told from what the author wrote.
                self._cut_lines(start, number + 1)
                self.begins_quoted = True
                words_above = 0
            elif not framing.is_divider(line):
                words_above += len(line.split())
        return False

    def cut_the_end(self, *, may_cut_quote: bool = True) -> None:
        """Cut from the end what is signature, footer or quote, as long as there is any."""
        may_cut_quote = may_cut_quote and not (self.cut and self.cut[-1])
        end = len(self.lines)
        for _ in range(MAX_FOOTERS):
            end = self._last(end)
            start = self._footer_start(end)
            if start is None and may_cut_quote:
                start = self._quote_start(end)
                may_cut_quote = start is None
            if start is None:
                break
            self._cut_lines(start, end)
        start = self._signed_name(end)
        if start is not None:
            self._cut_lines(start, end)

    def _last(self, end: int) -> int:
        """Return the number after the last line before *end* that is left and not blank."""
        while end and (self.cut[end - 1] or self.blank[end - 1]):
            end -= 1
        return end

    def _footer_start(self, end: int) -> int | None:
        """Return where the signature, a list's footer or a device's line begins that ends there."""
        if not end or self.quoted[end - 1] or self.fenced[end - 1]:
            return None
        count = 0
        for start in range(end - 1, max(-1, end - 4 * MAX_SIGNATURE), -1):
            if self.fenced[start] or self.quoted[start] or count > MAX_SIGNATURE:
                break
            if framing.is_signature_mark(self.lines[start]):
                return start
            if framing.is_divider(self.lines[start]) and framing.is_list_footer(
                self.lines[start:end]
            ):
                return start
            count += not (self.blank[start] or self.cut[start])
        return end - 1 if self._is_device_line(end - 1) else None

    def _is_device_line(self, number: int) -> bool:
        above = self.lines[number - 1] if number else ""
        is_beside = (
            number + 1 < len(self.lines) and self.cut[number + 1] and not self.blank[number + 1]
        )
        is_apart = is_beside or not above.strip() or self.cut[number - 1]
        if not is_apart and not framing.is_device_line(above):
            return False
        return framing.is_device_line(self.lines[number], beside_another=is_beside)

    def _quote_start(self, end: int) -> int | None:
        """Return where the quote begins that ends there, with its attribution."""
        quote = next((quote for quote in self.quotes if quote.end == end), None)
        if quote is None:
            return None
        if quote.attribution is None and not any(self.ours[quote.start : quote.end]):
            above = self._last(quote.start)
            # Nothing but a quote, which no client announced, or one that the author points to.
            if not above or self.lines[above - 1].rstrip().endswith((":", "：")):
                return None
        return quote.first

    def _signed_name(self, end: int) -> int | None:
        """Return the line before *end* if it is a name behind a dash, as people sign plain text."""
        number = end - 1
        if self.is_html or number < 2 or not self.blank[number - 1] or self.quoted[number]:
            return None
        if self.fenced[number] or not framing.is_signed_name(self.lines[number]):
            return None
        above = self._last(number)
        return number if above and not self.lines[above - 1].lstrip().startswith("-") else None

    def cut_answered_quotes(self) -> None:
        """Cut the quote that is answered as a whole below it, not those answered piece by piece."""
        is_interleaved = len(self.quotes) > 1 or self.begins_quoted
        for quote in self.quotes:
            if self.cut[quote.start]:
                continue
            if any(self.ours[quote.start : quote.end]) and not is_interleaved:
                self._cut_lines(quote.first, quote.end)
            elif quote.attribution is not None:
                self._cut_lines(quote.first, quote.start if is_interleaved else quote.end)
        self.cut_sent()

    def cut_sent(self) -> None:
        """Cut what we sent, and nothing else."""
        for number, is_ours in enumerate(self.ours):
            self.cut[number] = self.cut[number] or is_ours

    def _cut_from(self, start: int) -> None:
        """Cut from line *start* to the end, and a divider above it."""
        above = start - 1
        while above >= 0 and (self.blank[above] or framing.is_divider(self.lines[above])):
            if not self.blank[above]:
                start = above
            above -= 1
        self._cut_lines(start, len(self.lines))

    def _cut_lines(self, start: int, end: int) -> None:
        self.cut[start:end] = [True] * (end - start)

    def result(self, rest: str | None) -> Trimmed:
        """Return what is left and what is cut; *rest*, not looked at, goes with the last line."""
        kept = [line for line, cut in zip(self.lines, self.cut, strict=True) if not cut]
        elided = [line for line, cut in zip(self.lines, self.cut, strict=True) if cut]
        if rest is not None:
            (elided if self.cut[-1] else kept).append(rest)
        return Trimmed(_stripped(kept), _stripped(elided))


def _stripped(lines: list[str]) -> str:
    """Return *lines* as a text without empty lines around it; the first keeps its indent."""
    return _BLANK_LINES.sub("", "\n".join(lines)).rstrip()
