from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.inbound.reading.headers import (
    Address,
    decode_field,
    parse_addresses,
    parse_parameters,
)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Crash on start", "Crash on start"),
        (b"=?utf-8?q?Caf=C3=A9_ol=C3=A9?=", "Café olé"),
        (b"=?UTF-8?B?w4k=?= =?UTF-8?B?dMOp?=", "Été"),
        # A letter cut in two between encoded words, as some clients do.
        (b"=?utf-8?q?=C3?=\t=?utf-8?q?=A9?=", "é"),
        (b"Re: =?iso-8859-1?Q?Gr=FC=DFe?= an alle", "Re: Grüße an alle"),
        (b"=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=", "テスト"),
        (b"=?utf-8*en?q?hello?=", "hello"),
        (b"=?no-such-charset?q?caf=E9?=", "café"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"a\r\n\tb\x00\x07c", "a bc"),
        (b"=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"", ""),
    ],
)
def test_a_field_is_one_clean_line(raw, text):
    assert decode_field(raw) == text


@pytest.mark.parametrize(
    ("raw", "addresses"),
    [
        (b"ann@example.org", [("", "ann@example.org")]),
        (b"Ann Lee <ann@example.org>", [("Ann Lee", "ann@example.org")]),
        (b'"Lee, Ann" <ann@example.org>, bob@example.org',
         [("Lee, Ann", "ann@example.org"), ("", "bob@example.org")]),
        (b"ann@example.org (Ann Lee (the first))",
         [("Ann Lee (the first)", "ann@example.org")]),
        (b"Team: ann@example.org, Bob <bob@example.org>;",
         [("", "ann@example.org"), ("Bob", "bob@example.org")]),
        (b"undisclosed-recipients:;", []),
        (b"=?utf-8?q?=C3=89mile?= <e@example.org>", [("Émile", "e@example.org")]),
        # An encoded word may hold an address, which is part of the name nevertheless.
        (b"=?utf-8?q?boss=40example.org=3E=2C?= <eve@example.org>",
         [("boss@example.org>,", "eve@example.org")]),
        (b'"boss@example.org" <eve@example.org>', [("boss@example.org", "eve@example.org")]),
        (b"<boss@example.org> <eve@example.org>", [("", "boss@example.org")]),
        (b"<@relay.example:ann@example.org>", [("", "ann@example.org")]),
        (b"<>", []),
        (b"MAILER-DAEMON", []),
        (b'"', []),
        (b"(", []),
    ],
)  # fmt: skip
def test_addresses(raw, addresses):
    assert list(parse_addresses(raw)) == [Address(*pair) for pair in addresses]


@pytest.mark.parametrize(
    ("raw", "value", "parameters"),
    [
        (b"text/plain; charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        (b'TEXT/Plain; Charset="us-ascii"; format=flowed', "text/plain",
         {"charset": "us-ascii", "format": "flowed"}),
        (b"attachment; filename*=UTF-8''na%C3%AFve%20plan.txt", "attachment",
         {"filename": "naïve plan.txt"}),
        (b'attachment; filename*0*=utf-8\'\'%C3%A9t; filename*1*=%C3%A9; filename*2=".txt"',
         "attachment", {"filename": "été.txt"}),
        (b'attachment; filename="=?utf-8?b?w6k=?=.txt"', "attachment", {"filename": "é.txt"}),
        (b'attachment; filename="a;b=c.txt"', "attachment", {"filename": "a;b=c.txt"}),
        (b'multipart/mixed; boundary="=_a\\"b"', "multipart/mixed", {"boundary": '=_a"b'}),
        (b"text/plain; charset", "text/plain", {}),
        (b"", "", {}),
    ],
)  # fmt: skip
def test_parameters(raw, value, parameters):
    assert parse_parameters(raw) == (value, parameters)


@given(st.binary(max_size=300))
def test_nothing_is_too_strange_to_be_read(raw):
    decode_field(raw).encode()
    for address in parse_addresses(raw):
        assert "@" in address.address
        assert not any(character.isspace() for character in address.address)
    parse_parameters(raw)
