"""How the lines look with which mail clients frame what they quote, forward and sign (MAIL.md §5).

Told from their form, such as a date and an address before a colon, so that a client or language
that nobody thought of is understood, too; the words in ``words.py`` decide what form leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from itertools import islice

from ponytracker.inbound.reading import words

MAX_ATTRIBUTION = 500
"""Characters that an attribution has at most, in all its lines."""

MAX_ATTRIBUTION_LINES = 4

MAX_NAME = 5
"""Words that a name has at most."""

MAX_LINE = 300
"""Characters beyond which a line is nothing that a client wrote, but text."""

_QUOTE = re.compile(r"[ \t]{0,3}>")
_QUOTE_MARKS = re.compile(r"[ \t]{0,3}(?:> ?)+")
_ADDRESS = re.compile(r"[^\s<>@,;:\[\]()\"]{1,64}@[^\s<>@,;\[\]()\"]{1,255}")
_IN_BRACKETS = re.compile(r"[<(\[]\s?(?:mailto:)?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_NUMERIC_DATE = re.compile(r"(?<!\d)\d{1,4}[./-] ?\d{1,2}[./-] ?\d{1,4}(?!\d)")
_TIME = re.compile(
    r"(?<!\d)\d{1,2} ?[:.h時点] ?\d{2}(?!\d)|\d{1,2}\s?[ap]\.?m\b|\d時", re.IGNORECASE
)
_BEGINS_DATED = re.compile(r"\W{0,3}(?:\w{1,15}[.,]{0,2} )?\d{1,4}\W{0,2}\s?\w")
_URL = re.compile(r"[<(\[]?\bhttps?://[^\s>)\]]*[>)\]]?")
_JOINED = re.compile(r"(?<=\S)[ \t]{0,3}-{0,5}[ \t]{0,3}\b(?=(?:On|Le|Am|El|Il|Op|Em|Den)\s\w)")
_DASHES = "-_=*#~+—–―─━‐ \t>"
_DIVIDER = re.compile(r"\W{0,2}(?:[-_=*#—–―─━] ?){3,}\W{0,2}")
_LABELLED = re.compile(
    r"[\s>]{0,8}[*_]{0,2}([^\W\d_][^:：\n]{0,24}?)\s{0,2}[*_]{0,2}\s?[:：]\s?[*_]{0,2}(.*)"
)
_LABELS_IN_A_LINE = re.compile(rf"(?<=\s)\*{{0,2}}(?=(?:{words.LABEL_IN_A_LINE})\s?:)")


def is_quoted(line: str) -> bool:
    """Whether *line* has the mark of a quote before it."""
    return _QUOTE.match(line) is not None


def without_marks(line: str) -> str:
    """Return *line* without the marks of quotes before it."""
    marks = _QUOTE_MARKS.match(line)
    return line[marks.end() :] if marks else line


def is_divider(line: str) -> bool:
    """Whether *line* is drawn across, and says nothing."""
    return len(line) <= MAX_LINE and _DIVIDER.fullmatch(line.strip()) is not None


def is_dated(text: str) -> bool:
    """Whether *text* has a date with its year."""
    return _YEAR.search(text) is not None or _NUMERIC_DATE.search(text) is not None


def is_attribution(text: str, *, before_quote: bool) -> bool:
    """Whether *text* says who wrote what comes next, and when.

    Where nothing quoted follows (*before_quote* is false) more is asked of it, since what is taken
    for an attribution there takes all that follows with it.
    """
    if len(text) > MAX_ATTRIBUTION:
        return False
    text = unescape(text.strip(" \t*_>-–—"))
    has_colon = text.endswith((":", "：", ":*", ": *"))
    text = text.rstrip(" :：*_")
    wrote = words.WROTE.search(text)
    ends_with_verb = wrote is not None and text[wrote.end() :].strip(" -.,") == ""
    in_brackets = _IN_BRACKETS.search(text) is not None
    date = is_dated(text)
    time = _TIME.search(text) is not None
    if not (has_colon or ends_with_verb):
        return before_quote and date and in_brackets and _begins(text)
    if wrote and in_brackets and (date or ends_with_verb):
        return True
    if date and time and _begins(text) and (in_brackets or wrote):
        return True
    if wrote and date and (words.STARTER.match(text) or (_begins(text) and ends_with_verb)):
        return True
    if not before_quote:
        return False
    return in_brackets or (date and time) or (wrote is not None and len(text) < 120)


def _begins(text: str) -> bool:
    """Whether *text* begins as attributions do: with the date, or with a word before the date."""
    return words.STARTER.match(text) is not None or _BEGINS_DATED.match(text) is not None


def may_be_attribution(line: str) -> bool:
    """Whether an attribution may end with *line*: with a colon, or with what somebody did."""
    last = line[-MAX_LINE:].rstrip(" \t*_->")
    return last.endswith((":", "：")) or words.WROTE.search(last) is not None


def attribution_ending_at(lines: Sequence[str], end: int, *, before_quote: bool) -> int | None:
    """Return where the attribution begins whose last line is number *end*, or None.

    A client may have broken it, at a bracket, at a blank or before the verb.
    """
    start = end
    found: int | None = None
    while start >= 0 and end - start < MAX_ATTRIBUTION_LINES:
        line = lines[start]
        if not line.strip() or len(line) > MAX_LINE:
            break
        if start != end and is_quoted(line):
            break
        text = " ".join(part.strip() for part in lines[start : end + 1])
        if found is None:
            # A bracket closed here was opened above; what is broken before it goes on above.
            if _is_whole(text) and is_attribution(text, before_quote=before_quote):
                found = start
                if is_dated(text) and not line.startswith("<"):
                    break
        elif _is_whole(text) and _goes_on_from(line, lines[found], text):
            return start
        start -= 1
    return found


def _goes_on_from(above: str, line: str, both: str) -> bool:
    """Whether the attribution found in *line* begins in the line *above*."""
    if is_dated(both) and _begins(above.strip(" \t*-")):
        return True
    # An address in brackets goes with the name above it, and that with the date.
    is_name = len(above.split()) <= MAX_NAME and not above.rstrip().endswith((".", "!", "?"))
    return line.lstrip(" >").startswith("<") and (is_name or is_dated(above))


def _is_whole(text: str) -> bool:
    plain = text.lstrip("> ")
    return plain.count(">") <= plain.count("<") or "<" in plain.partition(">")[0]


def joined_attribution(line: str) -> int | None:
    """Return where in *line* an attribution begins that stands behind the author's own words."""
    if len(line) > MAX_LINE or not line.rstrip(" -*").endswith((":", "：")):
        return None
    for match in islice(_JOINED.finditer(line), 3):
        if line[: match.start()].strip(_DASHES) and is_attribution(
            line[match.end() :], before_quote=True
        ):
            return match.start()
    return None


