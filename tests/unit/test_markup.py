"""What people type and what they get to see: extensions, policy, limits."""

from __future__ import annotations

import inspect
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from itertools import count

import pytest

from ponytracker import markup
from ponytracker.markup import (
    LANGUAGES,
    MAX_DEPTH,
    MAX_HIGHLIGHTED,
    MAX_REFERENCES,
    MAX_URL,
    render,
)
from ponytracker.text import MAX_TEXT

REL = ' rel="nofollow ugc noopener noreferrer"'


def link(url: str, label: str | None = None) -> str:
    return f'<a href="{url}"{REL}>{label or url}</a>'


def is_plain(html: str) -> bool:
    return html.startswith('<pre class="plain">')


class TestLineBreaks:
    def test_a_newline_is_a_line_break(self) -> None:
        assert render("one\ntwo") == "<p>one<br>\ntwo</p>\n"

    def test_they_can_be_turned_off(self) -> None:
        assert render("one\ntwo", line_breaks=False) == "<p>one\ntwo</p>\n"

    @pytest.mark.parametrize("end", ["\r\n", "\r"])
    def test_other_line_ends(self, end: str) -> None:
        assert render(f"one{end}two") == render("one\ntwo")


class TestAutolinks:
    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("http://example.com", "http://example.com"),
            ("https://example.com/a?b=c&d#e", "https://example.com/a?b=c&amp;d#e"),
            ("www.example.com", "http://www.example.com"),
            ("bob@example.com", "mailto:bob@example.com"),
            ("mailto:bob@example.com", "mailto:bob@example.com"),
        ],
    )
    def test_of_bare_urls(self, text: str, url: str) -> None:
        assert (
            render(f"see {text} and") == f"<p>see {link(url, text.replace('&', '&amp;'))} and</p>\n"
        )

    @pytest.mark.parametrize("around", ["({})", "**{}**", "{}.", "{},", "{}?"])
    def test_end_before_punctuation(self, around: str) -> None:
        assert link("http://example.com/a") in render(around.format("http://example.com/a"))

    def test_keep_balanced_brackets(self) -> None:
        assert link("http://example.com/a_(b)") in render("(http://example.com/a_(b))")

    @pytest.mark.parametrize("text", ["setup.py", "example.com", "a:b", "#a", "@", "10:00"])
    def test_not_of_names_without_scheme(self, text: str) -> None:
        assert render(text) == f"<p>{text}</p>\n"

    def test_not_inside_a_link(self) -> None:
        assert render("[http://a.example](http://b.example)") == (
            f"<p>{link('http://b.example', 'http://a.example')}</p>\n"
        )

    @pytest.mark.parametrize("start", ["http://example.com/", "www.example.com/"])
    def test_not_of_what_no_one_types(self, start: str) -> None:
        url = start + "a" * (MAX_URL - len(start) - 10)
        assert "<a " in render(url)
        assert "<a " not in render(url + "a" * MAX_URL)


def ref(typed: str) -> str:
    return f'<span data-ref="{typed}">{typed}</span>'


def mention(run: str) -> str:
    return f'<span data-mention="{run}">@{run}</span>'


