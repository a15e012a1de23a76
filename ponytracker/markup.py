"""Markdown as people type it on the web, made into HTML that is safe to show."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import groupby
from time import thread_time
from typing import Any, TypeVar

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml, unescapeAll
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup
from mdit_py_plugins.footnote.index import render_footnote_anchor
from mdit_py_plugins.gfm import gfm_plugin
from pygments import format as write_tokens
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from ponytracker.placeholders import (
    IssueReference,
    Mention,
    is_genuine,
    is_within_mention,
    parse_attachment_url,
    parse_issue_url,
    split_text,
)
from ponytracker.text import clean_text

RENDERER_VERSION = 3
"""Stored beside the HTML: raised when the same text renders differently, it has texts renewed."""

RENDER_SECONDS = 1.0
"""Processor time of its thread that a text may take: a busy machine does not change the outcome."""

MAX_DEPTH = 100
"""Levels of quotes and lists, a list counting two, beyond which a text is shown as it was typed."""

MAX_TARGETS = 1_000_000
"""Characters that the URLs and titles of a text may have in all: a reference repeats its own."""

MAX_URL = 2_048
"""Characters up to which a bare URL becomes a link."""

MAX_HIGHLIGHTED = 20_000
"""Characters of code that are highlighted in one text; what goes beyond stays plain code."""

MAX_REFERENCES = 500
"""How often a text may refer to an issue, and how often mention someone; the rest is text."""

_LANGUAGES = """
    asm bash batch c c++ cmake console cpp css cython diff docker dockerfile go golang html
    java javascript js json lua make makefile nasm objective-c perl php powershell py pycon
    pytb python python3 pyx ruby rust sh shell sql swift toml ts typescript xml yaml yml zsh