Labelled = tuple[str, str]
"""Which kind of label a line begins with, if it is known, and what stands behind it."""


def labelled_lines(lines: Sequence[str]) -> list[Labelled | None]:
    """Return what each of *lines* is as a field of a header, so that each is looked at once."""
    return [_labelled(line) for line in lines]


def header_block_at(
    lines: Sequence[str], labelled: Sequence[Labelled | None], start: int
) -> int | None:
    """Return where the header ends that a client copied to line *start*, or None.

    From, Sent, To and Subject in any language: two labels that are known and hold what they say, or
    three lines with a label of which two are known. *labelled* is what they are.
    """
    first = labelled[start]
    if first is None or not first[0]:
        return None
    pieces = _LABELS_IN_A_LINE.split(lines[start].strip()[:MAX_LINE])
    if _is_header([piece for piece in map(_labelled, pieces) if piece]):
        return start + 1
    found: list[Labelled] = []
    number = start
    while number < len(lines) and number < start + 20:
        field = labelled[number]
        if field is not None:
            found.append(field)
        elif not _continues(lines[number]):
            break
        number += 1
    return number if _is_header(found) else None


def _labelled(line: str) -> Labelled | None:
    """Return which kind of label *line* begins with, and what stands behind it."""
    if len(line) > 2_000:
        return None
    match = _LABELLED.match(line)
    if match is None:
        return None
    label = " ".join(match[1].strip(" *_").casefold().split())
    return words.LABELS.get(label, ""), match[2].strip(" *_")


