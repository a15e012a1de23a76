import datetime as dt

import pytest

from ponytracker.importers.node import Node, parse
from ponytracker.importers.records import ArchiveError


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not JSON, or is cut off"),
        (b'{"a": [1, 2', "is not JSON, or is cut off"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b"[" * 100_000, "nests too deeply"),
        (b"9" * 5000, "is not JSON"),
    ],
    ids=["empty", "cut off", "latin-1", "deep", "long number"],
)
def test_what_is_no_json_is_said(raw, message):
    with pytest.raises(ArchiveError, match=rf"^f\.json .*{message}"):
        parse(raw, "f.json")


def test_byte_order_mark_is_nothing():
    assert parse(b"\xef\xbb\xbf[1]", "f") == [1]


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        ("text", 5, "f: 'k' is 5; expected a text."),
        ("text", None, "f: 'k' is null; expected a text."),
        ("text", ["x"], "f: 'k' is a list; expected a text."),
        ("number", "5", "f: 'k' is '5'; expected a number from 1 to 2147483647."),
        ("number", True, "f: 'k' is true or false; expected a number from 1 to 2147483647."),
        ("number", 0, "f: 'k' is 0; expected a number from 1 to 2147483647."),
        ("number", 2**31, "f: 'k' is 2147483648; expected a number from 1 to 2147483647."),
        ("time", "soon", "f: 'k' is 'soon'; expected a time such as 2016-11-17T07:20:37Z."),
        ("time", 7, "f: 'k' is 7; expected a time such as 2016-11-17T07:20:37Z."),
        (
            "time",
            "2016-11-17T07:20:37",
            "f: 'k' is '2016-11-17T07:20:37'; expected a time such as 2016-11-17T07:20:37Z.",
        ),
        (
            "time",
            "0001-01-01T00:00:00+14:00",
            "f: 'k' is '0001-01-01T00:00:00+14:00'; expected a time such as 2016-11-17T07:20:37Z.",
        ),
        ("node", [], "f: 'k' is a list; expected an object."),
        ("node", None, "f: 'k' is null; expected an object."),
    ],
)
def test_a_wrong_type_is_said(read, value, message):
    with pytest.raises(ArchiveError) as error:
        getattr(Node({"k": value}, "f"), read)("k")
    assert str(error.value) == message


def test_a_missing_key_is_said():
    with pytest.raises(ArchiveError, match="f lacks the key 'k'; expected a text"):
        Node({}, "f").text("k")


def test_what_is_wrong_in_a_list_is_said():
    node = Node({"k": [{}, 5], "texts": ["a", None], "no": "x"}, "f")
    with pytest.raises(ArchiveError, match="f: 'k' item 2 is a number; expected an object"):
        list(node.nodes("k"))
    with pytest.raises(ArchiveError, match="f: 'texts' item 2 is null; expected a text"):
        list(node.texts("texts"))
    with pytest.raises(ArchiveError, match="f: 'no' is 'x'; expected a list"):
        list(node.nodes("no"))


def test_one_of_some_words():
    assert Node({"k": "open"}, "f").word("k", "open", "closed") == "open"
    for value in ("OPEN", None, ["open"]):
        with pytest.raises(ArchiveError, match="expected open or closed"):
            Node({"k": value}, "f").word("k", "open", "closed")


def test_null_and_missing_are_the_same_where_either_may_be():
    for data in ({}, {"k": None}):
        node = Node(data, "f")
        assert node.text_or_none("k") is node.time_or_none("k") is node.node_or_none("k") is None
        assert list(node.nodes("k")) == list(node.texts("k")) == []


def test_texts_are_made_fit_to_be_stored():
    assert Node({"k": "a\r\nb\0\ud800"}, "f").text("k") == "a\nb\ufffd"


def test_times_are_in_utc():
    time = Node({"k": "2020-01-01T01:00:00+02:00"}, "f").time("k")
    assert time.isoformat() == "2019-12-31T23:00:00+00:00"
    assert time.tzinfo is dt.UTC
