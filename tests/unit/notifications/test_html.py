"""HTML out of its page: every address whole."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from ponytracker.markup import render
from ponytracker.notifications.html import for_mail

PAGE = "https://tracker.example.org/pony/web/issues/12/"


@pytest.mark.parametrize(
    ("target", "whole"),
    [
        ("/web/x", "https://tracker.example.org/web/x"),
        ("../13/?a=1&b=2", "https://tracker.example.org/pony/web/issues/13/?a=1&amp;b=2"),
        ("#fn1", f"{PAGE}#fn1"),
        ("//example.org/x", "https://example.org/x"),
        ("https://example.org/x", "https://example.org/x"),
        ("mailto:a@example.org", "mailto:a@example.org"),
    ],
)
def test_links(target, whole):
    html = for_mail(render(f"[a link]({target} 'a > b')"), PAGE)
    assert f' href="{whole}"' in html


def test_images():
    html = for_mail(render("![a pony](/web/pony.png)"), PAGE)
    assert ' src="https://tracker.example.org/web/pony.png"' in html


def test_what_only_reads_like_a_link_stays():
    for text in (' href="/x"', '<a href="/x">', '`<a href="/x">`', "[a](/b 'href=\"/x\"')"):
        html = render(text)
        assert for_mail(html, PAGE).count("/x") == html.count("/x")
        assert "tracker.example.org/x" not in for_mail(html, PAGE)


def test_an_address_that_is_none():
    assert for_mail(Markup('<a href="http://[">x</a>'), PAGE) == '<a href="">x</a>'


def test_boxes_of_tasks():
    html = for_mail(render("- [x] done\n- [ ] to do\n\n`<input checked>`"), PAGE)
    assert "☑ done" in html
    assert "☐ to do" in html
    assert "&lt;input checked&gt;" in html
