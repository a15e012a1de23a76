"""Texts that mean harm come out inert: read by an HTML parser, only what is listed here is there.

The strings are our own, after the kinds of OWASP's XSS Filter Evasion Cheat Sheet and its DOM
Clobbering Prevention Cheat Sheet. The lists below are kept apart from those of the module on
purpose: either has to be changed knowingly.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from ponytracker.markup import _CLEANER, LANGUAGES, render
from ponytracker.placeholders import replace_references

VOID = {"br", "hr", "img", "input"}
BARE = "blockquote br code em h1 h2 h3 h4 h5 h6 s strong tbody thead tr"
CLASSED = "div hr p pre section sup table td th ul"
ATTRIBUTES: dict[str, set[str]] = {
    **{tag: set() for tag in BARE.split()},
    **{tag: {"class"} for tag in CLASSED.split()},
    "a": {"aria-label", "class", "data-issue-link", "href", "id", "rel", "title"},
    "img": {"alt", "loading", "src", "title"},
    "input": {"aria-label", "checked", "class", "disabled", "type"},
    "li": {"class", "id"},
    "ol": {"class", "start"},
    "span": {"class", "data-mention", "data-ref"},
}
VALUES = {
    "aria-label": r"Done|To do|Back to the text",
    "checked": r"",
    "class": (
        r"alert( alert-(info|success|primary|warning|danger))?|alert-heading"
        r"|footnote(s|s-list|s-sep|-item|-ref|-backref)|highlight|plain|table table-sm"
        r"|table-responsive|task-list-item(-checkbox)?|text-(start|center|end)|[a-z]{1,2}[0-9]?|cpf|err|esc"
    ),
    "data-issue-link": r"",
    "data-mention": r"[\w@.+\-\[\]]{1,150}",
    "data-ref": r"[-a-zA-Z0-9_]{0,32}#[1-9][0-9]{0,8}",
    "disabled": r"",
    # No property of a window, a document or a form begins so.
    "id": r"fn(ref)?-[0-9a-f]{8}-[0-9]+(:[0-9]+)?|fn[a-zA-Z]+",
    "loading": r"lazy",
    "rel": r"nofollow ugc noopener noreferrer",
    "start": r"[0-9]{1,9}",
    "type": r"checkbox",
}
SCHEMES = {"ftp", "http", "https", "irc", "ircs", "mailto", "tel", "xmpp"}


class Inspector(HTMLParser):
    """Fails on all but listed tags, well nested, with listed attributes and harmless values."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ATTRIBUTES, f"<{tag}>"
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"twice in <{tag}>: {names}"
        assert set(names) <= ATTRIBUTES[tag], f"<{tag}> has {names}"
        for name, value in attrs:
            if name in VALUES:
                assert re.fullmatch(VALUES[name], value or ""), f"{name}={value!r}"
            elif name in {"href", "src"}:
                self.inspect_url(tag, value or "")
        assert tag != "input" or {"disabled", "type"} <= set(names)
        assert tag != "a" or "rel" in names
        assert tag != "a" or "a" not in self.open, "a link in a link"
        if tag not in VOID:
            self.open.append(tag)

    def inspect_url(self, tag: str, url: str) -> None:
        # A browser drops controls and blanks at the ends, tabs and newlines anywhere, and takes a
        # backslash for a slash; what has anything else before the colon is relative to it (URL
        # Standard, 4.4).
        url = re.sub(r"[\t\n\r]", "", url).strip("".join(map(chr, range(0x21)))).replace("\\", "/")
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", url, re.IGNORECASE)
        if tag == "img":
            assert not scheme, f"remote {url!r}"
            assert not url.startswith("//"), f"remote {url!r}"
        assert not scheme or scheme[1].lower() in SCHEMES, f"scheme of {url!r}"

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes what the page opened"
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"comment {data!r}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"declaration {decl!r}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"declaration {data!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"processing instruction {data!r}")


def assert_inert(html: str) -> None:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    assert inspector.open == []
    assert b"\0" not in html.encode()


