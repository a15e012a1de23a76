from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.inbound.reading import from_html
from ponytracker.inbound.reading.from_html import to_markdown


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One<p>Two", "One\n\nTwo"),
        ("<div>One</div><div>Two</div><div><br></div><div>Three</div>", "One\nTwo\n\nThree"),
        ("a<br>b", "a\nb"),
        ("a <b>bold </b>word", "a **bold** word"),
        ("<i>slanted</i> and <s>gone</s>", "*slanted* and ~~gone~~"),
        ("<b><div>across</div>lines</b>", "across\nlines"),
        ("run <code>make</code>", "run `make`"),
        ("<pre>if a:\n    b\n</pre>", "```\nif a:\n    b\n```"),
        ("<h2>Title</h2>text", "## Title\n\ntext"),
        ("<ul><li>one<li>two<ul><li>inner</ul></ul>", "- one\n- two\n  - inner"),
        ("<ol start=3><li>three<li>four</ol>", "3. three\n4. four"),
        ("<blockquote>said</blockquote><p>answer", "> said\n\nanswer"),
        ("<blockquote><p>a<p>b<blockquote>c</blockquote>", "> a\n>\n> b\n> >\n> > c"),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a b\nc d"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ('<a href="https://example.org/x">here</a>', "[here](https://example.org/x)"),
        ('<a href="https://example.org/">https://example.org</a>', "https://example.org"),
        ('<a href="mailto:ann@example.org">ann@example.org</a>', "ann@example.org"),
        ('<a href="javascript:alert(1)">run</a>', "run"),
        ('<a href="https://a/(b)">x</a>', "[x](https://a/%28b%29)"),
        ('<img src="cid:photo@x" alt="a cat">', "![a cat](cid:photo@x)"),
        ('<img src="data:image/png;base64,AAAA" alt="dot">', "dot"),
        ('<img src="https://x/track.gif" width=1 height=1>text', "text"),
        # HTML that is shown as text stays text.
        ("write &lt;script&gt;x&lt;/script&gt;", "write <script>x</script>"),
        ("<script>x</script><style>y</style><title>z</title>seen", "seen"),
        ('<div style="display: none">preview</div>seen', "seen"),
        ("nbsp&nbsp;&nbsp;here", "nbsp here"),
        ("Markdown **typed** by hand", "Markdown **typed** by hand"),
        ('<?xml version="1.0" encoding="UTF-8"?><html><body>x</body></html>', "x"),
        ("<o:p>&nbsp;</o:p>", ""),
        ("", ""),
        ("plain", "plain"),
    ],
)  # fmt: skip
def test_what_becomes_markdown(html, text):
    assert to_markdown(html).text == text


@pytest.mark.parametrize(
    "quote",
    [
        """<div class="gmail_quote"><div class="gmail_attr">On Monday Bob wrote:<br></div>
           <blockquote class="gmail_quote">Old</blockquote></div>""",
        """<div class="moz-cite-prefix">On 3/4/24, Bob wrote:<br></div>
           <blockquote type="cite">Old</blockquote>""",
        """<blockquote type="cite"><div>On 4 Mar 2024, Bob wrote:</div>Old</blockquote>""",
        """<div id="appendonsend"></div><hr>
           <div id="divRplyFwdMsg"><b>From:</b> Bob</div><div>Old</div>""",
        """<div class="ydp123yahoo_quoted"><div>On Monday, Bob wrote:</div><div>Old</div></div>""",
        """<div class="protonmail_quote">On Monday, Bob wrote:
           <blockquote class="protonmail_quote" type="cite">Old</blockquote></div>""",
        """<hr id="stopSpelling">From: bob@example.org<br>Old""",
    ],
)
def test_what_clients_mark_as_quoted_is_left_out_and_kept_apart(quote):
    markdown = to_markdown(f"<div>New</div>{quote}")
    assert "Old" not in markdown.text
    assert "Old" in markdown.elided
    assert markdown.text.startswith("New")


def test_an_answer_below_a_quote_keeps_it():
    html = '<blockquote type="cite">Shall we?</blockquote><p>Yes.</p>'
    assert to_markdown(html) == ("> Shall we?\n\nYes.", "", False)


def test_answers_between_gmail_quotes_stay():
    html = (
        '<div class="gmail_quote"><div class="gmail_attr">On Monday Bob wrote:</div>'
        '<blockquote class="gmail_quote">One?</blockquote><div>Yes.</div>'
        '<blockquote class="gmail_quote">Two?</blockquote><div>No.</div></div>'
    )
    text = to_markdown(html).text
    assert "> One?\n\nYes.\n\n> Two?\n\nNo." in text


@pytest.mark.parametrize(
    "html",
    [
        '<div class="gmail_quote">---------- Forwarded message ---------<br>From: Bob<br>Old</div>',
        '<div class="moz-forward-container">-------- Forwarded Message --------<br>Old</div>',
        '<blockquote type="cite">Old</blockquote>',
    ],
)
def test_a_forward_stays_as_does_a_mail_that_is_a_quote_alone(html):
    assert "Old" in to_markdown(html).text


def test_all_quotes_stay_where_that_is_asked():
    html = 'New<blockquote type="cite">Old</blockquote>'
    assert to_markdown(html, keep_quotes=True).text == "New\n\n> Old"


def test_a_page_of_too_many_tags_is_cut():
    markdown = to_markdown("<p>x" * (from_html.MAX_TAGS + 10))
    assert markdown.was_cut
    assert markdown.text.startswith("x\n\nx")


def test_elements_too_deep_are_text():
    assert "deep" in to_markdown("<div><b>" * 900 + "deep").text
    assert to_markdown("<div><b>" * 5_000 + "deep").was_cut


@given(st.text(st.sampled_from(list("<>/=\"'& abpdivblockquoteul\n")), max_size=200))
def test_no_html_is_too_broken(html):
    to_markdown(html)