def _continues(line: str) -> bool:
    """Whether *line* goes on with the header field above it: more of an address or of a list."""
    text = line.strip()
    return bool(text) and (
        line[:1] in " \t"
        or text.startswith("<")
        or text.endswith((">", ";", ",", "]"))
        or (len(text) < 100 and _ADDRESS.search(text) is not None)
    )


def _is_header(found: Sequence[Labelled]) -> bool:
    kinds = {kind for kind, _ in found} - {""}
    if "from" not in kinds and not {"date", "subject"} <= kinds:
        return False
    if len(found) < 2 or len(kinds) < 2:
        return False
    known = [content for kind, content in found if kind]
    has_address = any(_ADDRESS.search(content) for content in known)
    has_date = any(is_dated(content) for kind, content in found if kind == "date")
    if len(kinds) == 2:
        return has_address and (has_date or {"from", "subject"} == kinds)
    return has_address or has_date or "subject" in kinds


def delimiter_kind(line: str) -> str | None:
    """Return ``original`` or ``forward`` where *line* announces a quoted or forwarded mail."""
    if len(line) > 160:
        return None
    text = line.strip()
    inner = text.strip(_DASHES)
    if not inner or len(inner.split()) > 8:
        return None
    start = text.find(inner)
    marks = text[:start].count("-") + text[:start].count("_") + text[:start].count("=")
    behind = text[start + len(inner) :].strip("> \t*")
    if marks >= 2 and len(behind) >= 2:
        if words.FORWARDED.search(inner):
            return "forward"
        if words.MESSAGE.search(inner) and (words.ORIGINAL.search(inner) or len(inner.split()) > 1):
            return "original"
        if words.WROTE.search(inner) and words.WROTE.split(inner)[-1] == "":
            return "original"
    elif (
        inner.endswith((":", "："))
        and words.FORWARDED.search(inner)
        and words.MESSAGE.search(inner)
    ):
        return "forward"
    return None


def is_reply_marker(line: str) -> bool:
    """Whether *line* is a tracker's line above which replies are to be written."""
    text = without_marks(line).strip()
    if not 10 <= len(text) <= 160 or text[0] not in "-#=*_—–[<~" or text[-1] not in "-#=*_—–]>~":
        return False
    return words.REPLY_ABOVE.search(text) is not None


def is_signature_mark(line: str) -> bool:
    """Whether *line* separates a signature (RFC 3676 4.3), also where the blank behind is lost."""
    return line.rstrip() in ("--", "- --")


def is_device_line(line: str, *, beside_another: bool = False) -> bool:
    """Whether *line* is what a telephone or program adds below a mail."""
    text = _URL.sub("", line[:MAX_LINE]).strip().strip("<>()[]*_ ")
    if not 6 <= len(text) <= 130:
        return False
    return words.SENT_BY_DEVICE.fullmatch(text) is not None or (
        beside_another and words.PERHAPS_BY_DEVICE.fullmatch(text) is not None
    )


def is_list_footer(lines: Sequence[str]) -> bool:
    """Whether *lines* are what a mailing list adds at the end; the first is a divider."""
    text = [line for line in lines[1:] if line.strip()]
    if not 1 <= len(text) <= 8 or not is_divider(lines[0]):
        return False
    whole = " ".join(text)[:2_000]
    points_somewhere = "://" in whole or _ADDRESS.search(whole) is not None
    is_underscored = lines[0].strip().startswith("____")
    return points_somewhere and (is_underscored or words.LIST_FOOTER.search(whole) is not None)


def is_signed_name(line: str) -> bool:
    """Whether *line* is a name behind a dash, as people sign."""
    return re.fullmatch(
        r"--? ?(?:[^\W\d_][\w.'’]{0,20} ?){1,3}", line.rstrip()
    ) is not None and all(
        part[:1].isupper() for part in re.split(r"[ -]+", line.strip(" -")) if part
    )