TAGS = r'''
<script>alert(1)</script>
<ScRiPt src=//x.example/a.js></sCrIpT>
<script/x>alert(1)</script >
<scr<script>ipt>alert(1)</scr</script>ipt>
<<script>alert(1)//<</script>
<script
<img src=x onerror=alert(1)>
<img src="x" alt="`" onerror="alert(1)`">
<IMG """><SCRIPT>alert(1)</SCRIPT>">
<img/src=x/onerror=alert(1)>
<img src=x onerror&#61;alert(1)>
<body onload=alert(1)>
<a onmouseover=alert(1)>move here</a>
<a href="javascript:alert(1)">a</a>
<details open ontoggle=alert(1)>
<input autofocus onfocus=alert(1)>
<video><source onerror=alert(1)></video>
<iframe srcdoc="<script>alert(1)</script>"></iframe>
<object data="data:text/html,<script>alert(1)</script>"></object>
<embed src="javascript:alert(1)">
<base href="//x.example/">
<meta http-equiv=refresh content="0;url=javascript:alert(1)">
<link rel=stylesheet href=//x.example/a.css>
<style>body{background:url("//x.example/")}</style>
<style>@import '//x.example/a.css';</style>
<p style="position:fixed;inset:0">
<div style="background:expression(alert(1))">
<form action=//x.example><button>go</button></form>
<button formaction=javascript:alert(1)>go</button>
<form id=location><input name=href value=javascript:alert(1)></form>
<img name=getElementById><img id=cookie><a id=defaultView name=self>
<svg onload=alert(1)>
<svg><script>alert&#40;1)</script></svg>
<svg><a xlink:href="javascript:alert(1)"><text y=9>a</text></a></svg>
<svg><animate attributeName=href values=javascript:alert(1) /></svg>
<svg></p><style><a id="</style><img src=x onerror=alert(1)>">
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></math>
<math href="javascript:alert(1)">a</math>
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<template><img src=x onerror=alert(1)></template>
<textarea></textarea><img src=x onerror=alert(1)>
<title></title><script>alert(1)</script>
<xmp><p title="</xmp><script>alert(1)</script>">
<plaintext><b>
<!--><img src=x onerror=alert(1)>-->
<!-- --!><script>alert(1)</script> -->
<![CDATA[><img src=x onerror=alert(1)>]]>
<!DOCTYPE a [<!ENTITY b "<script>alert(1)</script>">]>&b;
<?xml-stylesheet href="javascript:alert(1)"?>
<% alert(1) %>
</p></div></body></html><script>alert(1)</script>
+ADw-script+AD4-alert(1)+ADw-/script+AD4-
%3Cscript%3Ealert(1)%3C/script%3E
&lt;script&gt;alert(1)&lt;/script&gt;
&amp;lt;script&amp;gt;alert(1)
'''.strip().split("\n")