"""
LANGUAGES = frozenset(_LANGUAGES.split())
"""What a fence may call its language. Pygments knows hundreds more, some of which need minutes for
a hostile line, and nothing can interrupt a regular expression; these have been tried."""


class RenderLimitError(Exception):
    """The text takes too long, nests too deeply or grows too much to be rendered."""


def render(text: str, *, line_breaks: bool = True) -> Markup:
    """Return *text*, in Markdown, as HTML that any page may hold.

    CommonMark with GitHub's extensions, where a single newline is a line break unless *line_breaks*
    is off. HTML in the text is shown as text. Takes any string and raises nothing: what cannot be
    rendered within the limits above is shown as it was typed, in a ``<pre class="plain">``.
    Issues, people and files that it names are placeholders: see ``placeholders.py``.

    The HTML is cleaned by an allow-list of tags, attributes, classes and URL schemes, as OWASP's
    Cross Site Scripting Prevention Cheat Sheet asks of text that authors may format.
    """
    text = clean_text(text)
    try:
        html = to_html(text, line_breaks=line_breaks, policy=_apply_policy)
        return Markup(_CLEANER.clean(clean_text(html)))  # noqa: S704 (safe by the cleaning)
    except (RenderLimitError, RecursionError):
        # HTML drops a newline that follows <pre>, so that one of the text's own would be lost.
        return Markup('<pre class="plain">\n{}</pre>\n').format(text)


class _Budget:
    """What one text may still use up."""

    def __init__(self) -> None:
        self._end = thread_time() + RENDER_SECONDS
        self._targets = MAX_TARGETS
        self._highlighted = MAX_HIGHLIGHTED
        self._references = {IssueReference: MAX_REFERENCES, Mention: MAX_REFERENCES}

    def check_time(self) -> None:
        if thread_time() > self._end:
            raise RenderLimitError

    def take_target(self, token: Token) -> None:
        self._targets -= sum(len(str(value)) for value in token.attrs.values())
        if self._targets < 0:
            raise RenderLimitError

    def take_highlighting(self, code: str) -> bool:
        if len(code) > self._highlighted:
            return False
        self._highlighted -= len(code)
        return True

    def take_reference(self, reference: IssueReference | Mention) -> bool:
        self._references[type(reference)] -= 1
        return self._references[type(reference)] >= 0


_Policy = Callable[[list[Token], _Budget], None]


def to_html(text: str, *, line_breaks: bool = False, policy: _Policy | None = None) -> str:
    """Return *text* as HTML that follows CommonMark to the letter: not yet safe to show.

    *policy* may change the tokens before they are written; with it, what the text refers to is
    found. Raises `RenderLimitError`.
    """
    markdown, budget = _PARSERS[line_breaks], _Budget()
    # Footnotes of several comments share a page: the digest keeps their ids apart.
    digest = blake2b(text.encode(), digest_size=4).hexdigest()
    env = {"budget": budget, "docId": digest, "has_references": policy is not None}
    tokens = markdown.parse(text, env)
    if policy:
        policy(tokens, budget)
    return str(markdown.renderer.render(tokens, markdown.options, env))


# What a text refers to, in its words alone: neither in code nor in links.


def _find_references(state: StateCore) -> None:
    if not state.env.get("has_references"):
        return
    budget = state.env["budget"]
    for token in state.tokens:
        if token.type == "inline":
            budget.check_time()
            token.children = list(_with_references(token.children or [], budget))


def _with_references(tokens: list[Token], budget: _Budget) -> Iterator[Token]:
    """Yield *tokens* with a placeholder for each issue and each person that their words name."""
    before = ""  # the character that the reader sees last
    in_link = False
    for is_text, run in groupby(tokens, lambda token: token.type in ("text", "text_special")):
        if is_text and not in_link:
            text, literal = _join(run)
            yield from _split(before + text, len(before), literal, budget)
            before = text[-1:] or before
            continue
        for token in run:
            if token.type == "link_open" and token.markup == "autolink":
                _mark_if_issue(token, budget)
            in_link = (in_link or token.type == "link_open") and token.type != "link_close"
            if not token.nesting:
                before = token.content[-1:] if token.type != "image" else ""
            yield token


def _join(texts: Iterable[Token]) -> tuple[str, set[int]]:
    """Return *texts* as one, and where in it stands a character that was escaped."""
    parts: list[str] = []
    literal: set[int] = set()
    length = 0
    for token in texts:
        if token.type == "text_special":
            literal.add(length)
        parts.append(token.content)
        length += len(token.content)
    return "".join(parts), literal


def _split(text: str, start: int, literal: set[int], budget: _Budget) -> Iterator[Token]:
    # Signs count from the start of what comes before them.
    words: list[str] = []
    for part in split_text(text, start=start, literal={start + place for place in literal}):
        budget.check_time()
        if isinstance(part, str) or not budget.take_reference(part):
            words.append(part if isinstance(part, str) else part.typed)
            continue
        yield Token("text", "", 0, content="".join(words))
        yield Token("html_inline", "", 0, content=part.placeholder)
        words.clear()
    yield Token("text", "", 0, content="".join(words))


def _mark_if_issue(link: Token, budget: _Budget) -> None:
    issue = parse_issue_url(str(link.attrs["href"]))
    if issue and budget.take_reference(issue):
        link.attrs["data-issue-link"] = ""


# The parser, with checkpoints: rules that never match, at the head of the chains, so that no loop
# of the parser goes on for long without passing one.


def _check_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    state.env["budget"].check_time()
    # What lies deeper than its own limit the parser would drop without a word.
    if state.level > MAX_DEPTH:
        raise RenderLimitError
    return False


def _check_inline(state: StateInline, silent: bool) -> bool:
    state.env["budget"].check_time()
    return False


_InlineRule = Callable[[StateInline, bool], bool]
_BLANK = re.compile(r"[ \t\n]")
_AUTOLINKS = {"gfm_autolink_www": "w", "gfm_autolink_protocol": ":", "gfm_autolink_email": "@"}


def _within_word(rule: _InlineRule, sign: str) -> _InlineRule:
    """Let an autolink *rule*, for what *sign* stands in, see no more than one word.

    It copies all that follows at every colon, and counts a word's brackets anew for each of them.
    """

    def rule_within_word(state: StateInline, silent: bool) -> bool:
        if silent or state.src[state.pos] != sign:
            return False
        # A username may look like a mail address.
        if sign == "@" and is_within_mention(state.src, state.pos):
            return False
        maximum = state.posMax
        far_enough = min(maximum, state.pos + MAX_URL + 1)
        blank = _BLANK.search(state.src, state.pos, far_enough)
        end = blank.start() if blank else far_enough
        if end - state.pos > MAX_URL:
            return False
        state.posMax = end
        try:
            return rule(state, silent)
        finally:
            state.posMax = maximum

    return rule_within_word


def _write_footnote_anchor(*context: Any) -> str:
    """Name the arrow from a footnote back to the text for those who hear it."""
    return render_footnote_anchor(*context).replace("<a ", '<a aria-label="Back to the text" ', 1)


def _make_parser(*, line_breaks: bool) -> MarkdownIt:
    """Return a parser of CommonMark 0.31.2 with GitHub's extensions; raw HTML is text to it.

    These are the tables, task lists, strikethrough and autolinks of the GFM specification 0.29
    (4.10, 5.3, 6.5, 6.9), footnotes and alerts. linkify-it, which finds autolinks in the preset
    ``gfm-like2``, would make links of file names: ``setup.py`` could be a host in Paraguay.
    """
    # A block rule opens two levels at most before the next checkpoint.
    options = {"html": False, "breaks": line_breaks, "maxNesting": MAX_DEPTH + 3}
    parser = MarkdownIt("commonmark", options).use(gfm_plugin)
    lookaheads = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("table", "checkpoint", _check_block, {"alt": lookaheads})
    parser.inline.ruler.before("text", "checkpoint", _check_inline)
    # Joined, a text no longer tells what in it was escaped.
    parser.core.ruler.before("text_join", "references", _find_references)
    for rule in parser.inline.ruler.__rules__:
        if rule.name in _AUTOLINKS:
            rule.fn = _within_word(rule.fn, _AUTOLINKS[rule.name])
    parser.add_render_rule("footnote_anchor", _write_footnote_anchor)
    # The chains are compiled at first use, which two threads must not do at once.
    parser.render("first use", {"budget": _Budget()})
    return parser


_PARSERS = {line_breaks: _make_parser(line_breaks=line_breaks) for line_breaks in (True, False)}


# The policy of the site, applied to the tokens between parsing and writing.

_ALERTS = {
    "NOTE": "alert alert-info",
    "TIP": "alert alert-success",
    "IMPORTANT": "alert alert-primary",
    "WARNING": "alert alert-warning",
    "CAUTION": "alert alert-danger",
}
_ALIGNMENTS = {
    "text-align:left": "text-start",
    "text-align:center": "text-center",
    "text-align:right": "text-end",
}


def _apply_policy(tokens: list[Token], budget: _Budget) -> None:
    in_link = False
    for index, token in enumerate(tokens):
        match token.type:
            case "inline":
                _apply_policy(token.children or [], budget)
            case "link_open":
                budget.take_target(token)
                _keep_attachment(token)
                in_link = True
            case "link_close":
                in_link = False
            case "image":
                budget.take_target(token)
                _show_attachment(token, in_link=in_link)
                _link_if_elsewhere(token, in_link=in_link)
            case "fence":
                _highlight(token, budget)
            case "list_item_open" if "checked" in token.meta:
                _add_checkbox(*tokens[index : index + 3])
            case "table_open":
                _become(token, '<div class="table-responsive"><table class="table table-sm">\n')
            case "table_close":
                _become(token, "</table></div>\n")
            case "th_open" | "td_open" if "style" in token.attrs:
                token.attrs = {"class": _ALIGNMENTS[str(token.attrs["style"])]}
            case "alert_open":
                token.attrs = {"class": _ALERTS[token.meta["kind"]]}
            case "alert_title_open":
                token.attrs = {"class": "alert-heading"}


def _become(token: Token, html: str) -> None:
    token.type, token.content = "html_block", html


def _keep_attachment(link: Token) -> None:
    """Have a link to an attached file find it when the text is read."""
    attachment = parse_attachment_url(str(link.attrs["href"]))
    if attachment:
        link.attrs = {"data-attachment": str(attachment)}


def _show_attachment(image: Token, *, in_link: bool) -> None:
    """Have an image find the attached file that it shows when the text is read."""
    attachment = parse_attachment_url(str(image.attrs.get("src", "")))
    if attachment:
        alt = _WRITER.renderInlineAsText(image.children, _PARSERS[True].options, {})
        label = escapeHtml(alt or f"attachment:{attachment}")
        place = f"{attachment} linked" if in_link else attachment
        _become(image, f'<span data-attachment="{place}">{label}</span>')


_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|[/\\]{2}", re.IGNORECASE)
_WRITER = RendererHTML()


def _link_if_elsewhere(image: Token, *, in_link: bool) -> None:
    """Turn an image of another site into a link to it, or into its text where it is in a link.

    Fetching it would tell that site who reads which issue, and the Content-Security-Policy of the
    pages forbids it anyway.
    """
    source = str(image.attrs["src"])
    if image.type != "image" or not _ELSEWHERE.match(source):
        return
    alt = _WRITER.renderInlineAsText(image.children, _PARSERS[True].options, {})
    label = escapeHtml(alt or source)
    if not in_link:
        link = Token("link_open", "a", 1, attrs={"href": source})
        if title := image.attrs.get("title"):
            link.attrs["title"] = title
        label = f"<a{_WRITER.renderAttrs(link)}>{label}</a>"
    _become(image, label)


def _add_checkbox(item: Token, opening: Token, content: Token) -> None:
    """Put a task's box into its first paragraph: in a loose list it would stand above it."""
    state = 'checked aria-label="Done"' if item.meta.pop("checked") else 'aria-label="To do"'
    box = f'<input type="checkbox" class="task-list-item-checkbox" {state} disabled>'
    if opening.type == "paragraph_open":
        first = Token("html_inline", "", 0, content=f"{box} ")
        content.children = [first, *(content.children or [])]
    else:
        _become(item, f'<li class="task-list-item">{box}\n')


