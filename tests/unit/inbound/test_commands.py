from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.inbound.commands import MAX_COMMANDS, NAMES, parse


def lines(parsed):
    return [command.line for command in parsed.commands]


@pytest.mark.parametrize(
    ("text", "rest", "found"),
    [
        ("/close", "", ["/close"]),
        ("/close #12", "", ["/close #12"]),
        ("/CLOSE  #12  ", "", ["/close #12"]),
        ("Done.\n\n/close\n", "Done.", ["/close"]),
        ("/label a, b\n/assign @bob\n\nDone.", "Done.", ["/label a, b", "/assign @bob"]),
        ("/close\n\nDone.\n\n/label x", "Done.", ["/close", "/label x"]),
        ("\n\n/close\n\n/unassign", "", ["/close", "/unassign"]),
        ("First\n/close\nlast", "First\n/close\nlast", []),
        ("> /close", "> /close", []),
        ("    /close", "    /close", []),
        (" /close", " /close", []),
        ("Please /close", "Please /close", []),
        ("/usr/bin/close", "/usr/bin/close", []),
        ("```\n/close\n```", "```\n/close\n```", []),
        ("See:\n```\n/close", "See:\n```\n/close", []),
        ("See:\n~~~\n```\n/close", "See:\n~~~\n```\n/close", []),
        ("```\nx\n```\n/close", "```\nx\n```", ["/close"]),
        ("````\n```\n/close\n````", "````\n```\n/close\n````", []),
        ("", "", []),
        ("no commands\n\n", "no commands\n\n", []),
    ],
)
def test_where_commands_stand(text, rest, found):
    parsed = parse(text)
    assert (parsed.text, lines(parsed), parsed.unknown) == (rest, found, ())


def test_an_unknown_one_stays_text():
    parsed = parse("/clsoe\n/label x\n\nText\n/foo bar")
    assert parsed.unknown == ("/clsoe", "/foo bar")
    assert lines(parsed) == ["/label x"]
    assert parsed.text == "/clsoe\n\nText\n/foo bar"


def test_there_is_an_end():
    parsed = parse("/close\n" * (MAX_COMMANDS + 5))
    assert len(parsed.commands) == MAX_COMMANDS
    assert parsed.text.count("/close") == 5


PIECES = st.sampled_from(
    ["/close", "/label a", "/nosuch", "> /close", "```", "~~~", "text", "", "  ", "/", "/close x y"]
)


@given(st.lists(PIECES, max_size=12))
def test_nothing_is_lost(pieces):
    text = "\n".join(pieces)
    parsed = parse(text)
    taken = [line.split() for line in [*parsed.text.split("\n"), *lines(parsed)] if line.strip()]
    assert sorted(taken) == sorted(line.split() for line in pieces if line.strip())
    assert {command.name for command in parsed.commands} <= NAMES