class TestReferences:
    """What a text names stays as it was typed, in a placeholder."""

    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("#12", ref("#12")),
            ("see #12.", f"see {ref('#12')}."),
            ("(#12, #13)", f"({ref('#12')}, {ref('#13')})"),
            ("web#12", ref("web#12")),
            ("*web#12*", f"<em>{ref('web#12')}</em>"),
            ("My-web_2#12: x", f"{ref('My-web_2#12')}: x"),
            ("#1/#2", f"{ref('#1')}/{ref('#2')}"),
            (r"my\_web#12", ref("my_web#12")),
            ("a\n#12", f"a<br>\n{ref('#12')}"),
            ("c++#12", f"c++{ref('#12')}"),
        ],
    )
    def test_of_issues(self, text: str, html: str) -> None:
        assert render(text) == f"<p>{html}</p>\n"

    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("@bob", mention("bob")),
            ("(@bob)", f"({mention('bob')})"),
            ("hi @bob, hi", f"hi {mention('bob')}, hi"),
            ("[@bob]", f"[{mention('bob]')}"),
            ("**@bob**", f"<strong>{mention('bob')}</strong>"),
            ("_@bob_", f"<em>{mention('bob')}</em>"),
            ("@dependabot[bot]", mention("dependabot[bot]")),
            ("@Ärzte.ß-ひ", mention("Ärzte.ß-ひ")),
            ("@bob's", mention("bob") + "'s"),
            ("@alice/@bob", f"{mention('alice')}/{mention('bob')}"),
            ("@bob@example.org", mention("bob@example.org")),
            ("@a_b@example.org.", mention("a_b@example.org.")),
            (r"@a\_b@example.org", mention("a_b@example.org")),
            (r"@\_bob\_", mention("_bob_")),
            ("@@bob", mention("@bob")),
            ("@bob#12", f"{mention('bob')}#12"),
        ],
    )
    def test_of_people(self, text: str, html: str) -> None:
        assert render(text) == f"<p>{html}</p>\n"

    @pytest.mark.parametrize(
        "text",
        [
            r"\#12",
            r"\@bob",
            r"web\#12",
            "a#12b",
            "#12b",
            "#012",
            "#0",
            "#1234567890",
            "##12",
            "é#12",
            "owner/repo#12",
            "x@web#12",
            "a@bob",
            "é@bob",
            "a_@bob",
            "@",
            "@.",
            "@[]",
            "`#12 @bob`",
            "a`b`#12",
            "a*b*#12",
            "    #12 @bob",
            "```\n#12 @bob\n```",
            "```c\n#12 @bob\n```",
            "[#12 @bob](/a)",
            "[a](/#12)",
            "[a](/b '#12 @bob')",
            "![#12 @bob](/a)",
            "![#12 @bob](http://a.example/)",
            "bob@example.org",
            "<bob@example.org>",
            "mailto:bob@example.org",
            "http://a.example/@bob#12",
            "<http://a.example/@bob#12>",
            f"{'p' * 33}#12",
            f"@{'b' * 151}",
            f"@{'@' * 300}",
        ],
    )
    def test_of_nothing(self, text: str) -> None:
        assert "data-" not in render(text)

    def test_at_the_start_of_a_line_is_no_heading(self) -> None:
        assert render("#1 is it") == f"<p>{ref('#1')} is it</p>\n"

    def test_are_found_in_every_kind_of_block(self) -> None:
        html = render("# #1\n\n> #2\n\n- [ ] #3\n\n|#4|\n|-|\n|#5|\n\na[^1]\n\n[^1]: #6")
        assert re.findall(r'data-ref="#(.)"', html) == list("123456")

    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost:6543/web/issues/12/",
            "https://example.org/tracker/web/issues/12",
            "https://example.org/web/issues/12/#event-5",
            "https://example.org/web/issues/12#event-5",
        ],
    )
    def test_by_url_are_marked(self, url: str) -> None:
        marked = f'<a href="{url}" data-issue-link=""{REL}>{url}</a>'
        assert render(url) == render(f"<{url}>") == f"<p>{marked}</p>\n"

    @pytest.mark.parametrize(
        "text",
        [
            "[a](https://example.org/web/issues/12/)",
            "[https://example.org/web/issues/12/](https://example.org/web/issues/12/)",
            "https://example.org/web/issues/",
            "https://example.org/web/issues/12/edit/",
            "https://example.org/web/issues/012/",
            "https://example.org/web/issues/12/?a=b",
            "https://example.org/web/issues/12/#event-0",
            "https://example.org/web/issues/12/#comment-1",
            "ftp://example.org/web/issues/12/",
            "`https://example.org/web/issues/12/`",
        ],
    )
    def test_by_other_urls_are_not(self, text: str) -> None:
        assert "data-" not in render(text)

    @pytest.mark.parametrize(
        ("part", "attribute"),
        [
            ("#1 ", "data-ref"),
            ("@a ", "data-mention"),
            ("http://a.example/b/issues/1 ", "data-issue-link"),
        ],
    )
    def test_are_limited(self, part: str, attribute: str) -> None:
        html = render(part * (MAX_REFERENCES + 10))
        assert html.count(attribute) == MAX_REFERENCES
        assert html.count(part.strip()) >= MAX_REFERENCES + 10

    def test_and_mentions_are_limited_apart(self) -> None:
        html = render("#1 @a " * (MAX_REFERENCES + 10))
        assert html.count("data-ref") == html.count("data-mention") == MAX_REFERENCES