_LEXER_LOCK = threading.Lock()
_FORMATTER = HtmlFormatter(nowrap=True)
# Several lexers need quadratic time or worse for a long run of blanks or digits, and real code has
# none.
_LONG_RUN = re.compile(r"\s{100}|\S{1000}")


def _highlight(fence: Token, budget: _Budget) -> None:
    code = fence.content
    language, *_ = unescapeAll(fence.info).lower().split() or [""]
    if language in LANGUAGES and not _LONG_RUN.search(code) and budget.take_highlighting(code):
        # A lexer's class is built at its first use, which two threads must not do at once.
        with _LEXER_LOCK:
            lexer = get_lexer_by_name(language, stripnl=False)
        html = write_tokens(_in_time(lexer.get_tokens(code), budget), _FORMATTER)
    else:
        html = escapeHtml(code)
    _become(fence, f'<pre class="highlight"><code>{html}</code></pre>\n')


_T = TypeVar("_T")


def _in_time(steps: Iterable[_T], budget: _Budget) -> Iterator[_T]:
    for step in steps:
        budget.check_time()
        yield step


_TAGS = """
    a blockquote br code div em h1 h2 h3 h4 h5 h6 hr img input li ol p pre s section span strong
    sup table tbody td th thead tr ul
"""
# The last word: what the steps before let slip does not get past this list.
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS.split()),
    attributes={
        "a": {"aria-label", "data-attachment", "data-issue-link", "href", "id", "title"},
        "img": {"alt", "src", "title"},
        "input": {"aria-label", "checked", "disabled", "type"},
        "li": {"id"},
        "ol": {"start"},
        "span": {"data-attachment", "data-mention", "data-ref"},
    },
    attribute_filter=lambda *attribute: attribute[-1] if is_genuine(*attribute) else None,
    set_tag_attribute_values={
        "img": {"loading": "lazy"},
        "input": {"type": "checkbox", "disabled": ""},
    },
    allowed_classes={
        "a": {"footnote-backref"},
        "div": {"alert", "table-responsive"}.union(*(names.split() for names in _ALERTS.values())),
        "hr": {"footnotes-sep"},
        "input": {"task-list-item-checkbox"},
        "li": {"footnote-item", "task-list-item"},
        "ol": {"footnotes-list"},
        "p": {"alert-heading"},
        "pre": {"highlight"},
        "section": {"footnotes"},
        "span": {name for name in STANDARD_TYPES.values() if name},
        "sup": {"footnote-ref"},
        "table": {"table", "table-sm"},
        "td": set(_ALIGNMENTS.values()),
        "th": set(_ALIGNMENTS.values()),
    },
    # A name of the browser's own, such as `location`, must not be hidden by an element (OWASP: DOM
    # clobbering). The ids of footnotes begin so.
    id_prefix="fn",
    url_schemes={"ftp", "http", "https", "irc", "ircs", "mailto", "tel", "xmpp"},
    # Links that people write lend no rank to where they lead (nofollow, ugc); whoever is there
    # neither learns which issue they stand in (noreferrer) nor gets hold of its page (noopener).
    link_rel="nofollow ugc noopener noreferrer",
)
