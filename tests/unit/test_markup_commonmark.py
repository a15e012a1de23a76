"""The examples of the CommonMark specification 0.31.2, through Markdown alone and through it all.

Of its 652 examples 580 are run. Left out are the 72 that turn raw HTML on, which this site does
not: those with a tag, comment or declaration that stands in the expected HTML as it stood in the
text. All extensions are on.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest

from ponytracker.markup import render, to_html

SPECIFICATION = Path(__file__).parents[2] / "node_modules" / "commonmark-spec" / "spec.txt"


class Example(NamedTuple):
    number: int
    text: str
    html: str

    @property
    def has_raw_html(self) -> bool:
        return any(tag in self.text for tag in re.findall(r"<[^>]*(?:>|\Z)", self.html))

    @property
    def has_bare_url(self) -> bool:
        """Whether it shows a URL or an address, outside links and code, that GFM 6.9 would link."""
        visible = re.sub(r"<a .*?</a>|<code.*?</code>|<[^>]*>", "", self.html, flags=re.DOTALL)
        return bool(re.search(r"(?<![^\s*_~(])(https?://\w|www\.\w|\w+@\w+\.\w)", visible))


def read_examples() -> list[Example]:
    if not SPECIFICATION.is_file():
        return []
    text = SPECIFICATION.read_text(encoding="utf-8").replace("→", "\t")
    fenced = re.compile(r"^`{32} example\n(.*?)^\.\n(.*?)^`{32}$", re.DOTALL | re.MULTILINE)
    return [Example(n, *found.groups()) for n, found in enumerate(fenced.finditer(text), 1)]


EXAMPLES = read_examples()
RUN = [
    pytest.param(example, id=str(example.number))
    for example in EXAMPLES
    if not example.has_raw_html
]


def test_all_examples_but_those_of_raw_html_are_run() -> None:
    assert SPECIFICATION.is_file(), f"{SPECIFICATION} is missing: run `make assets`"
    assert len(EXAMPLES) == 652
    assert len(RUN) == 580
    # These three say that CommonMark has no bare autolinks.
    assert [e.number for e in EXAMPLES if e.has_bare_url] == [608, 611, 612]


def rendered(example: Example, html: str) -> str:
    """Return *html* without the autolinks of GFM 6.9 and the newline an empty quote may hold."""
    if example.has_bare_url:
        html = re.sub(r'<a href="(?:mailto:)?([^"]*)"[^>]*>\1</a>', r"\1", html)
    return html.replace("<blockquote></blockquote>", "<blockquote>\n</blockquote>")


@pytest.mark.parametrize("example", RUN)
def test_markdown_alone(example: Example) -> None:
    assert rendered(example, to_html(example.text)) == example.html


@pytest.mark.parametrize("example", RUN)
def test_with_the_policy_of_the_site(example: Example) -> None:
    html = rendered(example, str(render(example.text, line_breaks=False)))
    assert elements(html) == elements(example.html)


class _Elements(HTMLParser):
    """Tags, their attributes and the text between, without what the site's policy adds or removes.

    It adds ``rel`` to links, ``loading`` to images, and to code a class and the spans that colour
    it, in place of ``language-…``; it removes a link's URL where the scheme is not one of the list.
    """

    SCHEMES = ("ftp", "http", "https", "irc", "mailto")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kept = {name: value for name, value in attrs if name not in {"class", "loading", "rel"}}
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", kept.get("href") or "", re.IGNORECASE)
        if scheme and scheme[1].lower() not in self.SCHEMES:
            del kept["href"]
        if tag != "span":
            self.found.append((tag, kept))

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"br", "hr", "img", "span"}:
            self.found.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        # Spans part what is one text.
        if self.found and isinstance(self.found[-1], list):
            self.found[-1].append(data)
        else:
            self.found.append([data])


def elements(html: str) -> list[object]:
    parser = _Elements()
    parser.feed(html)
    parser.close()
    return ["".join(found) if isinstance(found, list) else found for found in parser.found]