class TestLinks:
    @pytest.mark.parametrize(
        "url",
        ["http://a.example/", "ftp://a.example/", "mailto:a@b.example", "/web/issues/1/", "#a"],
    )
    def test_are_kept(self, url: str) -> None:
        assert render(f"[a]({url})") == f"<p>{link(url, 'a')}</p>\n"

    @pytest.mark.parametrize("url", ["gopher://a.example/", "file:///etc/passwd", "about:blank"])
    def test_of_other_schemes_are_not(self, url: str) -> None:
        assert "href" not in render(f"[a]({url})")

    def test_keep_their_title(self) -> None:
        assert 'title="say &quot;hi&quot;"' in render('[a](/b "say \\"hi\\"")')


class TestImages:
    def test_of_this_site_are_shown(self) -> None:
        assert render('![a cat](/files/cat.png "Tom")') == (
            '<p><img src="/files/cat.png" alt="a cat" title="Tom" loading="lazy"></p>\n'
        )

    @pytest.mark.parametrize(
        "url",
        [
            "http://a.example/cat.png",
            "HTTPS://a.example/cat.png",
            "//a.example/cat.png",
            "///a.example/cat.png",
        ],
    )
    def test_of_other_sites_are_linked(self, url: str) -> None:
        html = render(f"![a *cat*]({url})")
        assert "<img" not in html
        assert f'href="{url}"' in html
        assert ">a cat</a>" in html

    def test_of_other_sites_keep_their_title(self) -> None:
        assert 'title="say &quot;hi&quot;"' in render("![a](http://a.example/ 'say \"hi\"')")
        assert "title" not in render("![a](http://a.example/)")

    def test_without_description_show_their_url(self) -> None:
        assert ">http://a.example/cat.png</a>" in render("![](http://a.example/cat.png)")

    def test_in_a_link_leave_the_link(self) -> None:
        html = render("[![build](http://ci.example/badge)](http://ci.example/)")
        assert html == f"<p>{link('http://ci.example/', 'build')}</p>\n"

    def test_after_a_link_are_linked(self) -> None:
        assert render("[a](/b) ![c](http://d.example/)").count("<a ") == 2

    def test_of_data_are_not_shown(self) -> None:
        html = render("![dot](data:image/png;base64,iVBORw0KGgo=)")
        assert "data:" not in html
        assert "dot" in html


class TestTasks:
    def test_are_boxes_that_cannot_be_ticked(self) -> None:
        html = render("- [x] done\n- [ ] open\n- none")
        boxes = re.findall(r"<input ([^>]*)>", html)
        assert len(boxes) == 2
        assert all('type="checkbox"' in box and 'disabled=""' in box for box in boxes)
        assert 'checked=""' in boxes[0]
        assert 'aria-label="Done"' in boxes[0]
        assert "checked" not in boxes[1]
        assert 'aria-label="To do"' in boxes[1]
        assert html.count('<li class="task-list-item">') == 2

    def test_stay_beside_their_words_in_a_loose_list(self) -> None:
        assert re.search(r"<p><input [^>]*> done</p>", render("- [x] done\n\n- [ ] open"))

    @pytest.mark.parametrize("content", ["# head", "> quote", "```\n  code\n  ```", "- item"])
    def test_may_begin_with_any_block(self, content: str) -> None:
        assert '<li class="task-list-item"><input ' in render(f"- [ ] {content}")

    @pytest.mark.parametrize("text", ["[x] done", "- [y] done", "- [x](/a)"])
    def test_are_list_items_only(self, text: str) -> None:
        assert "<input" not in render(text)


