"""The filter language: FILTERS.md, rule by rule."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ponytracker.issues.filters import DEFAULT_SORT, Code, Level, Special, nearest, parse
from ponytracker.issues.filters.filter import MAX_LENGTH, Filter
from ponytracker.issues.filters.keys import KEYS, SORTS, Kind
from ponytracker.issues.filters.printing import MAX_DEPTH, nesting
from ponytracker.issues.filters.syntax import MAX_TERMS
from ponytracker.issues.filters.tree import (
    OPEN,
    Bound,
    Choice,
    Everything,
    IssueNumber,
    Name,
    Range,
    Term,
    Text,
    completed,
    conjunction,
    disjunction,
    leaves,
    negation,
)
from ponytracker.text import clean_line

# What is typed, and how it is written.
WRITTEN = [
    ("", "is:open"),
    ("   ", "is:open"),
    # §2 keys and values
    ("IS:Open", "is:open"),
    ("is:close", "is:closed"),
    ("is:all", "*"),
    ("state:all", "*"),
    ("state:open,closed", "is:open,closed"),
    ("is:open,unread", "is:open,unread"),
    ("is:read", "is:read"),
    ("is:overdue is:mine is:watched", "is:overdue is:mine is:watched is:open"),
    ("is:issue", "is:open"),
    ("type:issue *", "*"),
    ("label:bug is:issue", "label:bug is:open"),
    ("is:issue OR label:a", "(is:issue OR label:a) is:open"),
    ("author:@me", "author:@me is:open"),
    ("author:@ME", "author:@me is:open"),
    ("author:@bob", "author:bob is:open"),
    ('author:"@bob"', 'author:"@bob" is:open'),
    ("author:bot[x]", "author:bot[x] is:open"),
    ("commenter:a,b mentions:c", "commenter:a,b mentions:c is:open"),
    ("involves:* closed-by:none watcher:@me", "involves:* closed-by:none watcher:@me is:open"),
    ("assignee:none", "no:assignee is:open"),
    ("assignee:*", "has:assignee is:open"),
    ("author:none", "author:none is:open"),
    ("milestone:*", "has:milestone is:open"),
    ("label:bug,none", "label:bug,none is:open"),
    ('label:"none"', 'label:"none" is:open'),
    ('label:"*"', 'label:"*" is:open'),
    ("label:None", "label:None is:open"),
    ("no:label has:due", "no:label has:due is:open"),
    ("-no:label", "has:label is:open"),
    ("-has:reply", "no:reply is:open"),
    ("-label:none", "has:label is:open"),
    ("-no:label,due", "-no:label,due is:open"),
    ("label:>=5", "label:>=5 is:open"),
    ("label:a..b", "label:a..b is:open"),
    ("project:web", "project:web is:open"),
    ("comments:>=5", "comments:>=5 is:open"),
    ("comments:007", "comments:7 is:open"),
    ("comments:5..10", "comments:5..10 is:open"),
    ("comments:5..", "comments:>=5 is:open"),
    ("comments:..5", "comments:<=5 is:open"),
    ("comments:*", "has:comments is:open"),
    ("events:<3", "events:<3 is:open"),
    ("in:title crash", "in:title crash is:open"),
    ("in:title,body crash", "in:title,body crash is:open"),
    ("(in:title a) b", "(in:title a) b is:open"),
    ("reason:completed", "reason:completed"),
    ("reason:not-planned", 'reason:"not planned"'),
    ('reason:"not planned",duplicate', 'reason:"not planned",duplicate'),
    ("#12", "#12 is:open"),
    ("-#012", "-#12 is:open"),
    ("#12a", "\\#12a is:open"),
    # §2 dates
    ("created:2026", "created:2026 is:open"),
    ("created:2026-02", "created:2026-02 is:open"),
    ("updated:@today", "updated:today is:open"),
    ("updated:Yesterday..tomorrow", "updated:yesterday..tomorrow is:open"),
    ("due:<3m", "due:<+3m is:open"),
    ("created:>-1Y", "created:>-1y is:open"),
    ("created:2026-01-01t10:30z", "created:2026-01-01T10:30Z is:open"),
    ('created:"2026-01-01".."2026-02-01"', "created:2026-01-01..2026-02-01 is:open"),
    ("created:2026-01,2026-03", "created:2026-01,2026-03 is:open"),
    ("due:2026,no", "due:2026,no is:open"),
    ("due:none", "no:due is:open"),
    ("due:*", "has:due is:open"),
    ("closed:2026", "closed:2026"),
    ("closed:*", "closed:*"),
    # §2 sort
    ("sort:updated", "sort:updated-desc is:open"),
    ("sort:due", "sort:due-asc is:open"),
    ("sort:newest label:a", "sort:created-desc label:a is:open"),
    ("sort:due,created-asc", "sort:due-asc,created-asc is:open"),
    ("label:a OR label:b sort:oldest", "(label:a OR label:b) sort:created-asc is:open"),
    ("label:a (b OR sort:oldest)", "label:a b sort:created-asc is:open"),
    # §2 words
    ("a AND b", "a b is:open"),
    ("and or not", "and or not is:open"),
    ("NOT label:a", "-label:a is:open"),
    ("NOT NOT label:a", "label:a is:open"),
    ("NOT -label:a", "label:a is:open"),
    ("NOT(a b)", "-(a b) is:open"),
    ("-(label:a label:b)", "-(label:a label:b) is:open"),
    ("-(-a)", "a is:open"),
    ("a b OR c", "((a b) OR c) is:open"),
    ("a OR (b OR c)", "(a OR b OR c) is:open"),
    ("(a (b c))", "a b c is:open"),
    ("is:open a OR is:closed b", "(is:open a) OR (is:closed b)"),
    ("a - b", "a \\- b is:open"),
    ("--force", "-\\-force is:open"),
    ('"hello"', "hello is:open"),
    ('"hello world"', '"hello world" is:open'),
    ('"say \\"hi\\" now"', '"say \\"hi\\" now" is:open'),
    ("'hello world'", '"hello world" is:open'),
    ("'tis the season", "\\'tis the season is:open"),
    ("hello, world", "hello, world is:open"),
    ("main()", "main\\(\\) is:open"),
    ("label:f(x)", 'label:"f(x)" is:open'),
    ('5"disk', '5\\"disk is:open'),
    ("a\\ b", '"a b" is:open'),
    ("\\AND", "\\AND is:open"),
    ('"OR"', "\\OR is:open"),
    ("\\*", "\\* is:open"),
    ("**", "** is:open"),
    ("label\\:bug", "label\\:bug is:open"),
    ("lable\\:bug", "lable\\:bug is:open"),
    ('"closed:x"', "closed\\:x is:open"),
    ("label\\:help\\ wanted", "label\\:help\\ wanted is:open"),
    (":x", ":x is:open"),
    ("x\x00y\x01z\ud800", "xy z\ufffd is:open"),
    # §3.1 the state
    ("is:closed label:a", "is:closed label:a"),
    ("-is:open", "-is:open"),
    ("label:a OR is:closed", "label:a OR is:closed"),
    ("* label:a", "* label:a"),
    ("* is:unread", "is:unread"),
    ("* reason:duplicate", "reason:duplicate"),
    ("(* label:a) OR is:closed", "label:a OR is:closed"),
    ("* OR label:a", "* OR label:a"),
    # §3.2, §3.3
    ("is:open is:unread", "is:open is:unread"),
    ("label:a label:a,b", "label:a label:a,b is:open"),
    # §3.5 the five keys of the original
    ('"is:open"', "is:open"),
    ('"due:yes"', "has:due is:open"),
    ('"author:bob"', "author:bob is:open"),
    ("'label:help wanted'", 'label:"help wanted" is:open'),
    ('"milestone:v 1"', 'milestone:"v 1" is:open'),
    ('-"label:x"', "-label:x is:open"),
    ('"label:none"', 'label:"none" is:open'),
    ('"label:a b"c', "label\\:a\\ bc is:open"),
    # … in which it had no colon in a value, and only these values
    ('"label:a:b"', "label\\:a:b is:open"),
    ('"is:locked"', "is\\:locked is:open"),
    ('"due:2026"', "due\\:2026 is:open"),
]


def found(text):
    """Return level, code and token of all there is to say about *text*."""
    return [(d.level.value, d.code.value, d.token) for d in parse(text).diagnostics]


@pytest.mark.parametrize(("typed", "written"), WRITTEN)
def test_how_it_is_written(typed, written):
    filter_ = parse(typed)
    assert str(filter_) == written
    assert not filter_.has_errors
    assert parse(written) == filter_


@pytest.mark.shared_data
def test_the_vectors(shared_data):
    lines = (shared_data.parent / "filter_vectors.tsv").read_text().splitlines()[1:]
    assert len(lines) > 40
    for line in lines:
        typed, written, said = line.split("\t")[:3]
        filter_ = parse(typed)
        assert str(filter_) == written, typed
        levels = [diagnostic.level.value[0].upper() for diagnostic in filter_.diagnostics]
        assert levels == ([said[0]] if said else []), typed
        if " at " in said:
            assert filter_.diagnostics[0].pos == int(said.rpartition(" ")[2])


# What is wrong: text, what is applied of it, level, code, token, the text put right.
FAULTS = [
    ('label:"bug', "is:open", "error", "unclosed_quote", '"bug', 'label:"bug"'),
    ("label:'bug", "is:open", "error", "unclosed_quote", "'bug", "label:'bug'"),
    ('"bug report', "is:open", "error", "unclosed_quote", '"bug report', '"bug report"'),
    (
        'a label:"b author:c',
        "a is:open",
        "error",
        "unclosed_quote",
        '"b author:c',
        'a label:"b" author:c',
    ),
    ('(a label:"b', "a is:open", "error", "unclosed_quote", '"b', '(a label:"b"'),
    ("a (b", "a is:open", "error", "unclosed_group", "(", "a (b)"),
    ("((a b", "is:open", "error", "unclosed_group", "(", "((a b))"),
    ("a) b", "a b is:open", "error", "stray_parenthesis", ")", "a b"),
    ("label:a))", "label:a is:open", "error", "stray_parenthesis", "))", "label:a"),
    ("a ()", "a is:open", "error", "empty_group", "()", "a"),
    ("label:", "is:open", "error", "empty_value", "label:", ""),
    ("label: bug", "bug is:open", "error", "empty_value", "label:", "label:bug"),
    ("(label:)", "is:open", "error", "empty_value", "label:", "()"),
    ("label:a,,b", "is:open", "error", "empty_value", "label:a,", "label:a,b"),
    ("label:a, b", "b is:open", "error", "empty_value", "label:a,", "label:a b"),
    ('label:""', "is:open", "error", "empty_value", '""', None),
    ('a ""', "a is:open", "error", "empty_value", '""', "a"),
    ("due:", "is:open", "error", "empty_value", "due:", ""),
    ("due:2026-02-30", "is:open", "error", "bad_date", "2026-02-30", None),
    ("created:2026-13..2027", "is:open", "error", "bad_date", "2026-13..2027", None),
    ("created:soon", "is:open", "error", "bad_date", "soon", None),
    ("created:none", "is:open", "error", "bad_date", "none", None),
    ("created:2026-01-01T25:00", "is:open", "error", "bad_date", "2026-01-01T25:00", None),
    ("comments:many", "is:open", "error", "bad_number", "many", None),
    ("comments:-1", "is:open", "error", "bad_number", "-1", None),
    ("comments:1000000000", "is:open", "error", "bad_number", "1000000000", None),
    ("comments:١", "is:open", "error", "bad_number", "١", None),
    ("is:open..closed", "is:open", "error", "bad_range", "open..closed", None),
    ("no:>label", "is:open", "error", "bad_range", ">label", None),
    ("comments:*..*", "is:open", "error", "bad_range", "*..*", None),
    ("comments:>1..5", "is:open", "error", "bad_range", ">1..5", None),
    ("comments:1..2..3", "is:open", "error", "bad_range", "1..2..3", None),
    ("comments:>", "is:open", "error", "bad_range", ">", None),
    ("is:opne", "is:open", "error", "bad_value", "opne", "is:open"),
    ("no:labels", "is:open", "error", "bad_value", "labels", "no:label"),
    ("reason:planned", "is:open", "error", "bad_value", "planned", 'reason:"not planned"'),
    ("sort:creatd", "is:open", "error", "bad_value", "creatd", "sort:created-asc"),
    ("in:titles x", "x is:open", "error", "bad_value", "titles", "in:title x"),
    ("OR a", "a is:open", "error", "no_operand", "OR", "a"),
    ("a OR", "a is:open", "error", "no_operand", "OR", "a"),
    ("a OR OR b", "(a OR b) is:open", "error", "no_operand", "OR", "a  OR b"),
    ("AND a", "a is:open", "error", "no_operand", "AND", "a"),
    ("a AND", "a is:open", "error", "no_operand", "AND", "a"),
    ("a NOT", "a is:open", "error", "no_operand", "NOT", "a"),
    ("(a NOT) b", "a b is:open", "error", "no_operand", "NOT", "(a ) b"),
    ("-in:title a", "a is:open", "error", "negated", "-in:title", None),
    ("-sort:newest a", "a is:open", "error", "negated", "-sort:newest", None),
    ("((((((a)))))) b", "b is:open", "error", "too_deep", "(a)", None),
    ("lable:bug", "is:open", "error", "unknown_key", "lable", "label:bug"),
    ('-Autor:"a b" c', "c is:open", "error", "unknown_key", "Autor", '-author:"a b" c'),
    ("stat:open", "is:open", "error", "unknown_key", "stat", "state:open"),
    ("was:label:bug", "is:open", "error", "not_yet", "was:label:bug", None),
    ("changed:milestone", "is:open", "error", "not_yet", "changed:milestone", None),
    ("as-of:2026-01-01 a", "a is:open", "error", "not_yet", "as-of:2026-01-01", None),
    ("foo:bar", "foo:bar is:open", "note", "searched_as_text", "foo:bar", None),
    ("std::vector", "std::vector is:open", "note", "searched_as_text", "std::vector", None),
    ("TypeError: x", "TypeError: x is:open", "note", "searched_as_text", "TypeError:", None),
    ("type:bug", "type\\:bug is:open", "note", "searched_as_text", "type:bug", None),
    ("a review:none", "a is:open", "note", "pull_requests", "review:none", None),
    ("draft:true", "is:open", "note", "pull_requests", "draft:true", None),
    ("linked:pr base:main", "is:open", "note", "pull_requests", "linked:pr", None),
    ("is:pr", "is:pr is:open", "note", "pull_requests", "is:pr", None),
    ("type:pr", "is:pr is:open", "note", "pull_requests", "type:pr", None),
    ("is:locked", "is:locked is:open", "note", "never", "is:locked", None),
    ("label:a label:a", "label:a label:a is:open", "note", "duplicate", "label:a", None),
    ("in:title is:open", "is:open", "note", "nothing_to_scope", "in:title", None),
    ("in:title OR a", "a is:open", "note", "nothing_to_scope", "in:title", None),
    ('"is:open"', "is:open", "note", "read_as_filter", '"is:open"', None),
    ("is:open is:closed", "is:open is:closed", "note", "contradiction", "is:closed", None),
    ("a -a", "a -a is:open", "note", "contradiction", "a", None),
    ("no:label label:a", "no:label label:a is:open", "note", "contradiction", "label:a", None),
    (
        "milestone:a label:x milestone:b,c",
        "milestone:a label:x milestone:b,c is:open",
        "note",
        "contradiction",
        "milestone:b,c",
        "milestone:a,b,c label:x is:open",
    ),
    (
        "assignee:none,a assignee:b",
        "assignee:none,a assignee:b is:open",
        "note",
        "contradiction",
        "assignee:b",
        "assignee:none,a,b is:open",
    ),
    (
        "created:2026..2025",
        "created:2026..2025 is:open",
        "note",
        "contradiction",
        "created:2026..2025",
        None,
    ),
    (
        "updated:today..-7d",
        "updated:today..-7d is:open",
        "note",
        "contradiction",
        "updated:today..-7d",
        None,
    ),
    (
        "comments:5..1",
        "comments:5..1 is:open",
        "note",
        "contradiction",
        "comments:5..1",
        None,
    ),
]


@pytest.mark.parametrize(("typed", "written", "level", "code", "token", "fix"), FAULTS)
def test_what_is_wrong_is_told_and_the_rest_applied(typed, written, level, code, token, fix):
    filter_ = parse(typed)
    assert str(filter_) == written
    diagnostic = filter_.diagnostics[0]
    assert (diagnostic.level, diagnostic.code, diagnostic.token) == (level, code, token)
    assert typed[diagnostic.pos : diagnostic.pos + diagnostic.length] == token
    assert diagnostic.fix == fix
    assert diagnostic.message
    assert filter_.has_errors is (level == "error")
    if level == "error":
        assert {code} == {other.code for other in filter_.diagnostics}


@pytest.mark.parametrize(
    "text",
    [
        "author:a author:A",
        "author:a,b author:b,c",
        "author:@me author:a",
        "assignee:* assignee:a",
        "label:a label:b",
        "is:open is:unread",
        "is:open is:overdue",
        "commenter:a commenter:b",
        "no:label,due label:a",
        "author:a OR author:b",
        "created:2026..2026-01",
        "created:today..2020",
        "don't (panic)",
        "C++ a=b 50% <x> a/b",
    ],
)
def test_what_may_well_be_meant_is_not_remarked_on(text):
    assert found(text) == []


def test_a_diagnostic_for_the_api():
    (diagnostic,) = parse("a lable:b").diagnostics
    assert diagnostic.as_json() == {
        "code": "unknown_key",
        "message": diagnostic.message,
        "pos": 2,
        "len": 5,
        "token": "lable",
        "suggestions": ["label"],
    }
    assert diagnostic.message.interpolate() == "Unknown filter “lable”. Did you mean “label”?"


def test_many_faults_are_not_all_told_but_an_error_always():
    filter_ = parse(") " * 900 + "foo:bar " * 10)
    assert filter_.has_errors
    assert len(filter_.diagnostics) < 50
    assert parse("foo:bar " * 40 + "lable:a").has_errors


def test_the_names_most_alike_come_first():
    names = ["documentation", "bug", "help wanted", "Feature", "wontfix"]
    assert nearest("bgu", names)[0] == "bug"
    assert nearest("featrue", names)[0] == "Feature"
    assert nearest("wanted", names)[0] == "help wanted"
    assert len(nearest("zzz", names)) == 3
    assert nearest("zzz", []) == ()


def test_at_most_fifty_terms():
    terms = [f"label:l{number}" for number in range(MAX_TERMS)]
    just = parse(" ".join(terms))
    assert not just.has_errors
    assert len(list(leaves(just.root))) == MAX_TERMS + 1
    assert parse(str(just)) == just
    for more in (["label:more"], ["(a", "b)"], ["is:closed", "c"]):
        many = parse(" ".join([*terms, *more]))
        assert [d.code for d in many.diagnostics] == [Code.TOO_MANY_TERMS]
        assert many == just


def test_at_most_two_thousand_characters():
    text = "word " * (MAX_LENGTH // 5)
    filter_ = parse("label:a " * 3 + "x" * 1900 + " author:a" * 100)
    assert [d.code for d in filter_.diagnostics if d.level is Level.ERROR] == [Code.TOO_LONG]
    assert str(filter_).startswith("label:a label:a label:a xxxx")
    assert parse(str(filter_)) == filter_
    assert [d.code for d in parse("y" * 2001).diagnostics] == [Code.TOO_LONG]
    assert parse(text[:200]).diagnostics
    # As it is written it would be too long.
    filter_ = parse("a" + "(" * 1500 + " label:b")
    assert filter_.has_errors
    assert len(str(filter_)) <= MAX_LENGTH
    assert parse(str(filter_)) == filter_


def test_at_most_five_groups_in_each_other():
    assert not parse("(((((a) b) c) d) e) OR f is:open").has_errors
    deep = "a (b OR c (d OR e (f OR g (h OR i (j OR k)))))"
    assert not parse(deep).has_errors
    assert nesting(parse(deep).root) == MAX_DEPTH
    assert parse(str(parse(deep))) == parse(deep)
    assert not parse(f"x OR {deep} is:closed").has_errors
    # With the state that goes without saying it would be one more.
    assert [code for _level, code, _token in found(f"x OR {deep}")] == ["too_deep"]
    assert str(parse("(" * 500 + "a" + ")" * 500 + " b")) == "b is:open"
    assert parse("(" * 2000).has_errors


@pytest.mark.parametrize("sort", SORTS)
def test_the_sort_of_the_address_is_taken(sort):
    filter_ = parse("label:a", sort)
    assert filter_.sort == SORTS[sort]
    assert parse(str(filter_), "newest").sort == (
        SORTS[sort] if SORTS[sort] != DEFAULT_SORT else "created-desc"
    )
    assert parse(f"label:a sort:{sort}").sorts == (SORTS[sort],)


def test_the_sort_in_the_text_goes_before_that_of_the_address():
    assert parse("sort:oldest", "newest").sorts == ("created-asc",)
    assert parse("label:a", "nonsense") == parse("label:a", None) == parse("label:a")
    assert str(parse("a OR b", "oldest")) == "(a OR b) is:open sort:created-asc"


# What is clicked: text, the method, what it is given, and the text then.
CLICKS = [
    ("label:a", "with_state", "closed", "label:a is:closed"),
    ("is:open label:a", "with_state", "closed", "is:closed label:a"),
    ("* label:a", "with_state", "unread", "is:unread label:a"),
    ("is:unread", "with_state", "all", "*"),
    ("is:open is:unread a", "with_state", "all", "* a"),
    ("is:open,overdue", "with_state", "closed", "is:closed is:overdue"),
    ("(is:open a) OR (-is:closed b)", "with_state", "closed", "is:closed (a OR b)"),
    ("is:closed -is:unread", "with_state", "open", "is:open"),
    ("is:open", "with_label", "bug", "is:open label:bug"),
    ("is:open", "with_label", "help wanted", 'is:open label:"help wanted"'),
    ("is:open", "with_label", "none", 'is:open label:"none"'),
    ("label:bug is:open", "with_label", "bug", "label:bug is:open"),
    ("label:bug is:open", "with_label", "a,b", 'label:bug is:open label:"a,b"'),
    ("no:label -label:bug", "with_label", "bug", "is:open label:bug"),
    ("a OR b", "with_label", "c", "(a OR b) is:open label:c"),
    ("label:bug label:a", "without_label", "bug", "label:a is:open"),
    ("label:Bug,a", "without_label", "bug", "label:a is:open"),
    ("label:bug", "without_label", "bug", "is:open"),
    ("(label:bug OR label:a) b", "without_label", "bug", "label:a b is:open"),
    ("milestone:v1 is:closed", "with_milestone", "v2", "milestone:v2 is:closed"),
    ("no:milestone is:open", "with_milestone", "v 2", 'milestone:"v 2" is:open'),
    ("no:milestone,due", "with_milestone", "v2", "milestone:v2 no:due is:open"),
    ("-milestone:v1 a", "with_milestone", Special.NONE, "no:milestone a is:open"),
    ("milestone:v1 a", "with_milestone", None, "a is:open"),
    ("author:a,b", "with_author", "c", "author:c is:open"),
    ("author:a", "with_author", Special.ME, "author:@me is:open"),
    ("author:a", "with_author", Special.NONE, "author:none is:open"),
    ("is:open", "with_author", "@odd", 'is:open author:"@odd"'),
    ("assignee:* is:open", "with_assignee", "a", "assignee:a is:open"),
    ("assignee:a is:open", "with_assignee", Special.NONE, "no:assignee is:open"),
    ("a sort:newest is:open", "sorted_by", "oldest", "a sort:created-asc is:open"),
    ("a sort:newest sort:due", "sorted_by", "recently-updated", "a is:open"),
    ("a", "sorted_by", "comments", "a is:open sort:comments-desc"),
]


@pytest.mark.parametrize(("typed", "click", "given", "written"), CLICKS)
def test_what_is_one_click_away(typed, click, given, written):
    clicked = getattr(parse(typed), click)(given)
    assert str(clicked) == written
    assert parse(written) == clicked
    assert not clicked.diagnostics


def test_reset():
    assert str(parse("label:a sort:newest").reset()) == "is:open"
    assert parse("").is_default
    assert not parse("*").is_default
    assert not parse("", "newest").is_default


@pytest.mark.parametrize(
    ("text", "state", "is_only_state"),
    [
        ("", "open", True),
        ("is:closed", "closed", True),
        ("*", "all", True),
        ("is:unread", "unread", True),
        ("is:closed sort:newest", "closed", True),
        ("is:closed label:a", "closed", False),
        ("is:open is:unread", None, True),
        ("is:open is:closed", None, True),
        ("is:open,closed", None, False),
        ("-is:open", None, False),
        ("is:open a OR is:closed", None, False),
        ("is:open (a OR is:unread)", None, False),
        ("closed:2026", None, False),
    ],
)
def test_which_button_is_pressed(text, state, is_only_state):
    assert parse(text).state == state
    assert parse(text).is_only_state is is_only_state


def test_what_the_menus_mark():
    filter_ = parse("label:a label:b label:c,d -label:e assignee:@me (label:f OR x)")
    assert filter_.values("label") == (Name("a"), Name("b"))
    assert filter_.values("assignee") == (Special.ME,)
    assert filter_.values("milestone") == ()


# Trees, at random: hostile names and texts, and only what the language can say.
HOSTILE = "abAB é:,\"'\\()-#*@.<>=\u2003ſß٣"
TEXTS = st.one_of(
    st.text(HOSTILE, min_size=1, max_size=8),
    st.text(min_size=1, max_size=8),
    st.sampled_from(
        "AND OR NOT * none @me -x #1 label:x is:open lable:x foo:bar "
        "state:open was:x draft:x type:pr sort:x in:title".split()
    ),
    st.sampled_from(["label:a b", "foo:a b", "is:open ", " a", "a ", "NOT a"]),
).filter(lambda text: clean_line(text) == text and text.strip())
NAMES = TEXTS.map(Name)
DATES = st.sampled_from(
    "2026 2026-02 2026-02-28 2026-02-28T10:30 2026-02-28T10:30:59Z "
    "2026-02-28T10:30+07:00 today yesterday tomorrow -7d +2w +3m -1y".split()
)
NUMBERS = st.integers(0, 999_999_999).map(str)
COMPARISONS = st.sampled_from(["", ">", ">=", "<", "<="])
WRITTEN_WITH_NO = ("label", "milestone", "assignee", "due", "comments")


def values_of(key):
    spec = KEYS[key]
    values = [st.sampled_from(sorted(set(spec.choices.values()))).map(Choice)]
    if spec.kind is Kind.NAME:
        values = [NAMES, st.sampled_from([Special.NONE, Special.ANY])]
    elif spec.kind is Kind.USER:
        values = [NAMES, st.sampled_from(Special)]
    elif spec.kind in (Kind.DATE, Kind.NUMBER):
        limits = DATES if spec.kind is Kind.DATE else NUMBERS
        values = values if spec.choices else []
        values += [st.just(Special.ANY), st.builds(Bound, COMPARISONS, limits)]
        values += [st.builds(Range, limits, limits)]
    return st.lists(st.one_of(values), min_size=1, max_size=3)


def is_written_so(term):
    """Return whether there is no other way to write *term*."""
    if len(term.values) > 1:
        return True
    (value,) = term.values
    is_shorter = isinstance(value, Special) and value is not Special.ME
    is_shorter = is_shorter or (term.key == "due" and isinstance(value, Choice))
    return not (is_shorter and term.key in WRITTEN_WITH_NO) and value != Choice("all")


def term_of(key):
    return values_of(key).map(lambda values: Term(key, tuple(values)))


TERMS = st.sampled_from([key for key in KEYS if key not in ("in", "sort")]).flatmap(term_of)
LEAVES = st.one_of(
    TERMS.filter(is_written_so),
    st.builds(Text, TEXTS),
    st.builds(IssueNumber, st.integers(0, 10**18 - 1)),
    st.just(Everything()),
)
BESIDE = st.lists(st.one_of(term_of("in"), term_of("sort")), max_size=1)


def all_of(children, beside):
    return conjunction([*children, *beside]) or OPEN


TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(all_of, st.lists(inner, min_size=1, max_size=4), BESIDE),
        st.lists(inner, min_size=1, max_size=4).map(disjunction),
        inner.map(negation),
    ),
    max_leaves=12,
)


@settings(max_examples=400)
@given(TREES)
def test_what_is_written_reads_as_the_same_tree(tree):
    filter_ = Filter(completed(tree))
    text = str(filter_)
    assume(nesting(filter_.root) <= MAX_DEPTH and len(text) <= MAX_LENGTH)
    again = parse(text)
    assert again == filter_
    assert str(again) == text
    assert not again.has_errors
    # Editing keeps to what can be written too.
    for clicked in (again.with_state("closed"), again.with_label("a,b"), again.without_label("a")):
        assert parse(str(clicked)) == clicked


@given(st.text(), st.text())
def test_any_text_is_a_filter(text, sort):
    filter_ = parse(text, sort)
    assert parse(str(filter_)) == filter_


PIECES = [
    *"( ) \" ' \\ , : .. * - # @ > < = AND OR NOT".split(),
    *"is: label: no: due: in: sort: created: comments: author: state: draft: was:".split(),
    *"lable: foo:".split(),
    *"open closed all title none @me *..5 -7d 2026-01-01 a bug #12 é ſ ١ ((((( )))))".split(),
    *["\x00", "\ud800", "\u2028", "\t", "is:open", "in:title", "sort:newest", "-label:a"],
    *[" "] * 12,
]
"""What random strings are made of: what the language knows is what may go wrong."""

ORDINARY = " ".join(f"label:l{i} author:a{i} -milestone:m{i} word{i} is:open" for i in range(10))
"""As many terms as a filter may have: it takes about 1 ms where a whole filter may take 5
(FILTERS.md §5)."""

LIMIT = 5
"""How many times as long as `ORDINARY` a text may take."""


def seconds(text):
    start = time.process_time()
    parse(text)
    return time.process_time() - start


def takes_long(text):
    """Return whether it does each time: what something else on the machine slows is fast again."""
    return all(seconds(text) > LIMIT * seconds(ORDINARY) for _ in range(15))


def test_a_hundred_thousand_random_strings():
    source = random.Random(4)
    limit = LIMIT * min(seconds(ORDINARY) for _ in range(9))
    slow = []
    for _number in range(100_000):
        text = "".join(source.choices(PIECES, k=source.randrange(source.randrange(1, 30))))
        start = time.process_time()
        filter_ = parse(text)
        if time.process_time() - start > limit:
            slow.append(text)
        assert filter_.has_errors or len(str(filter_)) < 3 * len(text) + 20
    assert [text for text in slow if takes_long(text)] == []


def test_random_strings_are_written_so_that_they_read_the_same():
    source = random.Random(5)
    for _number in range(5_000):
        text = "".join(source.choices(PIECES, k=source.randrange(40)))
        filter_ = parse(text)
        assert parse(str(filter_)) == filter_, text


@pytest.mark.parametrize(
    "piece",
    [
        *["(", ")", ") ", '"', "' ", "'a ", "\\", '"\\', "-(", "() ", "(a OR ", "a (b OR ", "NOT("],
        *["OR ", "NOT ", "AND ", "a OR ", "a\\ ", "..", ",", ":", "é", "a", " "],
        *["label:", "label:a ", "label:a,", 'label:"', "is:x ", "is:x,", "lable:a ", "sort:due,"],
        *["created:2020..2019 ", "created:1y,", "created:..", "x:y ", '"is:open" ', "in:title "],
        *["author:aa,bb,cc,dd,ee,ff ", "-label:a label:a ", "no:label label:a ", "* ", "#1 "],
        *["(author:a author:b) OR ", "review:a ", "was:a ", "((((( a) b) c) d) e) OR "],
    ],
)
def test_no_text_takes_long(piece):
    text = piece * MAX_LENGTH
    for length in (MAX_LENGTH, 10 * MAX_LENGTH):
        assert not takes_long(text[:length]), length


def test_different_names_in_each_of_many_terms_do_not_take_long():
    text = " ".join(f"author:{','.join(f'a{i}{j}' for j in range(6))}" for i in range(50))
    assert not takes_long(text[:MAX_LENGTH])
