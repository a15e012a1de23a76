from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ponytracker.inbound.reading.charsets import decode


@pytest.mark.parametrize(
    ("octets", "declared", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("it’s €5".encode("cp1252"), "iso-8859-1", "it’s €5"),
        ("it’s".encode("cp1252"), "us-ascii", "it’s"),
        ("it’s".encode("cp1252"), None, "it’s"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        ("고맙습니다.".encode("cp949"), "ks_c_5601-1987", "고맙습니다."),
        ("①テスト".encode("cp932"), "shift_jis", "①テスト"),
        ("镕基".encode("gb18030"), "gb2312", "镕基"),
        ("テスト".encode("iso-2022-jp"), "ISO-2022-JP", "テスト"),
        ("Mäuse".encode("utf-7"), "unicode-1-1-utf-7", "Mäuse"),
        ("Grüße".encode("utf-16"), "utf-16", "Grüße"),
        # What is declared is a hint: valid UTF-8 wins.
        ("您好".encode(), "big5", "您好"),
        ("Grüße".encode(), "windows-1252", "Grüße"),
        # A stray octet is damage; many of them say that it never was UTF-8.
        ("Здравствуйте".encode() + b"\xaa", "utf-8", "Здравствуйте\ufffd"),
        ("très déçu".encode("latin-1"), "utf-8", "très déçu"),
        (b"caf\xe9", "no-such-charset", "café"),
        (b"caf\xe9", "x" * 500, "café"),
        # Codecs that are no charsets are not asked.
        (b"uryyb", "rot13", "uryyb"),
        (b"x\x9c\x03\x00", "zlib_codec", "xœ"),
        (b"a-b", "punycode", "a-b"),
        (b"\\u0041", "unicode_escape", "\\u0041"),
        (b"\xef\xbb\xbfhello", None, "hello"),
        (b"a\x00b\x1bc\r\nd\re\x0c", None, "abc\nd\ne"),
        ("safe\u202efdp.exe\u2066".encode(), "utf-8", "safefdp.exe"),
    ],
)
def test_a_charset_is_a_hint(octets, declared, text):
    assert decode(octets, declared) == text


@given(
    st.binary(max_size=200), st.sampled_from(["utf-8", "utf-7", "hz", "big5", "johab", "", None])
)
def test_whatever_the_octets_the_text_is_clean(octets, declared):
    text = decode(octets, declared)
    text.encode()
    assert "\x00" not in text
    assert "\r" not in text
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
