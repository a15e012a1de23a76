"""Whom and what a text means, read from its HTML: any name, whatever stands around it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from markupsafe import Markup

from ponytracker.markup import render
from ponytracker.placeholders import (
    AttachmentTarget,
    IssueReference,
    Mention,
    References,
    collect_attachments,
    collect_references,
    find_references,
    is_genuine,
    parse_attachment_url,
    parse_issue_url,
    replace_attachments,
    replace_references,
    write_mention,
)
from ponytracker.text import MAX_USERNAME

letters = st.characters(categories=["Lu", "Ll", "Lo", "Nd"])


def is_legal(name: str) -> bool:
    """Whether an account may have *name*, after accounts.service.check_username."""
    return unicodedata.normalize("NFKC", name) == name and any(map(str.isalnum, name))


usernames = st.text(
    st.one_of(st.sampled_from("ab1"), letters, st.sampled_from("@.+-_[]")), min_size=1, max_size=20
).filter(is_legal)


def whom(text: str, *usernames: str) -> list[str]:
    """Return which of *usernames* a text mentions, each the longest there is."""
    mentions = find_references(render(text)).mentions
    found = [next((n for n in mention.names if n in usernames), None) for mention in mentions]
    return [name for name in found if name is not None]


@given(
    usernames,
    st.sampled_from(["", "(", "[", "“", "* ", "> ", "cc ", "…"]),
    st.sampled_from(["", *".,;:!?)]}-+", "...", "?!", "'s", "”", " said", "\n", "_.", "]:", "/x"]),
)
@example("bob.", "", ".")
@example("dependabot[bot]", "(", ")")
@example("_x_", "", "")
@example("a_b@example.org", "", ".")
@example("@bob", "", "")
@example("a" * MAX_USERNAME, "", ".")
def test_a_name_is_found_whatever_follows_it(name: str, before: str, after: str) -> None:
    assert whom(before + write_mention(name) + after, name) == [name]


@given(usernames, st.sampled_from(".-+_[]@"))
def test_of_two_names_the_longer_is_meant(name: str, mark: str) -> None:
    assume(len(name) < MAX_USERNAME)
    longer = name + mark
    assert whom(write_mention(longer), name, longer) == [longer]
    assert whom(write_mention(longer), name) == [name]


@given(usernames)
def test_a_name_is_not_the_beginning_of_another(name: str) -> None:
    assert whom(write_mention(f"{name}x"), name) == []


@given(usernames)
def test_an_escaped_sign_is_only_a_sign(name: str) -> None:
    assert whom("\\" + write_mention(name), name) == []
    assert whom("x" + write_mention(name), name, name[1:]) == []


@pytest.mark.parametrize(
    ("username", "typed"),
    [
        ("bob", "@bob"),
        ("a_b", "@a_b"),
        ("_bob", r"@\_bob"),
        ("a_b_", r"@a\_b\_"),
        ("a_.b", r"@a\_.b"),
        ("[bot]", "@[bot]"),
    ],
)
def test_a_mention_is_escaped_only_where_it_must_be(username: str, typed: str) -> None:
    assert write_mention(username) == typed


projects = st.text(st.sampled_from("aZ9_-"), min_size=1, max_size=32)
numbers = st.integers(1, 999_999_999)


@given(projects, numbers, st.sampled_from(["", ".", ",", ")", ":", " ", "-", "?"]))
def test_an_issue_is_found_whatever_follows_it(project: str, number: int, after: str) -> None:
    typed = project.replace("_", r"\_")
    found = find_references(render(f"x {typed}#{number}{after}"))
    assert found == References((IssueReference(number, project),))
    # A list item would begin with a hyphen.
    assert find_references(render(f"x #{number}{after}")) == References((IssueReference(number),))


@given(projects, numbers, st.none() | numbers, st.sampled_from(["", "/"]))
def test_an_issue_is_found_by_its_url(
    project: str, number: int, event_id: int | None, slash: str
) -> None:
    site = "https://example.org/a/b"
    anchor = f"#event-{event_id}" if event_id else ""
    url = f"{site}/{project}/issues/{number}{slash}{anchor}"
    reference = IssueReference(number, project, site, event_id)
    assert parse_issue_url(url) == reference
    assert find_references(render(f"see {url}, or")) == References((reference,))


def test_what_is_named_twice_is_found_once_in_the_order_of_the_texts() -> None:
    texts = ["#2 @bob #1", "@al #2 web#1 @bob."]
    assert collect_references(map(render, texts)) == References(
        (IssueReference(2), IssueReference(1), IssueReference(1, "web")),
        (Mention("bob"), Mention("al"), Mention("bob.")),
    )


def test_what_is_shown_stands_in_place_of_the_placeholder() -> None:
    html = render("*#1* <b> @bob http://example.org/web/issues/3")
    shown = replace_references(html, lambda found: Markup("[{}]").format(found.typed))
    assert shown == "<p><em>[#1]</em> &lt;b&gt; [@bob] [web#3]</p>\n"


def test_what_is_not_shown_stays_as_it_was_typed() -> None:
    html = render("*#1* web#2 @bob. http://example.org/web/issues/3")
    shown = replace_references(html, lambda found: None)
    assert shown.startswith("<p><em>#1</em> web#2 @bob. <a href=")
    assert shown.endswith(">http://example.org/web/issues/3</a></p>\n")
    assert "<span" not in shown


@pytest.mark.parametrize("marks", ["." * 10_000, "@" * 10_000, "_-" * 5_000])
def test_a_long_run_of_marks_is_no_long_list_of_names(marks: str) -> None:
    for mention in find_references(render(f"@bob{marks} @{marks}")).mentions:
        assert len(mention.names) <= MAX_USERNAME


FILES = (
    "![a *shot* & <b>](attachment:1) [the **log**](attachment:2)"
    " [![in](attachment:3)](attachment:2)"
    " <attachment:4> ![](attachment:5) ![ref][r]\n\n[r]: attachment:6"
)


def test_files_are_found_once_in_the_order_of_the_texts() -> None:
    assert collect_attachments([render(FILES), render("![](attachment:7)![](attachment:1)")]) == [
        *(1, 2, 3, 4, 5, 6),
        7,
    ]


def test_a_file_that_is_shown_stands_in_place_of_its_placeholder() -> None:
    seen: list[AttachmentTarget] = []

    def show(target: AttachmentTarget) -> Markup:
        seen.append(target)
        return Markup("<img>") if target.is_image else Markup('<a href="/x"')

    html = replace_attachments(render(FILES), show)
    assert "data-attachment" not in html
    assert html.count("<img>") == 4
    assert html.count('<a href="/x" rel="nofollow ugc noopener noreferrer">') == 3
    assert AttachmentTarget(1, Markup("a shot &amp; &lt;b&gt;")) in seen
    assert AttachmentTarget(3, Markup("in"), in_link=True) in seen
    assert AttachmentTarget(5, Markup("attachment:5")) in seen


def test_what_an_image_says_does_not_end_an_attribute() -> None:
    def show(target: AttachmentTarget) -> Markup:
        return Markup('<img alt="{}">').format(target.alt)

    html = replace_attachments(render('![x" onerror="alert(1)](attachment:1)'), show)
    assert '<img alt="x&#34; onerror=&#34;alert(1)">' in html


def test_a_file_that_is_not_shown_is_words() -> None:
    html = replace_attachments(render(FILES), lambda _target: None)
    assert "data-attachment" not in html
    assert "href" not in html
    assert "<p>a shot &amp; &lt;b&gt; <a " in html


@pytest.mark.parametrize(
    "url",
    "attachment: attachment:0 attachment:x attachment:1x attachment:-1 attachment:1/2 attachments:1"
    " xattachment:1 Attachment:1 attachment:\u0661 attachment:1234567890".split(" "),
)
def test_what_is_no_file(url: str) -> None:
    assert parse_attachment_url(url) is None
    html = render(f"![alt]({url}) [text]({url})")
    assert collect_attachments([html]) == []
    assert "src" not in html


@pytest.mark.parametrize(
    ("tag", "value", "genuine"),
    [
        ("span", "12", True),
        ("span", "12 linked", True),
        ("a", "12", True),
        ("a", "12 linked", False),
        ("span", "012", False),
        ("a", "1\n", False),
        ("span", '1"', False),
    ],
)
def test_which_values_a_placeholder_has(tag: str, value: str, genuine: bool) -> None:
    assert is_genuine(tag, "data-attachment", value) is genuine


def test_code_shows_no_file() -> None:
    html = render("`![a](attachment:1)`\n\n    ![a](attachment:1)\n\n\\![a]\\(attachment:1)")
    assert collect_attachments([html]) == []
