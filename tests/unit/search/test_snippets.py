from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.search.snippets import LENGTH, MAX_LOOKED_AT, find_hits, highlight, snippet


def marked(html):
    return [piece.split("</mark>")[0] for piece in html.split("<mark>")[1:]]


@pytest.mark.parametrize(
    ("text", "phrases", "words"),
    [
        ("It crashes on start", ["crash"], ["crashes"]),
        ("CRASHED", ["crashing"], ["CRASHED"]),
        ("crash on start, crash", ["crash", "start"], ["crash", "start", "crash"]),
        ("on start on start", ["on start"], ["on start", "on start"]),
        ("start on", ["on start"], []),
        ("see foo.bar/baz_qux", ["foo.bar"], ["foo.bar"]),
        ("see foo.bar/baz_qux", ["foo bar baz qux"], ["foo.bar/baz_qux"]),
        ("Dæmon", ["DÆMON"], ["Dæmon"]),
        ("a a a", ["a a"], ["a a"]),
        ("nothing", [""], []),
        ("nothing", ["!!"], []),
        ("", ["x"], []),
    ],
)
def test_what_is_marked(text, phrases, words):
    assert marked(highlight(text, phrases)) == words
    assert marked(snippet(text, phrases)) == words


def test_what_people_typed_is_no_markup():
    html = snippet("<b>crash</b> & <script>crash</script>", ["crash"])
    assert html.replace("<mark>", "").replace("</mark>", "") == (
        "&lt;b&gt;crash&lt;/b&gt; &amp; &lt;script&gt;crash&lt;/script&gt;"
    )


def test_a_snippet_is_where_the_most_hits_are():
    text = f"crash {'word ' * 200}crash and crash and crash {'word ' * 200}"
    html = snippet(text, ["crash"])
    assert html.startswith("… ")
    assert html.endswith(" …")
    assert len(marked(html)) == 3


def test_without_a_hit_it_is_the_beginning():
    html = snippet("one two " * 100, ["three"])
    assert html.startswith("one two")
    assert html.endswith(" …")


TEXTS = st.lists(st.sampled_from(["crash", "crashes", "on", " ", "\n", ".", "<", "x" * 300])).map(
    "".join
)


@given(text=TEXTS | st.text(), phrases=st.lists(st.sampled_from(["crash", "on crash", "x"])))
def test_it_is_a_part_of_the_text(text, phrases):
    html = snippet(text, phrases)
    plain = html.replace("<mark>", "").replace("</mark>", "")
    shown = type(html)(plain).unescape().removeprefix("… ").removesuffix(" …")
    assert shown in text
    assert len(shown) <= LENGTH
    hits = find_hits(text, phrases)
    assert all(a.end <= b.start for a, b in itertools.pairwise(hits))
    # Nothing that was typed can be a tag.
    assert html.count("<") == 2 * html.count("<mark>")


def test_only_the_beginning_of_a_long_text_is_looked_through():
    text = f"{'word ' * (MAX_LOOKED_AT // 5)}crash"
    assert find_hits(text, ["crash"]) == []
    assert find_hits(text[5:], ["word"])