LINKS = r"""
[a](javascript:alert(1))
[a](JaVaScRiPt:alert(1))
[a]( javascript:alert(1))
[a](<javascript:alert(1)>)
[a](<java	script:alert(1)>)
[a](java&#9;script:alert(1))
[a](java&Tab;script&colon;alert(1))
[a](java&NewLine;script:alert(1))
[a](&#106;&#97;&#118;&#97;script:alert(1))
[a](&#x6A;avascript&#58;alert(1))
[a](\j\a\vascript:alert(1))
[a](javascript\:alert(1))
[a](&#1;javascript:alert(1))
[a](<&#32;javascript:alert(1)>)
[a](&#xA0;javascript:alert(1))
[a](&#xFEFF;javascript:alert(1))
[a](javascript://x.example/%0aalert(1))
[a](javascript&#0;:alert(1))
[a](%6Aavascript:alert(1))
[a](livescript:alert(1))
[a](vbscript:MsgBox(1))
[a](data:text/html,<script>alert(1)</script>)
[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)
[a](blob:http://x.example/1)
[a](filesystem:http://x.example/temporary/a.html)
[a](view-source:javascript:alert(1))
[a](feed:javascript:alert(1))
[a](//x.example/a)
[a](/\x.example/a)
[a](http://x.example/"onmouseover="alert(1))
[a](http://x.example/'onmouseover='alert(1))
[a](/b "x" onmouseover="alert(1)")
[a](/b 'x" onmouseover="alert(1)')
[a](/b "&quot; onmouseover=&quot;alert(1)")
[a](/b '"><script>alert(1)</script>')
[<img src=x onerror=alert(1)>](/b)
["onmouseover=alert(1)](/b)
[a]:javascript:alert(1)
<javascript:alert(1)>
<JAVASCRIPT:alert(1)>
<vbscript:alert(1)>
<data:text/html,alert(1)>
<x:onclick=alert(1)>
<http://x.example/"onclick="alert(1)>
<"onclick=alert(1)"@x.example>
http://x.example/"onmouseover="alert(1)
http://x.example/'><script>alert(1)</script>
www.x.example/"><img/src=x/onerror=alert(1)>
http://x.example/<script>alert(1)</script>
javascript:http://x.example/%0aalert(1)
mailto:a@x.example?"onclick="alert(1)
xmpp:a@x.example/"onclick="alert(1)
[a][b]
![a](javascript:alert(1))
![a](vbscript:alert(1))
![a](data:image/svg+xml,<svg/onload=alert(1)>)
![a](data:image/svg+xml;base64,PHN2Zy9vbmxvYWQ9YWxlcnQoMSk+)
![a](data:image/png;base64,AAAA)
![" onerror="alert(1)](/b)
!["><script>alert(1)</script>](http://x.example/b)
![`" onerror=alert(1)`](/b)
![a](/b" onerror="alert(1))
![a](/b 'x" onerror="alert(1)')
![a](x:"onerror="alert(1))
![a](//x.example/a.png)
![a](///x.example/a.png)
![a](/\x.example/a.png)
![a](\\\\x.example/a.png)
![a](&#9;//x.example/a.png)
![a](&#x2F;&#x2F;x.example/a.png)
![a](HtTp://x.example/a.png)
[![a](javascript:alert(1))](javascript:alert(2))
[![a](http://x.example/b)](javascript:alert(1))
![[a](javascript:alert(1))](http://x.example/b)
[a](javascript:alert(1)<!--)
[a](http://x.example "
""".strip().split("\n")

