"""HTML of a mail made into Markdown, where what the client marked as quoted is left out.

Nothing is fetched. HTML that is shown as text, as in ``&lt;b&gt;``, stays text: what renders
Markdown here takes no HTML (markup.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from lxml import etree

MAX_DEPTH = 250
"""Levels of elements up to which their meaning is kept; deeper ones are text alone."""

MAX_PREFIX = 12
"""Levels of quotes and lists that are written out."""

MAX_TEXT = 1024 * 1024
"""Characters of Markdown that are made of one part."""

MAX_TAGS = 20_000
"""Tags of one part that are read; a long issue copied from a browser has some thousands."""

MAX_URL = 2_000


class Markdown(NamedTuple):
    """What became of a text in HTML."""

    text: str
    elided: str
    was_cut: bool


_LEFT_OUT = frozenset(
    "head style script title meta link template noscript object embed applet svg math iframe "
    "select option textarea input button audio video canvas map xml frameset".split()
)
_BLOCKS = frozenset(
    "address article aside body center dd details dialog div dl dt fieldset figcaption figure "
    "footer form header hgroup html legend li main nav ol section summary table tbody tfoot thead "
    "tr ul".split()
)
_PARAGRAPHS = frozenset("p blockquote pre h1 h2 h3 h4 h5 h6 hr ul ol table".split())
_EMPHASIS = {"b": "**", "strong": "**", "i": "*", "em": "*", "cite": "*", "s": "~~", "del": "~~"}
_EMPHASIS |= {"strike": "~~"}

_QUOTING = re.compile(
    r"gmail_quote|gmail_attr|yahoo_quoted|protonmail_quote|tutanota_quote|moz-cite-prefix|zmail_extra"
    r"|OutlookMessageHeader|nylas-quote|mail-editor-reference-message-container|reply-intro"
    r"|ms-outlook-mobile-reference-message"
)
"""Classes and ids by which clients mark what is quoted; some put a prefix of their own before."""

_QUOTED_FROM_HERE = re.compile(
    r"divRplyFwdMsg|appendonsend|stopSpelling|zwchr|OLK_SRC_BODY_SECTION|replySplit"
)
"""Ids and classes after which, to the end of the mail, everything is quoted."""

# What is noted in the elements themselves while they are read.
_HOLDS_QUOTE = "data-holds-quote"
_IS_QUOTE = "data-is-quote"

_TAG = re.compile("<")
_FORWARDING = re.compile(r"forward-container|gmail_forward|moz-forward")
_HIDDEN = re.compile(
    r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE
)
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")
_URL = re.compile(r"https?://|ftp://|mailto:|cid:|tel:", re.IGNORECASE)


def to_markdown(html: str, *, keep_quotes: bool = False) -> Markdown:
    """Return *html* as Markdown, and apart from it what stands quoted at its end.

    Quotes before something that the author wrote stay where they are, as they are answered there.
    A forward stays, too, as does a mail that is nothing but a quote, and all with *keep_quotes*.
    Whatever *html* is, it raises nothing.
    """
    end = next((tag.start() for tag in islice(_TAG.finditer(html), MAX_TAGS, None)), len(html))
    # Octets, since lxml refuses a text that declares an encoding; and never the network.
    parser = etree.HTMLParser(
        encoding="utf-8",
        no_network=True,
        recover=True,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(html[:end].encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):
        # An empty text, or one of which nothing can be made.
        root = None
    if root is None:
        return Markdown("", "", was_cut=False)
    writer = _Writer(keep_quotes=keep_quotes)
    # Where elements stand too deep the parser stops reading.
    is_too_deep = any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log)
    writer.was_cut = is_too_deep or end < len(html)
    writer.write(root)
    return writer.result()


class _Line:
    """A line of Markdown: its text without marks of quotes, and how it stands."""

    __slots__ = ("is_quoted", "text")

    def __init__(self, text: str, *, is_quoted: bool) -> None:
        self.text = text
        self.is_quoted = is_quoted


class _Writer:
    """Walks through the elements and writes lines."""

    def __init__(self, *, keep_quotes: bool) -> None:
        self.lines: list[_Line] = []
        self.size = 0
        self.pieces: list[str] = []
        self.prefixes: list[str] = []
        self.bullet = ""
        self.quoted = 0  # in how many elements that a client marks as quoted it stands
        self.pre = 0
        self.gap = False  # whether an empty line must come before the next
        self.lists: list[int] = []
        self.opened: list[tuple[Any, int, str]] = []  # emphasis and links: element, where, mark
        self.is_forward = keep_quotes
        self.was_cut = False

    def result(self) -> Markdown:
        """Return what is kept, and the quoted lines at the end."""
        self._break()
        own = [
            number for number, line in enumerate(self.lines, 1) if not line.is_quoted and line.text
        ]
        end = own[-1] if own and not self.is_forward else len(self.lines)
        while 0 < end < len(self.lines) and self.lines[end - 1].text in ("", "---"):
            end -= 1  # the line that is drawn above what is quoted
        kept = "\n".join(line.text for line in self.lines[:end])
        elided = "\n".join(line.text for line in self.lines[end:])
        return Markdown(kept.strip("\n"), elided.strip("\n"), self.was_cut)

    def write(self, root: Any) -> None:
        """Write what is in *root*. One pass, without recursion."""
        for quote in root.iter("blockquote"):
            for around in quote.iterancestors():
                if around.get(_HOLDS_QUOTE) is not None:
                    break
                around.set(_HOLDS_QUOTE, "")
        skipped: Any = None
        depth = 0
        for event, element in etree.iterwalk(root, events=("start", "end")):
            if event == "start":
                depth += 1
                if skipped is None:
                    if depth > MAX_DEPTH or not self._is_shown(element):
                        if depth <= MAX_DEPTH:
                            skipped = element
                        else:
                            self._text(element.text)
                    else:
                        self._start(element)
                        self._text(element.text)
            else:
                if skipped is None and depth <= MAX_DEPTH:
                    self._end(element)
                if skipped is element:
                    skipped = None
                depth -= 1
                if skipped is None:
                    self._text(element.tail)
            if self.size > MAX_TEXT:
                self.was_cut = True
                break

    def _is_shown(self, element: Any) -> bool:
        if element.tag in _LEFT_OUT or element.get("hidden") is not None:
            return False
        style = element.get("style")
        return not (style and _HIDDEN.search(style))

    def _start(self, element: Any) -> None:
        tag = element.tag
        names = f"{element.get('class', '')} {element.get('id', '')}"
        if tag in _PARAGRAPHS:
            self._break(gap=not (tag in ("ul", "ol") and self.lists))
        elif tag in _BLOCKS:
            self._break()
        if names != " ":
            self._mark_quotes(element, names)
        if tag == "blockquote":
            self._open_quote(element)
        elif tag == "pre":
            self.pre += 1
            if self.pre == 1:
                self._put("```")
        elif tag in ("ul", "ol"):
            start = element.get("start", "1")
            self.lists.append(
                int(start) if tag == "ol" and start.isdecimal() and len(start) < 9 else 0
            )
            if tag == "ol":
                self.lists[-1] = self.lists[-1] or 1
        elif tag == "li":
            self._open_item()
        elif tag == "br":
            self._break_line()
        elif tag == "hr":
            self._put("---")
            self._break(gap=True)
        elif tag in ("td", "th"):
            self.pieces.append(" ")
        elif tag == "img":
            self._image(element)
        elif len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            self.pieces.append("#" * int(tag[1]) + " ")
            self.opened.append((element, len(self.pieces), "#"))
        elif tag in _EMPHASIS and not self.pre:
            self.opened.append((element, len(self.pieces), _EMPHASIS[tag]))
        elif tag == "code" and not self.pre:
            self.opened.append((element, len(self.pieces), "`"))
        elif tag == "a" and element.get("href"):
            self.opened.append((element, len(self.pieces), "["))

    def _mark_quotes(self, element: Any, names: str) -> None:
        if _FORWARDING.search(names):
            self.is_forward = True
        if _QUOTED_FROM_HERE.search(names):
            self._break()
            # Never closed: what follows to the end is what the client quotes.
            self.quoted += 1
        elif not self.quoted and element.tag != "blockquote" and _QUOTING.search(names):
            if _is_forward(element):
                self.is_forward = True
            elif element.get(_HOLDS_QUOTE) is None:
                # Where a blockquote is in it, what stands beside that may be an answer.
                self._break()
                self.quoted += 1
                element.set(_IS_QUOTE, "")

    def _open_quote(self, element: Any) -> None:
        is_marked = element.get("type") == "cite" or _QUOTING.search(element.get("class", ""))
        if is_marked:
            self.quoted += 1
            element.set(_IS_QUOTE, "")
        self.prefixes.append("> ")

    def _open_item(self) -> None:
        self._break()
        number = self.lists[-1] if self.lists else 0
        self.bullet = f"{number}. " if number else "- "
        if number:
            self.lists[-1] += 1
        self.prefixes.append(" " * len(self.bullet))

    def _end(self, element: Any) -> None:
        tag = element.tag
        if self.opened and self.opened[-1][0] is element:
            self._close_inline()
        if tag == "pre":
            self._break()
            self.pre -= 1
            if not self.pre:
                self._put("```")
        if tag in _PARAGRAPHS:
            self._break(gap=True)
        elif tag in _BLOCKS:
            self._break()
        if tag == "blockquote" or (tag == "li" and self.prefixes):
            self.prefixes.pop()
            self.bullet = ""
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        if element.get(_IS_QUOTE) is not None:
            self._break()
            self.quoted -= 1

    def _close_inline(self) -> None:
        element, start, mark = self.opened.pop()
        content = "".join(self.pieces[start:])
        text = content.strip()
        if mark == "#" or not text or "\n" in text:
            return
        if mark == "[":
            text = _link(text, element.get("href", ""))
        elif mark == "`":
            text = text if "`" in text else f"`{text}`"
        elif not text.startswith(mark[0]) and not text.endswith(mark[0]):
            text = f"{mark}{text}{mark}"
        before = content[: len(content) - len(content.lstrip())]
        after = content[len(content.rstrip()) :]
        self.pieces[start:] = [before, text, after]

    def _image(self, element: Any) -> None:
        """Write an image, but for those that are there to be fetched, not to be seen."""
        source = element.get("src", "").strip()
        if element.get("width") in ("0", "1") or element.get("height") in ("0", "1"):
            return
        alternative = _BLANKS.sub(" ", element.get("alt", "")).strip()[:200]
        if _URL.match(source) and len(source) <= MAX_URL and not re.search(r"[\s<>()]", source):
            self.pieces.append(f"![{alternative.replace(']', '')}]({source})")
        elif alternative:
            self.pieces.append(alternative)

    def _text(self, text: str | None) -> None:
        if not text:
            return
        if self.pre:
            first, *others = text.split("\n")
            self.pieces.append(first)
            for other in others:
                self._break_line()
                self.pieces.append(other)
        else:
            self.pieces.append(_BLANKS.sub(" ", text).replace("\xa0", " "))

    def _break_line(self) -> None:
        """End the line, also where it is empty."""
        if self.pieces and "".join(self.pieces).strip():
            self._break()
        elif self.pre:
            self._put("")
        else:
            self._forget()
            self.gap = True

    def _break(self, *, gap: bool = False) -> None:
        """End the line if there is one, and have an empty line come before the next if *gap*."""
        text = "".join(self.pieces)
        text = text.rstrip() if self.pre else re.sub(r" {2,}", " ", text).strip()
        self._forget()
        if text:
            self._put(text)
        self.gap = self.gap or gap

    def _forget(self) -> None:
        self.pieces.clear()
        # What was opened in this line cannot be closed in another.
        self.opened = [(element, 0, "#") for element, _, _ in self.opened]

    def _put(self, text: str) -> None:
        if self.pieces:
            self._break()
        prefix = "".join(self.prefixes[:MAX_PREFIX])
        if self.gap and self.lines and self.lines[-1].text:
            quote = prefix.rstrip() if ">" in prefix else ""
            before = self.lines[-1].text if ">" in prefix else ""
            between = quote if before.startswith(">") else ""
            self.lines.append(_Line(between, is_quoted=bool(self.quoted)))
        self.gap = False
        if self.bullet and len(self.prefixes) <= MAX_PREFIX:
            prefix = "".join(self.prefixes[:-1]) + self.bullet
        self.bullet = ""
        line = (prefix + text).rstrip()
        self.lines.append(_Line(line, is_quoted=bool(self.quoted)))
        self.size += len(line) + 1


def _link(text: str, url: str) -> str:
    """Return a link as Markdown; one that says its own address as that address alone."""
    url = url.strip()
    if not _URL.match(url) or len(url) > MAX_URL or re.search(r"[\s<>]", url):
        return text
    bare = url.split(":", 1)[1] if url.lower().startswith(("mailto:", "tel:")) else url
    if text in (url, bare) or text.rstrip("/") == bare.rstrip("/"):
        return text
    if url.lower().startswith(("mailto:", "tel:", "cid:")) or "](" in text or _URL.match(text):
        return text
    return f"[{text}]({url.replace('(', '%28').replace(')', '%29')})"


def _is_forward(element: Any) -> bool:
    """Whether what *element* quotes begins as a forward does, with a line of dashes."""
    return next((text.startswith("-----") for text in _texts(element)), False)


def _texts(element: Any) -> Iterator[str]:
    return (text.strip() for text in element.itertext() if text.strip())
