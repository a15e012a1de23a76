"""Issues, people and files that a text names: found in it, kept in its HTML, read from it again.

What they are depends on who reads, and when, so that the stored HTML holds placeholders, which show
what was typed: ``<span data-ref="web#12">web#12</span>``, ``<span data-mention="bob">@bob</span>``,
and ``data-issue-link`` on a link to an issue of some site. docs/decisions/references.rst says why.
An attached file that is the target of an image is ``<span data-attachment="12">its text</span>``,
with ``12 linked`` where that stands in a link, and that of a link ``<a data-attachment="12">``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Container, Iterable, Iterator

from markupsafe import Markup, escape

from ponytracker.text import MAX_USERNAME

_PROJECT = r"[-a-zA-Z0-9_]{1,32}"
_NUMBER = r"[1-9][0-9]{0,8}"
_MARKS = "@.+-_[]"
"""What a username may have besides letters and digits."""

_LEGAL = r"[\w@.+\-\[\]]"

_NAMED = re.compile(
    rf"""
    (?: (?<! [\w\#/.@-] ) (?P<project> {_PROJECT} ) | (?<! [\w\#] ) )
        (?P<sign> \# ) (?P<number> {_NUMBER} ) (?! \w )
    | (?<! [\w@] ) (?P<at> @ ) (?P<run> {_LEGAL}+ )
    """,
    re.VERBOSE,
)
_AT = re.compile(r"(?<!\\)@")
_BACKWARDS = re.compile(r"[\w@.+\-\[\]\\]*")

_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")

_PLACEHOLDER = re.compile(
    rf"""
    <span\ data-ref="
        (?P<ref> (?P<project> {_PROJECT} )? \# (?P<number> {_NUMBER} ) )
    ">(?P=ref)</span>
    | <span\ data-mention="(?P<mention> {_LEGAL}{{1,{MAX_USERNAME}}} )">@(?P=mention)</span>
    | <a\ href="(?P<url> [^"]* )"\ data-issue-link=""\ rel="[^"]*">[^<]*</a>
    """,
    re.VERBOSE,
)
_ISSUE_URL = re.compile(
    rf"""
    (?P<site> https?://[^\s"<>&?\#]+ ) / (?P<project> {_PROJECT} ) /issues/ (?P<number> {_NUMBER} )
    /? (?: \#event- (?P<event> {_NUMBER} ) )?
    """,
    re.VERBOSE,
)

_ATTACHMENT_URL = re.compile(rf"attachment:({_NUMBER})", re.ASCII)
_ATTACHMENT = re.compile(
    rf"""
    <span\ data-attachment="(?P<image> {_NUMBER} ) (?P<linked> \ linked )? ">
        (?P<alt> [^<]* )
    </span>
    | <a\ data-attachment="(?P<link> {_NUMBER} )"
    """,
    re.VERBOSE | re.ASCII,
)


@dataclasses.dataclass(frozen=True, slots=True)
class IssueReference:
    """An issue as a text names it. Without a project it is one of the text's own project.

    Named by its URL it has the *site*, and perhaps the event that the URL points at.
    """

    number: int
    project: str | None = None
    site: str | None = None
    event_id: int | None = None

    @property
    def typed(self) -> str:
        return f"{self.project or ''}#{self.number}"

    @property
    def placeholder(self) -> str:
        return f'<span data-ref="{self.typed}">{self.typed}</span>'


@dataclasses.dataclass(frozen=True, slots=True)
class Mention:
    """Someone as a text names them: the *run* of characters after the @ that a name may have."""

    run: str

    @property
    def names(self) -> tuple[str, ...]:
        """The usernames that it may be, the longest first: the run may end in punctuation."""
        shortest = len(self.run.rstrip(_MARKS))
        return tuple(self.run[:end] for end in range(len(self.run), shortest - 1, -1))

    @property
    def typed(self) -> str:
        return f"@{self.run}"

    @property
    def placeholder(self) -> str:
        return f'<span data-mention="{self.run}">@{self.run}</span>'


@dataclasses.dataclass(frozen=True, slots=True)
class AttachmentTarget:
    """An attached file as a text shows or links it: an image says *alt*, a link its own words."""

    id: int
    alt: Markup | None = None
    in_link: bool = False

    @property
    def is_image(self) -> bool:
        return self.alt is not None


@dataclasses.dataclass(frozen=True, slots=True)
class References:
    """All that a text names, each once, in the order of the text."""

    issues: tuple[IssueReference, ...] = ()
    mentions: tuple[Mention, ...] = ()


def split_text(
    text: str, *, start: int, literal: Container[int]
) -> Iterator[str | IssueReference | Mention]:
    """Yield what *text* says from *start* on: its words, and what they name.

    What stands before *start* is looked at only for whether a name can begin after it. At the
    places *literal* a sign is just a sign, since it was typed as ``\\#`` or ``\\@``.
    """
    for match in _NAMED.finditer(text, start):
        if match.start("sign") in literal or match.start("at") in literal:
            continue
        found: IssueReference | Mention
        if match["number"]:
            found, end = IssueReference(int(match["number"]), match["project"]), match.end()
        else:
            found = Mention(match["run"][:MAX_USERNAME])
            end = match.start("run") + len(found.run)
            if not 0 < len(match["run"].rstrip(_MARKS)) <= MAX_USERNAME:
                continue
        yield text[start : match.start()]
        yield found
        start = end
    yield text[start:]


def is_within_mention(markdown: str, position: int) -> bool:
    """Return whether *position* of *markdown* follows an @ in the same run of a name's characters.

    A mail address has only one, so that none is mistaken for a mention.
    """
    nearest = markdown[max(0, position - MAX_USERNAME) : position]
    run = _BACKWARDS.match(nearest[::-1])
    return run is not None and _AT.search(markdown, position - run.end(), position) is not None


def parse_issue_url(url: str) -> IssueReference | None:
    """Return the issue that *url* is the address of, on whatever site, if it looks like one."""
    match = _ISSUE_URL.fullmatch(url)
    if match is None:
        return None
    event_id = int(match["event"]) if match["event"] else None
    return IssueReference(int(match["number"]), match["project"], match["site"], event_id)


def write_mention(username: str) -> str:
    """Return what mentions *username*, in Markdown, to which some underscores mean emphasis."""
    name = username.replace("_", r"\_") if _EMPHASIS.search(username) else username
    return f"@{name}"


def find_references(html: Markup) -> References:
    """Return what the text named of which `markup.render` has made *html*."""
    return collect_references([html])


def collect_references(htmls: Iterable[Markup]) -> References:
    """Return what any of the texts named of which `markup.render` has made *htmls*."""
    issues: dict[IssueReference, None] = {}
    mentions: dict[Mention, None] = {}
    for html in htmls:
        for match in _PLACEHOLDER.finditer(html):
            match _read(match):
                case IssueReference() as issue:
                    issues[issue] = None
                case Mention() as mention:
                    mentions[mention] = None
    return References(tuple(issues), tuple(mentions))


def replace_references(
    html: Markup, show: Callable[[IssueReference | Mention], Markup | None]
) -> Markup:
    """Return *html* with what *show* makes of all it names; where that is nothing, as typed."""

    def replace(match: re.Match[str]) -> str:
        reference = _read(match)
        shown = show(reference) if reference else None
        if shown is not None:
            return str(shown)
        if match["mention"]:
            return f"@{match['mention']}"
        return match["ref"] or match[0]

    # Between the placeholders everything stays as it was cleaned.
    return Markup(_PLACEHOLDER.sub(replace, str(html)))  # noqa: S704


def parse_attachment_url(url: str) -> int | None:
    """Return the id of the attached file that *url* is the target of, if it looks like one."""
    match = _ATTACHMENT_URL.fullmatch(url)
    return int(match[1]) if match else None


def collect_attachments(htmls: Iterable[Markup]) -> list[int]:
    """Return the ids of the files that any of the texts shows or links, each once."""
    found = (match for html in htmls for match in _ATTACHMENT.finditer(html))
    return list(dict.fromkeys(int(match["image"] or match["link"]) for match in found))


def replace_attachments(html: Markup, show: Callable[[AttachmentTarget], Markup | None]) -> Markup:
    """Return *html* with what *show* makes of each file: an image, or the start of a link.

    Where that is nothing, what the text says of it stays, and leads nowhere.
    """

    def replace(match: re.Match[str]) -> str:
        if match["link"]:
            return str(show(AttachmentTarget(int(match["link"]))) or "<a")
        # A quote is a character like any other in a text, and ends an attribute.
        alt = escape(Markup(match["alt"]).unescape())  # noqa: S704 - as it was cleaned
        shown = show(AttachmentTarget(int(match["image"]), alt, bool(match["linked"])))
        return str(alt if shown is None else shown)

    return Markup(_ATTACHMENT.sub(replace, str(html)))  # noqa: S704 - as in replace_references


def _read(match: re.Match[str]) -> IssueReference | Mention | None:
    if match["ref"]:
        return IssueReference(int(match["number"]), match["project"])
    if match["mention"]:
        return Mention(match["mention"])
    return parse_issue_url(match["url"])


def is_genuine(tag: str, attribute: str, value: str) -> bool:
    """Return whether *attribute* is none of a placeholder's, or has a value that we write."""
    match attribute:
        case "data-ref":
            return re.fullmatch(rf"(?:{_PROJECT})?#{_NUMBER}", value) is not None
        case "data-mention":
            return re.fullmatch(rf"{_LEGAL}{{1,{MAX_USERNAME}}}", value) is not None
        case "data-issue-link":
            return not value
        case "data-attachment":
            linked = "(?: linked)?" if tag == "span" else ""
            return re.fullmatch(rf"{_NUMBER}{linked}", value, re.ASCII) is not None
    return True