class TestTables:
    def test_align_by_class(self) -> None:
        html = render("a|b|c|d\n:-|:-:|-:|-\n1|2|3|4")
        assert '<table class="table table-sm">' in html
        assert '<th class="text-start">a</th>' in html
        assert '<td class="text-center">2</td>' in html
        assert '<td class="text-end">3</td>' in html
        assert "<td>4</td>" in html
        assert "style" not in html

    def test_scroll_in_themselves(self) -> None:
        assert render("a|b\n-|-").startswith('<div class="table-responsive"><table')
        assert render("a|b\n-|-").endswith("</table></div>\n")


@pytest.mark.parametrize("text", ["~a~", "~~a~~"])
def test_strikethrough(text: str) -> None:
    assert render(text) == "<p><s>a</s></p>\n"


@pytest.mark.parametrize(
    ("kind", "name"), [("NOTE", "info"), ("tip", "success"), ("CAUTION", "danger")]
)
def test_alerts(kind: str, name: str) -> None:
    html = render(f"> [!{kind}]\n> text")
    assert f'<div class="alert alert-{name}">' in html
    assert f'<p class="alert-heading">{kind.capitalize()}</p>' in html


class TestFootnotes:
    TEXT = "a[^x] b[^x]\n\n[^x]: note"

    def test_link_there_and_back(self) -> None:
        html = render(self.TEXT)
        ids = set(re.findall(r' id="([^"]+)"', html))
        assert set(re.findall(r' href="#([^"]+)"', html)) == ids
        assert len(ids) == 3
        assert html.count('aria-label="Back to the text"') == 2

    def test_of_two_texts_do_not_meet(self) -> None:
        ids = [re.findall(r' id="([^"]+)"', render(self.TEXT + end)) for end in ("", "!")]
        assert not set(ids[0]) & set(ids[1])

    def test_that_are_not_defined_stay_text(self) -> None:
        assert render("a[^x]") == "<p>a[^x]</p>\n"