BLOCKS = [
    '```"><script>alert(1)</script>\nx\n```',
    '```python" onmouseover="alert(1)\nx\n```',
    "~~~</code></pre><img src=x onerror=alert(1)>\nx\n~~~",
    "```&quot;onclick=alert&lpar;1&rpar;\nx\n```",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    "```html\n<script>alert(1)</script><!--\n```",
    "```python\n'</span><img src=x onerror=alert(1)>'\n```",
    "```javascript\n`${'</pre><script>alert(1)</script>'}`\n```",
    "```../../../../etc/passwd\nx\n```",
    "```class=alert id=location\nx\n```",
    "    </code></pre><script>alert(1)</script>",
    "`</code><script>alert(1)</script>`",
    '# </h1><script>alert(1)</script>\n\n# location {#cookie onclick="alert(1)"}',
    'a[^"><script>]\n\n[^"><script>]: note',
    "a[^location]\n\n[^location]: <img src=x onerror=alert(1)>",
    'a[^x"onclick="alert(1)]\n\n[^x"onclick="alert(1)]: </li></ol></section><script>',
    "a[^__proto__] b[^constructor]\n\n[^__proto__]: a\n\n[^constructor]: [^__proto__]",
    "[^a]: [^b]: c\n\nx[^a] y[^b]",
    "[a]\n\n[a]: javascript:alert(1)",
    "[a][b]\n\n[b]: <data:text/html,alert(1)> 'title'",
    "[a]\n\n[a]: /b '\"><script>alert(1)</script>'",
    '![a]\n\n[a]: //x.example/b.png "\' onerror=alert(1)"',
    "[a]\n\n[<script>alert(1)</script>]: /b\n\n[<script>alert(1)</script>]",
    'a|b" onclick="alert(1)\n-|-\n<script>|</table><script>alert(1)</script>',
    'a|b\n:-:" onclick="alert(1)|-:\n1|2',
    "- [x] <input autofocus onfocus=alert(1)>\n- [ ] </li></ul><script>alert(1)</script>",
    "> [!NOTE]\n> </div><script>alert(1)</script>",
    '> [!NOTE" onclick="alert(1)]\n> a',
    '1234567890" onclick="alert(1). a',
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "[a](java\0script:alert(1))",
    "[a](java\x01script:alert(1)) [b](\x1fjavascript:alert(1))",
    "<img\x0csrc=x\x0bonerror=alert(1)>",
    "[a](java\u2028script:alert(1)) [b](java\u200bscript:alert(1))",
    "[a](\ud800javascript:alert(1))",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e \u2039script\u203a",
    "[a](\uff4aavascript:alert(1)) [b](java\u00adscript:alert(1))",
    "\u202e>tpircs/<)1(trela>tpircs<",
    "\xbcscript\xbealert(1)\xbc/script\xbe",
    "<a href='x\n\njavascript:alert(1)'>\n\n</a>",
    "<div\n\nonclick=alert(1)>\n\n</div>",
    "<http://xn--0.example/" + "%00%ED%A0%80" + ">",
    "*<b onclick=alert(1)>*_<i>_~<u>~**</b>**",
    '<span data-ref="web#1">web#1</span> <span data-mention="bob">@bob</span>',
    '<a href="http://x.example/web/issues/1" data-issue-link="">a</a>',
    '@bob"onclick="alert(1) #12"onclick="alert(1) web"><script>#12',
    "@<script>alert(1)</script> #<script>12 @bob<script> x#1<script>",
    "@[bob](javascript:alert(1)) #[12](javascript:alert(1))",
    '[a](/b ""data-issue-link="") ![" data-ref="#1](/b)',
    "http://x.example/\"data-issue-link='/web/issues/1/#event-1",
    "http://x.example/<b>/web/issues/1/ http://x.example/&quot;/web/issues/1/",
    "javascript://x.example/web/issues/1 <javascript://x/web/issues/1>",
    '```html\n<span data-ref="#1">#1</span>\n```',
    "<style><!--</style><script>alert(1)//--></script>\n\n```css\n</style>\n```",
]


@pytest.mark.parametrize("text", [*TAGS, *LINKS, *BLOCKS])
def test_hostile_text_is_inert(text: str) -> None:
    assert_inert(render(text))
    assert_inert(render(f"> - {text}"))
    assert_inert(render(f"a {text} b", line_breaks=False))


