from __future__ import annotations

import pytest

from ponytracker.inbound.reading.message import read_message
from ponytracker.inbound.trust import find_author, is_proven

AUTHOR = "alice@people.example"
MX = "mx.example.org"


def proven(*results, author=AUTHOR):
    head = "".join(f"Authentication-Results: {result}\r\n" for result in results)
    message = read_message(f"{head}From: {author}\r\n\r\nHello".encode())
    return is_proven(message, author, MX)


@pytest.mark.parametrize(
    "result",
    [
        f"{MX}; dmarc=pass header.from=people.example",
        f"{MX}; dmarc=pass (p=none dis=none) header.from=people.example",
        f"{MX} 1; spf=fail smtp.mailfrom=x.example; dmarc=pass header.from=PEOPLE.example",
        f"{MX.upper()}; DKIM=Pass header.d=people.example header.s=k",
        f"{MX}; dkim=pass header.i=@people.example",
        f"{MX};\r\n dkim=fail header.d=people.example;\r\n dkim=pass header.d=people.example",
        f"{MX}; spf=pass smtp.mailfrom=bounce@people.example",
        f"{MX}; spf=pass smtp.mailfrom=people.example",
        f'{MX}; dkim=pass header.d="people.example"',
    ],
)
def test_what_proves_it(result):
    assert proven(result)


@pytest.mark.parametrize(
    "result",
    [
        "",
        MX,
        f"{MX}; none",
        f"{MX}; dmarc=fail header.from=people.example; spf=pass smtp.mailfrom=people.example",
        f"{MX}; dmarc=pass header.from=evil.example",
        f"{MX}; dmarc=none; dkim=pass header.d=evil.example",
        f"{MX}; dmarc=pass",
        f"{MX}; spf=pass smtp.mailfrom=a@evil.example smtp.mailfrom=a@people.example",
        f"{MX}; dkim=fail reason=x dkim=pass header.d=people.example",
        f"{MX}; dkim=pass header.d=people.example(.evil.example",
        f"{MX}; dkim=pass header.d=people.example(.evil.example; spf=none smtp.mailfrom=)@x",
        f"{MX}; dkim=pass header.d=example",
        f"{MX}; dkim=pass header.d=eople.example",
        f"{MX}; dkim=pass header.d=evil.people.example",
        f"{MX}; spf=pass smtp.mailfrom=people.example@evil.example",
        f"{MX}; spf=softfail smtp.mailfrom=people.example",
        f"{MX}; dkim=pass",
        f"{MX}; spf=pass smtp.helo=people.example",
        f"{MX}; spf=fail (dmarc=pass header.from=people.example)",
        f"{MX}; spf=fail (; dmarc=pass header.from=people.example)",
        f"{MX}; spf=fail (a (b; dmarc=pass) ; dmarc=pass header.from=people.example)",
        f'{MX}; spf=fail reason="; dmarc=pass header.from=people.example"',
        f'{MX}; spf=pass smtp.mailfrom="x@people.example"@evil.example',
        f'{MX}; spf=pass smtp.mailfrom="; dmarc=pass header.from=people.example"@evil.example',
        f'{MX}; spf=pass smtp.mailfrom="\\"; dmarc=pass"@evil.example',
        f'{MX}; spf=fail (") ; dmarc=pass header.from=people.example',
        f'{MX}; spf=fail ("); dmarc=pass ") header.from=people.example',
        "mx.elsewhere.example; dmarc=pass header.from=people.example",
        f"mx.elsewhere.example {MX}; dmarc=pass header.from=people.example",
        f"{MX}.evil.example; dmarc=pass header.from=people.example",
    ],
)
def test_what_does_not(result):
    assert not proven(result)


def test_only_the_topmost_counts():
    good = f"{MX}; dmarc=pass header.from=people.example"
    bad = f"{MX}; dmarc=fail header.from=people.example"
    assert proven(good, bad)
    assert not proven(bad, good)
    assert not proven(f"{MX}; none", good)
    # Another server's says nothing.
    assert proven("mx.elsewhere.example; dmarc=fail", good)


def test_a_part_of_a_domain_may_be_spoken_for_by_the_whole():
    author = "alice@mail.people.example"
    assert proven(f"{MX}; dkim=pass header.d=people.example", author=author)


@pytest.mark.parametrize(
    ("sender", "author"),
    [
        ("alice@people.example", AUTHOR),
        ("Alice <ALICE@People.example>", AUTHOR),
        ('"Alice, A." <alice@people.example>', AUTHOR),
        ("alice@people.example, bob@people.example", ""),
        ("", ""),
        ("Alice", ""),
    ],
)
def test_who_it_says_it_is_from(sender, author):
    assert find_author(read_message(f"From: {sender}\r\n\r\n".encode())) == author


@pytest.mark.parametrize(
    "field",
    [
        f"Alice <{AUTHOR}>",
        f'"eve@evil.example via list" <{AUTHOR}>',
        f"{AUTHOR.upper()} <{AUTHOR}>",
        f"{AUTHOR} (Alice)",
    ],
)
def test_one_author(field):
    assert find_author(read_message(f"From: {field}\r\n\r\nx".encode())) == AUTHOR


@pytest.mark.parametrize(
    "field",
    [
        f"<{AUTHOR}> <eve@evil.example>",
        f"{AUTHOR} eve@evil.example",
        f"<eve@evil.example:{AUTHOR}>",
        f"eve@evil.example <{AUTHOR}>",
        f"{AUTHOR}, eve@evil.example",
        f"{AUTHOR}\r\nFrom: eve@evil.example",
        "",
    ],
)
def test_who_may_be_another_is_nobody(field):
    assert find_author(read_message(f"From: {field}\r\n\r\nx".encode())) == ""