class TestCode:
    def test_is_coloured_by_class(self) -> None:
        assert render("```python\ndef f(): pass  # <b>\n```") == (
            '<pre class="highlight"><code><span class="k">def</span><span class="w"> </span>'
            '<span class="nf">f</span><span class="p">():</span> <span class="k">pass</span>'
            '  <span class="c1"># &lt;b&gt;</span>\n</code></pre>\n'
        )

    @pytest.mark.parametrize("language", sorted(LANGUAGES))
    def test_of_each_language(self, language: str) -> None:
        code = 'a = "<b>" # c\n$ ls\n-d\n'
        html = render(f"```{language}\n{code}```")
        assert "<span" in html
        assert unescape(re.sub("<[^>]*>", "", html)) == code + "\n"

    @pytest.mark.parametrize(
        "info", ["", "&#32;", "klingon", "text", "markdown", "../python", "{.python}"]
    )
    def test_of_other_languages_is_plain(self, info: str) -> None:
        assert render(f"```{info}\na = 1\n```") == (
            '<pre class="highlight"><code>a = 1\n</code></pre>\n'
        )

    @pytest.mark.parametrize("info", ["Python", "python {.x}", "python\t3", "pyth&#111;n"])
    def test_takes_the_first_word_for_its_language(self, info: str) -> None:
        assert "<span" in render(f"```{info}\na = 1\n```")

    def test_keeps_its_blank_lines(self) -> None:
        html = render("```python\n\n\na = 1\n\n\n```")
        assert unescape(re.sub("<[^>]*>", "", html)) == "\n\na = 1\n\n\n\n"

    def test_beyond_the_limit_is_plain(self) -> None:
        block = "```python\n" + "a = 1\n" * (MAX_HIGHLIGHTED // 12) + "```\n"
        first, second, third = render(block * 3).strip().split("</pre>\n")
        assert "<span" in first
        assert "<span" in second
        assert "<span" not in third

    @pytest.mark.parametrize("run", [" " * 100, "1" * 1000])
    def test_of_long_runs_is_plain(self, run: str) -> None:
        assert "<span" not in render(f"```c\nint a;{run}\n```")

    def test_indented_is_plain(self) -> None:
        assert render("    a < b") == "<pre><code>a &lt; b\n</code></pre>\n"


class TestRawHtml:
    @pytest.mark.parametrize("text", ["<b>a</b>", "<div>\n", "<!-- a -->", "<?php ?>", "<br/>"])
    def test_is_shown_as_text(self, text: str) -> None:
        html = render(text)
        assert re.findall(r"<(?!/?p>)[^>]*>", html) == []
        assert text.strip() in unescape(html)


class TestLimits:
    """Past a limit the text is shown as it was typed, whole."""

    def test_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(markup, "RENDER_SECONDS", -1)
        assert render("*a* <b>\n") == '<pre class="plain">\n*a* &lt;b&gt;\n</pre>\n'

    @pytest.mark.parametrize(
        "part",
        ["a\n\n", "a\n", "*a* ", "[", "`a` ", "> a\n\n", "- a\n", "[a]: b\n", "a|b\n-|-\n\n"],
    )
    def test_time_is_looked_at_everywhere(self, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(markup, "thread_time", count().__next__)
        monkeypatch.setattr(markup, "RENDER_SECONDS", 500)
        assert not is_plain(render(part * 5))
        assert is_plain(render(part * 500))

    def test_time_is_looked_at_between_the_words_of_code(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(markup, "thread_time", count().__next__)
        monkeypatch.setattr(markup, "RENDER_SECONDS", 500)
        assert not is_plain(render("```python\n" + "a = 1\n" * 20))
        assert is_plain(render("```python\n" + "a = 1\n" * 500))

    def test_depth(self) -> None:
        assert render(">" * MAX_DEPTH + "a").count("<blockquote>") == MAX_DEPTH
        assert render(">" * (MAX_DEPTH + 1) + "a") == (
            f'<pre class="plain">\n{"&gt;" * (MAX_DEPTH + 1)}a</pre>\n'
        )

    def test_depth_of_lists(self) -> None:
        assert render("- " * (MAX_DEPTH // 2) + "a").count("<li>") == MAX_DEPTH // 2
        assert is_plain(render("- " * (MAX_DEPTH // 2 + 1) + "a"))

    def test_depth_of_the_stack(self) -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(len(inspect.stack()) + 100)
        try:
            assert is_plain(render(">" * MAX_DEPTH + "a"))
        finally:
            sys.setrecursionlimit(limit)

    def test_growth_by_references(self) -> None:
        definition = f"[a]: /{'b' * 1000}\n\n"
        assert not is_plain(render(definition + "[a] " * 900))
        assert is_plain(render(definition + "[a] " * 1100))
        assert is_plain(render(definition + "![a] " * 1100))

    @pytest.mark.parametrize(
        "text",
        [
            "http://a.example/" + ")" * MAX_TEXT,
            "a@b.example" + ":" * MAX_TEXT,
            "*" * MAX_TEXT,
            "[" * MAX_TEXT,
            "*a_ " * (MAX_TEXT // 4),
            "@" * MAX_TEXT,
            "#" * MAX_TEXT,
            "#1 " * (MAX_TEXT // 3),
            "@a " * (MAX_TEXT // 3),
            ".@.@ " * (MAX_TEXT // 5),
            "_@a" * (MAX_TEXT // 3),
            "a-" * (MAX_TEXT // 2),
            "@a_b@c.de " * (MAX_TEXT // 10),
            "\\#\\@" * (MAX_TEXT // 4),
            "a|b\n-|-\n" * (MAX_TEXT // 8),
            "[a](" * (MAX_TEXT // 4),
            f"```c\na{' ' * MAX_TEXT}\n```",
        ],
        ids=lambda text: text[:12],
    )
    def test_hostile_texts_end(self, text: str) -> None:
        assert render(text[:MAX_TEXT])


@pytest.mark.parametrize("text", ["", " ", "\n", "\0", "\ud800", "\udfff\ud800", "\x85\x1b[31m"])
def test_any_string_is_taken(text: str) -> None:
    assert b"\0" not in render(text).encode()


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"*{n}*[^1]\n\n[^1]: a\n\n```python\na = {n}\n```" for n in range(40)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(render, texts)) == [render(text) for text in texts]