@pytest.mark.parametrize("text", [*TAGS, *LINKS, *BLOCKS])
def test_hostile_text_is_inert_when_it_is_shown_as_typed(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ponytracker.markup.RENDER_SECONDS", -1)
    assert_inert(render(text))


@pytest.mark.parametrize("html", [tag for tag in TAGS if "<" in tag])
def test_the_cleaning_alone_would_do(html: str) -> None:
    # Twice: what was cleaned must not become something else when it is read again.
    once = _CLEANER.clean(html)
    assert_inert(once.replace(' src="x"', ""))
    assert _CLEANER.clean(once) == once


@pytest.mark.parametrize(
    "html",
    [
        "<script></script>",
        "<p onclick='a'></p>",
        "<p style='a'></p>",
        "<p id='a'></p>",
        "<a href='a'></a>",
        "<a rel='nofollow ugc noopener noreferrer' href=' JAVA\nscript:a'></a>",
        "<a rel='nofollow ugc noopener noreferrer' href='data:a'></a>",
        "<a rel='nofollow ugc noopener noreferrer' id='self'></a>",
        "<a rel='nofollow ugc noopener noreferrer' name='a'></a>",
        "<img src='http://a.example/'>",
        "<img src='/\\a.example/'>",
        "<input type='checkbox'>",
        "<input type='text' disabled>",
        "<pre class='btn'></pre>",
        "<span data-ref='x'></span>",
        "<span data-mention='a b'></span>",
        "<a rel='nofollow ugc noopener noreferrer' data-issue-link='x'></a>",
        "<p data-ref='#1'></p>",
        "<!-- a -->",
        "<!DOCTYPE html>",
        "<?a?>",
        "<p>",
        "</div>",
        "<p></div></p>",
    ],
)
def test_the_inspector_sees_harm(html: str) -> None:
    with pytest.raises(AssertionError):
        assert_inert(html)


any_character = st.characters(codec=None, min_codepoint=0, max_codepoint=0x10FFFF, categories=None)
# Parted by blanks, so that a blank is written here as \s and a newline as \n.
fragments = r"""
    \n \n\n \s \s\s\s\s > -\s 1.\s -\s[x]\s #\s === --- *** * ** _ ~ ~~ ` ``` ```html\n ![ [ ] (
    ) ]( ]:\s [a] [^a] [^a]:\s < > </ /> <!-- --> <script> <a\shref= <img\ssrc=x\sonerror= " ' & &#
    ; &lt; &#x6A; #1 w#2 @b @a_b@c.de /w/issues/1/ #event-1 \ : //
    http:// www. @a.b javascript: data: %00 | a|b\n-|-\n :-: >\s[!NOTE]\n
"""
markdown = st.lists(
    st.one_of(
        st.sampled_from(fragments.split()).map(
            lambda part: part.replace(r"\n", "\n").replace(r"\s", " ")
        ),
        st.sampled_from(sorted(LANGUAGES)).map("\n```{}\n".format),
        st.text(any_character, max_size=3),
    ),
    max_size=40,
).map("".join)


@given(st.one_of(markdown, st.text(any_character)), st.booleans())
@settings(deadline=None)  # A lexer's first use takes longer than its later ones.
@example("[a](\ud800)", True)
@example("<http://xn--ib9b.example>", True)  # Punycode of a surrogate
def test_any_text_is_inert(text: str, line_breaks: bool) -> None:
    assert_inert(render(text, line_breaks=line_breaks))


@given(markdown)
@settings(deadline=None)
def test_whatever_is_named_can_be_shown_in_any_way(text: str) -> None:
    html = render(text)
    assert_inert(replace_references(html, lambda reference: None))
    assert_inert(replace_references(html, lambda reference: Markup("<s>{}</s>").format(text)))


FORGED = [
    '<span data-ref="web#1" class="k">web#1</span>',
    '<span data-ref="web#1">web#2</span>',
    '<span data-ref="web#1"><em>web#1</em></span>',
    '<span data-ref="../#1">../#1</span>',
    '<span data-mention="bob">@alice</span>',
    '<span data-mention="a b">@a b</span>',
    '<p data-ref="#1">#1</p>',
    '<a data-issue-link="" href="javascript:a">a</a>',
    '<a data-issue-link="x" href="http://a.example/web/issues/1">a</a>',
]


@pytest.mark.parametrize("html", FORGED)
def test_only_what_we_write_is_a_placeholder(html: str) -> None:
    # As if the parser had let it through, and even so only in one form.
    cleaned = Markup(_CLEANER.clean(html))
    assert_inert(cleaned)
    assert replace_references(cleaned, lambda reference: Markup("!")) == cleaned


@pytest.mark.parametrize("html", FORGED)
def test_nobody_can_write_a_placeholder(html: str) -> None:
    for text in (html, f"`{html}`", f"```html\n{html}\n```", f"[{html}](/a)", f'[a](/b "{html}")'):
        attributes = re.findall(r"<(?:span|a) [^>]*data-[^>]*>", render(text))
        assert all(re.fullmatch(GENUINE, found) for found in attributes)


GENUINE = r'<span data-(ref="[^"]*"|mention="[^"]*")>'
